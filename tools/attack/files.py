"""Damaged files by their kind: functions that make the bytes of a hostile file from those of a good one."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence

Damage = Callable[[bytes, random.Random], bytes]

PRIME = 2**61 - 1  # integers that differ by multiples of it have the same hash
_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)


def _before(text: bytes) -> Damage:
    return lambda content, rng: text + content


def _after(text: bytes) -> Damage:
    return lambda content, rng: content + b"\n" + text + b"\n"


def _whole(text: bytes) -> Damage:
    return lambda content, rng: text


def _in_keys(make: Callable[[bytes], bytes]) -> Damage:
    """Change the line of a key at the top."""

    def damage(content: bytes, rng: random.Random) -> bytes:
        lines = content.splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if line[:1].isalpha()]
        number = rng.choice(places)
        lines[number] = make(lines[number])
        return b"".join(lines)

    return damage


DOCUMENTS: Mapping[str, Damage] = {
    "mark": _before(b"\xef\xbb\xbf"),
    "UTF-16": lambda content, rng: content.decode().encode("utf-16"),
    "UTF-32": lambda content, rng: content.decode().encode("utf-32"),
    "not UTF-8": _after(b"# \xff"),
    "Latin-1": _after(b"caf\xe9: 1"),
    "zero byte": _after(b"x\0: 1"),
    "control": _after(b"\x07x: 1"),
    "escapes": _after(b'"\\e[2J\\a": 1'),
    "a surrogate": _after(b'"\\ud800": 1'),
    "reversed": _after('"\u202ex": 1'.encode()),
    "CR": lambda content, rng: content.replace(b"\n", b"\r"),
    "CRLF": lambda content, rng: content.replace(b"\n", b"\r\n"),
    "next line": lambda content, rng: content.replace(b"\n", "\x85".encode(), 1),
    "tabs": lambda content, rng: content.replace(b"  ", b"\t"),
    "twice": lambda content, rng: content + content,
    "two documents": _after(b"---\nx: 1"),
    "end": _before(b"...\n"),
    "directive": _before(b"%YAML 9.9\n---\n"),
    "tag directive": _before(b"%TAG ! tag:yaml.org,2002:python/\n---\n"),
    "python": _after(b"x: !!python/object/apply:os.system [touch /tmp/owned]"),
    "python name": _after(b"x: !!python/name:os.system"),
    "tag": _in_keys(lambda line: line.replace(b": ", b": !x ", 1)),
    "integer tag": _in_keys(lambda line: line.replace(b": ", b": !!int ", 1)),
    "boolean tag": _in_keys(lambda line: line.replace(b": ", b": !!bool ", 1)),
    "binary tag": _in_keys(lambda line: line.replace(b":", b": !!binary x\nx:", 1)),
    "set": _after(b"x: !!set {a, b}"),
    "omap": _after(b"x: !!omap [a: 1, a: 2]"),
    "pairs": _after(b"x: !!pairs [[a]]"),
    "bomb": _after(_BOMB),
    "bombs of keys": _in_keys(lambda line: line.split(b":")[0] + b": &q [a,a,a,a,a,a,a,a,a,a]\n" + _bombs(line)),
    "itself": _in_keys(lambda line: line.split(b":")[0] + b": &z [*z]\n"),
    "itself in a mapping": _in_keys(lambda line: line.split(b":")[0] + b": &z {x: *z}\n"),
    "merge": _after(b"<<: [{a: 1}, 2]"),
    "merge of itself": _after(b"x: &m\n  <<: *m"),
    "merges": _after(
        b"m0: &m0 {a: 1}\n" + b"".join(b"m%d: &m%d {<<: [*m%d, *m%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    ),
    "deep list": _after(b"x: " + b"[" * 5000 + b"]" * 5000),
    "deep mapping": _after(b"x: " + b"{a: " * 5000 + b"}" * 5000),
    "deep blocks": _after(b"".join(b" " * n + b"k:\n" for n in range(1500))),
    "deep dashes": _after(b"x:\n" + b"- " * 5000 + b"a"),
    "deep questions": _after(b"? " * 5000 + b"a"),
    "90 levels": _after(b"x: " + b"[" * 90 + b"]" * 90),
    "equal hashes": _after(b"x: {" + b", ".join(b"%d: 1" % (n * PRIME) for n in range(60_000)) + b"}"),
    "equal hashes of fractions": _after(b"x: {" + b", ".join(b"%d.0: 1" % (2**61 * n) for n in range(60_000)) + b"}"),
    "a list as key": _after(b"? [a]\n: 1"),
    "a mapping as key": _after(b"? {a: 1}\n: 1"),
    "numbers as keys": _after(b"1: 1\n1.5: 2\nnull: 3\ntrue: 4\n2020-01-01: 5"),
    "long key": _after(b"k" * 200_000 + b": 1"),
    "long text": _in_keys(lambda line: line.split(b":")[0] + b": " + b"v" * 2_000_000 + b"\n"),
    "long number": _after(b"x: " + b"9" * 100_000),
    "hexadecimal": _after(b"x: 0x" + b"f" * 6000),
    "sexagesimal": _after(b"x: 1" + b":59" * 3000),
    "fractions": _after(b"x: 1" + b":59" * 100_000 + b".5"),
    "date": _after(b"x: 9999-99-99"),
    "date and time": _after(b"x: 2001-12-14t21:59:43.10-99:99"),
    "spaces": _after(b" " * 7_000_000),
    "lines": _after(b"\n" * 7_000_000),
    "values": _after(b"x: [" + b"1," * 390_000 + b"]"),
    "anchors": _after(b"".join(b"x%d: &x%d 1\n" % (n, n) for n in range(100_000))),
    "comment": _after(b"#" * 7_000_000),
    "too long": _after(b"#" * 9_000_000),
    "quotes": _after(b'x: "' + b"\\\n" * 200_000 + b'"'),
    "open quote": _after(b'x: "' + b"a" * 2_000_000),
    "block": _after(b"x: |99\n  a"),
    "null": _whole(b"null\n"),
    "a number": _whole(b"3\n"),
    "a list": _whole(b"[a]\n"),
    "an empty mapping": _whole(b"{}\n"),
    "JSON": _whole(b'{"task": "asr", "format_version": 2}'),
}


def _bombs(line: bytes) -> bytes:
    return b"".join(
        b"q%d: &q%d [%s]\n" % (n, n, b",".join([b"*q%s" % (b"%d" % (n - 1) if n > 1 else b"")] * 10))
        for n in range(1, 9)
    )


def cut(content: bytes, rng: random.Random) -> bytes:
    """A part of the bytes."""
    return content[: rng.randrange(len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, more of them at the beginning and the end."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 2, 5, 20))):
        place = rng.choice(
            (rng.randrange(len(found)), rng.randrange(min(400, len(found))), -1 - rng.randrange(min(400, len(found))))
        )
        found[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(found)


# Archives: from the files of a good one by name, the content of a hostile one.
Packed = Mapping[str, bytes]
META = "meta.yaml"


def zipped(files: Packed, change: Callable[[zipfile.ZipFile], object] | None = None, **options: int) -> bytes:
    """A zip archive of files, to which `change` adds."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if change is not None:
            change(archive)
    return file.getvalue()


def _zip_link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def _many(archive: zipfile.ZipFile) -> None:
    """A directory of 300,000 entries, all of one empty file."""
    archive.writestr("e", b"")
    archive.filelist += [archive.filelist[-1]] * 300_000


def tarred(
    files: Packed, further: Sequence[tarfile.TarInfo] = (), mode: str = "w:gz", kind: int = tarfile.GNU_FORMAT
) -> bytes:
    """A tar archive of files and empty members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=kind) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in further:
            archive.addfile(info)
    return file.getvalue()


def _info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def _folders(files: Packed) -> bytes:
    """Two million folders, which compress to some megabytes."""
    import gzip

    header = _info("d/", tarfile.DIRTYPE).tobuf()
    return gzip.compress(header * 2_000_000, 1) + tarred(files)


def _headers(files: Packed) -> bytes:
    """Long headers one after the other, each of 16 MB of zeros."""
    import gzip

    size = (1 << 24) - 512
    info = _info("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = size
    part = gzip.compress(info.tobuf() + bytes(size) + _info("f").tobuf(), 1)
    return part * 200 + tarred(files)


def _meta(change: Callable[[bytes], bytes]) -> Callable[[Packed], bytes]:
    return lambda files: zipped({**files, META: change(files[META])})


ARCHIVES: Mapping[str, Callable[[Packed], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "nothing in it": lambda files: zipped({}),
    "no meta": lambda files: zipped({name: content for name, content in files.items() if name != META}),
    "meta alone": lambda files: zipped({META: files[META]}),
    "empty meta": _meta(lambda content: b""),
    "a list as meta": _meta(lambda content: b"[a]"),
    "sections of lists": _meta(lambda content: b"files: [a]\nyaml_files: [b]"),
    "names of numbers": _meta(lambda content: b"files: {1: 2}\nyaml_files: {asr_train_config: 3}"),
    "names that lead out": _meta(lambda content: b"files: {asr_model_file: /etc/passwd}\nyaml_files: {}"),
    "long names": _meta(lambda content: b"files: {asr_model_file: " + b"x" * 100_000 + b"}"),
    "unknown files": _meta(lambda content: content + b"\nx: {y: z}\n"),
    "no config": _meta(lambda content: b"files: {asr_model_file: model.pth}"),
    "config as weights": _meta(
        lambda content: b"files: {asr_model_file: config.yaml}\nyaml_files: {asr_train_config: config.yaml}"
    ),
    "weights as config": _meta(
        lambda content: b"files: {asr_model_file: model.pth}\nyaml_files: {asr_train_config: model.pth}"
    ),
    "meta as config": _meta(
        lambda content: b"files: {asr_model_file: model.pth}\nyaml_files: {asr_train_config: meta.yaml}"
    ),
    "folder as weights": lambda files: zipped(
        {**files, META: b"files: {asr_model_file: d}\nyaml_files: {asr_train_config: config.yaml}", "d/x": b""}
    ),
    "up": lambda files: zipped({**files, "../../owned": b"x"}),
    "absolute": lambda files: zipped({**files, "/tmp/owned": b"x"}),
    "drive": lambda files: zipped({**files, "C:\\owned": b"x"}),
    "a link": lambda files: zipped(files, _zip_link),
    "twice": lambda files: zipped(files, lambda archive: archive.writestr("config.yaml", b"encoder: x")),
    "file below a file": lambda files: zipped({**files, "config.yaml/x": b""}),
    "a long name": lambda files: zipped({**files, "n" * 60_000: b""}),
    "escapes": lambda files: zipped({**files, "\x1b[2J\n": b""}),
    "deep": lambda files: zipped({**files, "d/" * 1000 + "f": b""}),
    "a folder in folders": lambda files: zipped({f"{'d/' * 20}{name}": content for name, content in files.items()}),
    "a bomb": lambda files: zipped({**files, "zeros": bytes(1 << 30)}, compression=zipfile.ZIP_DEFLATED),
    "a bomb of LZMA": lambda files: zipped({**files, "zeros": bytes(1 << 29)}, compression=zipfile.ZIP_LZMA),
    "many entries": lambda files: zipped(files, _many),
    "link": lambda files: tarred(files, [_info("l", tarfile.SYMTYPE, "/etc/passwd")]),
    "hard link": lambda files: tarred(files, [_info("l", tarfile.LNKTYPE, "config.yaml")]),
    "device": lambda files: tarred(files, [_info("l", tarfile.CHRTYPE)]),
    "pipe": lambda files: tarred(files, [_info("l", tarfile.FIFOTYPE)]),
    "unknown kind": lambda files: tarred(files, [_info("l", b"Z")]),
    "tar that leads out": lambda files: tarred({**files, "../owned": b"x"}),
    "two million folders": _folders,
    "long headers": _headers,
    "compressed with xz": lambda files: tarred(files, mode="w:xz"),
    "a bomb of bz2": lambda files: tarred({**files, "zeros": bytes(1 << 30)}, mode="w:bz2"),
    "an archive in it": lambda files: zipped({"model.zip": zipped(files)}),
    "text before": lambda files: b"x" * 100 + zipped(files),
    "text behind": lambda files: zipped(files) + b"x" * 100_000,
}
