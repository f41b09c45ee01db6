"""Archives are fetched once, and nothing is left of those that cannot be used."""

import io
import tarfile

import pytest

from espnet2.interface.errors import ArchiveError
from espnet2.recipe.download import download


def archive(path, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 2
            tar.addfile(info, io.BytesIO(b"ok"))
    return path.as_uri()


def test_parts_are_unpacked_side_by_side(tmp_path):
    for part in ("dev", "test"):
        url = archive(tmp_path / f"{part}.tgz", [f"Corpus/{part}/a"])
        assert download(url, tmp_path / "to", f"Corpus/{part}").is_dir()
    assert sorted(path.name for path in (tmp_path / "to" / "Corpus").iterdir()) == ["dev", "test"]
    assert download("no://where", tmp_path / "to", "Corpus/dev").is_dir()


@pytest.mark.parametrize(
    ("names", "message"),
    [(["../evil"], "expected a tar archive to download"), (["other"], "expected an archive that holds Corpus")],
)
def test_what_cannot_be_used_is_refused(tmp_path, names, message):
    with pytest.raises(ArchiveError, match=message):
        download(archive(tmp_path / "a.tgz", names), tmp_path / "to", "Corpus")
    assert list((tmp_path / "to").iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "page").write_text("<html>")
    for url in ((tmp_path / "page").as_uri(), (tmp_path / "none").as_uri()):
        with pytest.raises(ArchiveError, match="expected a tar archive to download, found"):
            download(url, tmp_path / "to", "Corpus")
