"""Packed models: zip or tar archives with `meta.yaml` and the files that it names, packed and unpacked.

Archives come from strangers: every member's path, kind and size is checked before it is written, everything goes to a
temporary directory, and that directory gets its final name when it is complete.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

import espnet
from espnet2.fileio.archives import Member, members, safe_name
from espnet2.interface.errors import ArchiveError, ConfigError, kind_of, reason_of, shortened
from espnet2.interface.families import FAMILIES
from espnet2.text.build_tokenizer import PRETRAINED
from espnet2.text.whisper_vocabulary import ASSETS
from espnet2.utils.work_directory import work_directory
from espnet2.utils.yaml_file import read_mapping

META = "meta.yaml"  # of a packed model, with the files' names in these sections
META_SECTIONS = ("yaml_files", "files")

# Ending -> mode of `tarfile.open`; None for zip.
ARCHIVES: dict[str, Any] = {
    ".zip": None, ".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tbz2": "w:bz2",
    ".tar.xz": "w:xz", ".txz": "w:xz",
}  # fmt: skip
# Files that file managers add to archives that they make.
NOT_OF_THE_MODEL = ("__MACOSX", ".DS_Store")
# Keys of meta.yaml whose files are weights.
WEIGHTS = frozenset(row.packed.get(row.weights, row.weights) for row in FAMILIES.values())
# A vocoder of the package parallel_wavegan: key of meta.yaml, part of its file that is read, and files beside it.
VOCODER, GENERATOR, BESIDE_VOCODER = "vocoder_file", "generator", ("config.yml", "stats.h5", "stats.npy")
# Keys of a configuration whose values are files that recognition reads.
PACKED_KEYS = ("bpemodel", "stats_file", "non_linguistic_symbols", "ngram_file")


def unpack(input_archive: Path | str, outpath: Path | str, use_cache: bool = True) -> dict[str, str]:
    """Unpack `input_archive` to the directory `outpath` and return the files that `meta.yaml` names, by key.

    A directory that holds this archive already is used as it is, unless `use_cache` is False; in one that holds another
    version, the files of the archive are replaced, and no others. Raises `ArchiveError` for an archive that is
    damaged or unsafe, or when `outpath` holds something else.
    """
    archive, target = Path(input_archive), Path(outpath)
    with _temporary_beside(target) as directory:
        if target.exists() and not target.is_dir():
            raise ArchiveError(f"{target}: expected a new or empty directory, found a file")
        work = directory / "unpacked"
        work.mkdir()
        if use_cache and (target / META).is_file():
            _extract(archive, work, only=META)
            if _same_meta(_root(work), target):
                return read_meta(target)
        _extract(archive, work)
        root = _root(work)
        read_meta(root, f"{archive}: {(root / META).relative_to(work)}")
        _move(root, target)
    return read_meta(target)


@contextmanager
def _temporary_beside(target: Path) -> Iterator[Path]:
    """Make a directory beside `target` for the block; raises `ArchiveError` for errors of the system inside."""
    try:
        with work_directory(target.absolute().parent, target.name) as directory:
            yield directory
    except OSError as error:
        found = reason_of(error)
        raise ArchiveError(f"{target.parent}: expected a directory to unpack in, found: {found}") from error


def _root(directory: Path) -> Path:
    """Return the directory of a packed model's files: `directory`, or the only folder in it."""
    inside = [path for path in directory.iterdir() if path.name not in NOT_OF_THE_MODEL]
    only_folder = not (directory / META).is_file() and len(inside) == 1 and inside[0].is_dir()
    return _root(inside[0]) if only_folder else directory


def packed_root(path: str | Path) -> Path | None:
    """Return the directory of the packed model whose `meta.yaml` names the file `path`, or None."""
    file = Path(os.path.abspath(path))
    return next((root for root in file.parents if file in _named_files(root)), None)


def _named_files(root: Path) -> list[Path]:
    """Return the files that `root/meta.yaml` names; none where it is another program's."""
    try:
        meta = read_mapping(root / META) if (root / META).is_file() else {}
    except ConfigError:
        return []
    sections = [meta.get(section) for section in META_SECTIONS]
    return [root / str(name) for section in sections if isinstance(section, dict) for name in section.values()]


def read_meta(directory: Path | str, shown: str | None = None) -> dict[str, str]:
    """Return the paths of the files that `directory/meta.yaml` names; raises `ArchiveError` where one is missing.

    `shown` names that file in errors, where `directory` is a temporary one.
    """
    root = Path(directory)
    shown = str(root / META) if shown is None else shown
    if not (root / META).is_file():
        raise ArchiveError(f"{shown}: expected a packed model with {META}, which names its files, found none")
    try:
        meta = read_mapping(root / META, shown)
    except ConfigError as error:
        raise ArchiveError(f"{error}; it names the files of a packed model") from error
    files: dict[str, str] = {}
    for section in META_SECTIONS:
        named = meta.get(section) or {}
        if not isinstance(named, dict):
            raise ArchiveError(f"{shown}: {section}: expected names and paths, found {kind_of(named)}")
        for key, name in named.items():
            path = root / safe_name(str(name), shown)
            if not os.path.isfile(path):  # False for names that are too long
                found = f"no file {shortened(repr(name), 80)}"
                raise ArchiveError(f"{shown}: {section}.{key}: expected a file of the archive, found {found}")
            files[key] = str(path)
    return files


def get_dict_from_cache(meta: Path | str) -> dict[str, str] | None:
    """Return the files of the unpacked model of this `meta.yaml`; None where it or one of them is missing."""
    try:
        return read_meta(Path(meta).parent) if Path(meta).is_file() else None
    except ArchiveError:
        return None


def _extract(archive: Path, directory: Path, only: str | None = None) -> None:
    """Write the members of `archive`, or those called `only` in any folder, to `directory`."""
    free, total = shutil.disk_usage(directory).free, 0
    for member in members(archive):
        total += member.size
        if total > free:
            raise ArchiveError(f"{archive}: expected at most the {free} bytes that are free, found more")
        if only in (None, member.name.name):
            _write(member, directory / member.name, f"{archive}: {shortened(repr(str(member.name)), 80)}")


def _write(member: Member, path: Path, shown: str) -> None:
    """Write a member; raises `ArchiveError` with `shown` for one that cannot be written, as below another file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.open("wb")
    except OSError as error:
        raise ArchiveError(f"{shown}: expected a file that can be written, found: {reason_of(error)}") from error
    with target:
        target.writelines(member.blocks())


def _same_meta(work: Path, target: Path) -> bool:
    return (work / META).is_file() and (work / META).read_bytes() == (target / META).read_bytes()


def _move(work: Path, target: Path) -> None:
    """Rename the complete directory, or move its files into a directory that is there already."""
    try:
        if not target.exists():
            os.replace(work, target)
            return
        names = [path.relative_to(work) for path in work.rglob("*") if path.is_file()]
        taken = [name for name in names if _is_taken(target, name)]
        if taken:
            found = taken[0].parts[0]
            raise ArchiveError(f"{target}: expected a new or empty directory, found one that has {found!r} already")
        for name in sorted(names, key=lambda name: name == Path(META)):  # which says that all is there
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / name, target / name)
    except OSError as error:
        raise ArchiveError(f"{target}: expected a directory to unpack in, found: {reason_of(error)}") from error


def _is_taken(target: Path, name: Path) -> bool:
    """Whether `target` has something other than an older version of it in place of the file `name`."""
    if not (target / META).is_file():
        return os.path.lexists(target / name.parts[0])
    folders = (target / folder for folder in name.parents)
    return (target / name).is_dir() or any(os.path.lexists(folder) and not folder.is_dir() for folder in folders)


def find_path_and_change_it_recursive(value: Any, src: str, tgt: str) -> Any:
    """Replace every string that is the path `src` by `tgt`, in nested dictionaries and lists."""
    if isinstance(value, dict):
        return {name: find_path_and_change_it_recursive(item, src, tgt) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [find_path_and_change_it_recursive(item, src, tgt) for item in value]
    return tgt if isinstance(value, str) and Path(value) == Path(src) else value


def pack(
    outpath: Path | str,
    files: Mapping[str, Path | str],
    yaml_files: Mapping[str, Path | str],
    option: Sequence[Path | str] = (),
) -> list[str]:
    """Write a zip or tar archive (by the ending of `outpath`) that upstream can unpack; return the names in it.

    Args:
        outpath: The archive, ending in one of `ARCHIVES`; it is replaced when the new one is complete.
        files: Listed in `meta.yaml` as `files`, such as `asr_model_file`; configuration and statistics beside a
            `vocoder_file` are packed with it.
        yaml_files: Listed there as `yaml_files`, such as `asr_train_config`; files that these configurations name
            (`bpemodel`, `stats_file`, ...) are packed with them.
        option: Further files and directories.

    Raises:
        ArchiveError: Another ending, a file that is missing, or one that is not below the working directory.
        CheckpointError: Weights that cannot be read.
    """
    target = Path(outpath)
    ending = next((ending for ending in ARCHIVES if target.name.endswith(ending)), None)
    if ending is None:
        raise ArchiveError(f"{target}: expected a name ending in {', '.join(ARCHIVES)}, found {target.name!r}")
    meta = {
        "files": {key: _packed_name(path) for key, path in files.items()},
        "yaml_files": {key: _packed_name(path) for key, path in yaml_files.items()},
        "espnet": espnet.__version__,
        "python": sys.version,
        "timestamp": time.time(),
    }
    named = [file for path in yaml_files.values() for file in _files_of_config(Path(path))]
    beside = _beside_vocoder(Path(files[VOCODER])) if VOCODER in files else []
    members = [*yaml_files.values(), *files.values(), *named, *beside, *_all_files(option)]
    contents = {_packed_name(path): Path(path) for path in members}
    _read_weights(path for key, path in files.items() if key in WEIGHTS)
    with _temporary_beside(target) as directory:
        described = directory / META
        described.write_text(yaml.safe_dump(meta), encoding="utf-8")
        archive = directory / target.name
        _write_archive(archive, ARCHIVES[ending], {META: described, **contents})
        os.replace(archive, target)
    return list(contents)


def _read_weights(paths: Iterable[Path | str]) -> None:
    """Raise `CheckpointError` for weights that cannot be loaded."""
    from espnet2.torch_utils.checkpoint import load_checkpoint  # PyTorch, which unpacking does without

    for path in paths:
        load_checkpoint(path, part=GENERATOR)


def _beside_vocoder(path: Path) -> list[Path]:
    """Return configuration and statistics of a vocoder, which are found beside its weights."""
    return [file for file in map(path.with_name, BESIDE_VOCODER) if file.is_file()]


def _write_archive(archive: Path, mode: Any, contents: Mapping[str, Path]) -> None:
    if mode is None:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, path in contents.items():
                packed.write(path, name)
        return
    with tarfile.open(archive, mode, dereference=True) as tar:
        for name, path in contents.items():
            tar.add(path, name)


def _packed_name(path: Path | str) -> str:
    """Return the name of a file in the archive: its path from the working directory."""
    if not os.path.isfile(path):
        raise ArchiveError(f"{path}: expected a file to pack, found none")
    try:
        # Links keep their names: valid.acc.ave.pth is one.
        return Path(os.path.abspath(path)).relative_to(os.getcwd()).as_posix()
    except ValueError as error:
        raise ArchiveError(f"{path}: expected a file below {Path.cwd()}, where this runs, found another") from error


def _all_files(paths: Sequence[Path | str]) -> list[Path]:
    """Return the given files, and those below the given directories."""
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return found


def _files_of_config(config: Path) -> list[Path]:
    """Return the files that a configuration names at any depth, found as recognition finds them."""
    waiting: list[dict[str, Any]] = [read_mapping(config)]
    found: list[Path] = []
    places = [Path(), config.parent, *config.resolve().parent.parents]
    while waiting:
        section = waiting.pop()
        waiting += [value for value in section.values() if isinstance(value, dict)]
        for key in PACKED_KEYS:
            value = section.get(key)
            if not isinstance(value, str) or not value:
                continue
            paths = [place / value for place in places]
            if key != "bpemodel" or section.get("token_type") not in PRETRAINED:
                found.append(next((path for path in paths if os.path.isfile(path)), Path(value)))
            elif section["token_type"] not in ASSETS:  # a directory, a file or a name; of Whisper it is a name
                found += _all_files([path for path in paths if os.path.exists(path)][:1])
    return found
