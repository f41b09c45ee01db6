"""Archives from strangers: members are checked before they are read, and whatever a reader raises is a sentence."""

import gzip
import io
import tarfile
import zipfile

import pytest

from espnet2.fileio.archives import members
from espnet2.interface.errors import ArchiveError

pytestmark = pytest.mark.usefixtures("within_bounds")


def zipped(path, *names, data=b"x", compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in names:
            archive.writestr(name, data)


def tarred(path, mode, *infos):
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(info.size)) if info.isreg() else None)


def info(name, size=1, kind=tarfile.REGTYPE):
    found = tarfile.TarInfo(name)
    found.size, found.type = size, kind
    return found


def _long_header(path):
    """A header that claims to have 2 GB."""
    header = info("x", (2 << 30) - 1, tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(header + bytes(2048))


def _sparse(path):
    """A file of 8 GB without contents."""
    header = info("x", 8 << 30).tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(header + bytes(2048))


def _half(mode):
    def make(path):
        tarred(path, mode, info("meta.yaml", 5000))
        path.write_bytes(path.read_bytes()[:60])

    return make


def _changed(old, new):
    def make(path):
        zipped(path, "meta.yaml", data=b"files: {}" * 50)
        path.write_bytes(path.read_bytes().replace(old, new))

    return make


def _many_entries(path):
    """A list of 100,000 files that are one."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"")
        archive.filelist += archive.filelist * 100_000


def _long_names(path):
    """Names of 8 MB, which compress a thousandfold."""
    long = info("././@LongLink", (8 << 20) - 512, tarfile.GNUTYPE_LONGNAME).tobuf(tarfile.GNU_FORMAT)
    part = long + b"x" * ((8 << 20) - 512) + info("x", 0).tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(gzip.compress(part, 1) * 4)


DEEP = "/".join(["d"] * 2000)
HOSTILE = {
    "a deep folder": (lambda path: zipped(path, DEEP), "expected at most 32 folders in each other, found 'd/d/"),
    "a deep folder of tar": (lambda path: tarred(path, "w", info(DEEP)), "expected at most 32 folders"),
    "a long header": (_long_header, "can be read, found: 2147483648 bytes to be read at once"),
    "a sparse file": (_sparse, "may come from 2560 bytes, found 8589934592 bytes at 'x'"),
    "a file that grows": (lambda path: zipped(path, "x", data=bytes(20 << 20)), "may come from"),
    "half a tar.gz": (_half("w:gz"), "found"),
    "half a tar.bz2": (_half("w:bz2"), "found"),
    "half a tar.xz": (_half("w:xz"), "found"),
    "many entries": (_many_entries, "can be read, found: 4700047 bytes to be read at once"),
    "many folders": (
        lambda path: path.write_bytes(gzip.compress(info("d/", 0, tarfile.DIRTYPE).tobuf() * 20_000, 1)),
        "expected at most 10000 files unpacked, found more at a folder; set ESPNET_UNPACKED_FILES",
    ),
    "long names": (_long_names, "bytes in all; set ESPNET_EXPANSION to allow more"),
    "another method": (_changed(b"\x08\0", b"\x63\0"), "can be read, found: "),
    "an encrypted file": (_changed(b"\x14\0\0\0\x08\0", b"\x14\0\1\0\x08\0"), "found"),
    "a device": (lambda path: tarred(path, "w", info("x", 0, tarfile.CHRTYPE)), "found a link or device, 'x'"),
    "a hard link": (lambda path: tarred(path, "w", info("x", 0, tarfile.LNKTYPE)), "found a link or device, 'x'"),
    "a terminal": (lambda path: zipped(path, "../\x1b[2J"), "found '../\\x1b[2J'"),
    "a device as archive": (lambda path: path.symlink_to("/dev/zero"), "expected a packed model, found a device"),
    "nothing": (lambda path: path.touch(), "found"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hostile_archives(tmp_path, monkeypatch, name):
    monkeypatch.setenv("ESPNET_EXPANDED_BYTES", "10000000")
    make, found = HOSTILE[name]
    path = tmp_path / "x.zip"
    make(path)
    with pytest.raises(ArchiveError) as error:
        for member in members(path):
            for _ in member.blocks():
                pass
    assert str(error.value).startswith(f"{path}: expected ") and found in str(error.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_checkpoint_at_the_end_of_a_tar(tmp_path, mode):
    """It is a zip archive itself."""
    zipped(tmp_path / "model.pth", "data.pkl")
    with tarfile.open(tmp_path / "a", mode) as archive:
        archive.add(tmp_path / "model.pth", "exp/model.pth")
    assert [(str(member.name), b"".join(member.blocks())) for member in members(tmp_path / "a")] == [
        ("exp/model.pth", (tmp_path / "model.pth").read_bytes())
    ]
