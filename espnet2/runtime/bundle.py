"""The bundle: a directory with `bundle.yaml`, graphs and other files; all that inference needs.

    format_version: 2
    task: asr                           a row of `espnet2.interface.families`
    components: {encoder: {file: encoder.onnx, sha256: ..., interface: {...}}, ...}
    quantized: {int8: {encoder: {file: encoder.int8.onnx, sha256: ...}, ...}}
    files: {bpemodel: {file: bpe.model, sha256: ...}, ...}      other files by role
    defaults: {beam_size: 20, ...}      options of inference, for clients in other languages
    provenance, verification            where it came from, and the differences measured at export
    asr: {sample_rate: 16000, ...}      the section of its family, under the name of the task

A `file` is a file of the bundle, and `sha256` its checksum. A component whose weights are external has them under
`data: {file: ..., sha256: ...}`. Bundles of format 1 are read, too (`espnet2.runtime.bundle_format_1`).
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.fileio.checksum import sha256
from espnet2.interface.errors import BundleError, OptionError, reason_of
from espnet2.interface.families import family_of, with_bundles
from espnet2.interface.foreign_file import opened, require_file
from espnet2.interface.spec import Component
from espnet2.runtime.bundle_format_1 import upgraded
from espnet2.runtime.bundle_replacement import MANIFEST, identity_of, read_as_one, replace, replaceable, restore
from espnet2.runtime.interfaces import read_interface
from espnet2.runtime.opening import Opened, open_checked
from espnet2.runtime.section import is_mapping, require, require_keys
from espnet2.utils.work_directory import work_directory
from espnet2.utils.yaml_file import read_yaml

if TYPE_CHECKING:
    from espnet2.runtime.family import Family
    from espnet2.runtime.session import OnnxGraph

FORMAT_VERSION = 2
LONGEST_NAME = 255  # bytes of a file name
_TASK = re.compile(r"""task: *['"]?(\w+)['"]?\s*$""")  # a line of `bundle.yaml`


@dataclass(frozen=True)
class Manifest:
    """Contents of `bundle.yaml`; see the module's description. `components` maps a name to `{file, interface}`.

    Raises `BundleError` for values of the wrong kind.
    """

    task: str
    components: Mapping[str, Mapping[str, Any]]
    section: Any
    quantized: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    verification: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_task(self.task)
        require(_is_table(self.components) and bool(self.components), "components", "files by name", self.components)
        require(is_mapping(self.quantized), "quantized", "components by kind", self.quantized)
        for kind, files in self.quantized.items():
            known = _is_table(files) and set(files) <= set(self.components)
            require(known, f"quantized.{kind}", f"files of {', '.join(self.components)}", files)
        require(is_mapping(self.files), "files", "files by role", self.files)
        for key, entry in _named_entries(self):
            require(_is_entry(entry), key, "a mapping with the name of a file", entry)
        for name in ("defaults", "provenance"):
            require(is_mapping(getattr(self, name)), name, "a mapping", getattr(self, name))
        _require_defaults(self.task, self.defaults)

    def to_dict(self) -> dict[str, Any]:
        """Keys and values, as `bundle.yaml` holds them."""
        envelope = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "section"}
        return {"format_version": FORMAT_VERSION, **envelope, self.task: self.section.to_dict()}

    @classmethod
    def from_dict(cls, data: Any) -> Manifest:
        """The inverse of `to_dict`; raises `BundleError` for another version, for missing and for unknown keys."""
        require(is_mapping(data), "", "a mapping", data)
        data = dict(data)
        version = data.pop("format_version", None)
        if type(version) is int and version > FORMAT_VERSION:
            raise BundleError(
                f"format_version: expected {FORMAT_VERSION}, found {version}; the bundle is newer than this runtime"
            )
        require(type(version) is int and version >= 1, "format_version", str(FORMAT_VERSION), repr(version))
        data = upgraded(data) if version == 1 else data
        require("task" in data, "", "the key 'task'", f"keys {', '.join(data) or 'none'}")
        task = data["task"]
        _require_task(task)
        require(task in data, "", f"the key {task!r}", f"keys {', '.join(data)}")
        try:
            section = family_of(task).section.from_dict(data.pop(task))
        except BundleError as error:
            text = str(error)
            raise BundleError(f"{task}{': ' if text.startswith('expected') else '.'}{text}") from error
        data["section"] = section
        require_keys(cls, data)
        return cls(**data)


def _require_task(task: Any) -> None:
    known = with_bundles()
    require(isinstance(task, str) and task in known, "task", f"one of {', '.join(known)}", task)


def _require_defaults(task: str, defaults: Mapping[str, Any]) -> None:
    """Raise `BundleError` for an option with a value that is not allowed; those of later releases are not known."""
    family = family_of(task)
    known = {item.name for item in fields(family.options)}
    try:
        family.read_options({name: value for name, value in defaults.items() if name in known})
    except OptionError as error:
        raise BundleError(f"defaults.{error}") from error


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    `components` maps each name to its declared interface.
    """

    path: Path
    manifest: Manifest
    components: Mapping[str, Component]
    identity: Any = field(default=None, compare=False)  # of the directory, as it was read

    @classmethod
    def load(cls, path: str | Path, family: Family | None = None, verify: bool = False) -> Bundle:
        """Read a bundle and check its format version, its family (if one is given) and the checksums of its files.

        Checksums are remembered while files do not change (`espnet2.fileio.checksum`), unless `verify` asks for all
        files to be read. A bundle that is replaced meanwhile is read again.

        Raises:
            BundleError: There is no bundle, or it is not as it was written.
        """

        def read() -> Bundle:
            bundle = cls.read(path)
            if family is not None:
                bundle.require_family(family)
            bundle.check(verify=verify)
            return bundle

        return read_as_one(path, read)

    @classmethod
    def write(
        cls,
        path: str | Path,
        manifest: Manifest,
        files: Mapping[str, str | Path | bytes],
        scratch: str | Path | None = None,
    ) -> Bundle:
        """Write a bundle: under a temporary name beside `path`, then renamed; an older bundle there is replaced.

        Where `path` is a link, what it leads to is written.

        Args:
            path: The directory to make.
            manifest: Its contents. Checksums are filled in, interfaces may be `Component`s.
            files: What each file name that the manifest has comes from: a path, which is copied, or the contents.
            scratch: A directory whose files are moved rather than copied, where that is possible.

        Raises:
            BundleError: As `require_writable`, or `files` and the manifest do not agree.
        """
        cls.require_writable(path)
        target = replaceable(path, BundleError)
        try:
            with work_directory(target.parent, target.name) as temporary:
                _fill(temporary, manifest, files, scratch)
                bundle = cls.read(temporary)
                replace(temporary, target, cls.require_writable(path))  # once more, as that took its time
        except OSError as error:
            raise BundleError(f"{path}: expected a directory that can be written, found: {reason_of(error)}") from error
        return dataclasses.replace(bundle, path=Path(path), identity=identity_of(target))

    @classmethod
    def require_writable(cls, path: str | Path) -> set[str]:
        """Check that `write` may make or replace `path`, before the work that leads to it; return the files there.

        Raises:
            BundleError: `path` holds files that are not of a bundle, or cannot be made.
        """
        target = replaceable(path, BundleError)
        place = next(parent for parent in target.parents if parent.exists())
        try:
            restore(target)
            with work_directory(place, target.name):
                pass
        except OSError as error:
            raise BundleError(f"{path}: expected a directory that can be written, found: {reason_of(error)}") from error
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return set()
        if not (target / MANIFEST).is_file():
            raise BundleError(f"{path}: expected a new directory or an older bundle, found something else; it is kept")
        listed = {MANIFEST, *(entry["file"] for entry in _entries(cls.read(target).manifest))}
        for file in sorted(target.iterdir()):
            if file.name not in listed or file.is_dir():
                raise BundleError(f"{file}: expected only files that {MANIFEST} lists, found another; it is kept")
        return listed

    @classmethod
    def read(cls, path: str | Path) -> Bundle:
        """Read `bundle.yaml` alone; `check` does the rest. Raises `BundleError` for one that cannot be used."""
        directory = Path(path)
        file = directory / MANIFEST
        identity = identity_of(directory)
        data = read_yaml(file, "the manifest of a bundle", BundleError)
        try:
            manifest = Manifest.from_dict(data)
            for key, entry in _named_entries(manifest):
                _require_inside(entry["file"], f"{key}.file")
            components = {name: _interface(name, entry) for name, entry in manifest.components.items()}
        except BundleError as error:
            raise BundleError(f"{file}: {error}") from error
        return cls(directory, manifest, components, identity)

    @property
    def family(self) -> Family:
        """The family of the bundle's model."""
        return family_of(self.manifest.task)

    @property
    def section(self) -> Any:
        """The section of its family."""
        return self.manifest.section

    @property
    def files(self) -> dict[str, Path]:
        """Paths of the files that have a role."""
        return {role: self.file(entry) for role, entry in self.manifest.files.items()}

    def require_family(self, family: Family) -> None:
        """Raise `BundleError` for a bundle of another family."""
        if self.family is not family:
            expected, found = family.subject, self.family.subject
            raise BundleError(f"{self.path}: expected a bundle of {expected}, found one of {found}")

    def file(self, entry: Mapping[str, Any]) -> Path:
        """Path of the file of a `{file, sha256}`."""
        return self.path / entry["file"]

    def check(self, jobs: Mapping[str, Callable[[], Opened]] | None = None, verify: bool = False) -> dict[str, Opened]:
        """Check that all files are as they were written, while `jobs` open some of them; see `open_checked`."""
        for entry in _graphs(self.manifest):  # to read more would take half a minute
            if self.file(entry).is_file():
                require_file(self.file(entry), "a graph", BundleError, "GRAPH_BYTES")
        return open_checked(self.path, _entries(self.manifest), jobs or {}, again=verify)

    def graph(self, name: str, quantized: bool = False, **options: Any) -> OnnxGraph:
        """Component `name`, ready to run; its int8 sibling if `quantized` and there is one. Options: `OnnxGraph`'s.

        Files are checked when the bundle is loaded. Raises `BundleError` where they are gone, or are another bundle's.
        """
        from espnet2.runtime.session import OnnxGraph

        entry = self.manifest.components[name]
        if quantized:
            entry = self.manifest.quantized.get("int8", {}).get(name, entry)
        if not self.file(entry).is_file():
            raise BundleError(f"{self.file(entry)}: expected a file of the bundle that was loaded, found none")
        graph = OnnxGraph(self.file(entry), self.components[name], **options)
        if identity_of(self.path) != self.identity:
            raise BundleError(
                f"{self.path}: expected the bundle that was loaded, found another in its place; load it anew"
            )
        return graph


def task_of(bundle: str | Path | Bundle) -> str:
    """The task that a bundle states, "" where it states none; nothing else is read of `bundle.yaml`, or checked.

    To parse a vocabulary of 50,000 tokens takes a second.
    """
    if isinstance(bundle, Bundle):
        return bundle.manifest.task
    try:
        with opened(Path(bundle) / MANIFEST, "DOCUMENT_BYTES") as file:
            lines = (_TASK.match(line.decode("utf-8", "replace")) for line in file)
            return next((found[1] for found in lines if found), "")
    except (OSError, ValueError):
        return ""


def _fill(
    directory: Path, manifest: Manifest, files: Mapping[str, str | Path | bytes], scratch: str | Path | None
) -> None:
    """Write files and `bundle.yaml` into an empty directory."""
    import yaml

    data = _plain(manifest.to_dict())
    entries = list(_entries(Manifest.from_dict(data)))
    wanted = {entry["file"] for entry in entries}
    require(wanted == set(files), "files", ", ".join(sorted(wanted)), ", ".join(sorted(files)))
    for name, source in files.items():
        _require_inside(name)
        if isinstance(source, bytes):
            (directory / name).write_bytes(source)
        elif scratch is None or not Path(source).is_relative_to(scratch) or not _moved(Path(source), directory / name):
            shutil.copyfile(source, directory / name)
    for entry in entries:
        entry["sha256"] = sha256(directory / entry["file"])
    # Some characters (U+0085) come back only if they are escaped; then all but ASCII is.
    for readable in (True, False):
        text = yaml.safe_dump(data, allow_unicode=readable, sort_keys=False, width=120)
        (directory / MANIFEST).write_bytes(text.encode("utf-8", "surrogatepass"))
        if read_yaml(directory / MANIFEST, "the manifest of a bundle", BundleError) == data:
            return
    raise BundleError(f"{MANIFEST}: expected values that YAML can hold, found others")


def _moved(source: Path, target: Path) -> bool:
    """Move a file, unless it is on another file system or, on some systems, open."""
    try:
        source.replace(target)
    except OSError:
        return False
    return True


def _interface(name: str, entry: Mapping[str, Any]) -> Component:
    try:
        return read_interface(entry.get("interface"))
    except BundleError as error:
        raise BundleError(f"components.{name}.{error}") from error


def _named_entries(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """Entries `{file, sha256}` of a manifest, with their keys."""
    tables = {"components": manifest.components}
    tables |= {f"quantized.{kind}": files for kind, files in manifest.quantized.items()}
    for section, table in tables.items():
        for name, entry in table.items():
            yield f"{section}.{name}", entry
            if entry.get("data") is not None:
                yield f"{section}.{name}.data", entry["data"]
    for role, entry in manifest.files.items():
        yield f"files.{role}", entry


def _entries(manifest: Manifest) -> Iterator[Any]:
    """Every `{file, sha256}` of a manifest."""
    return (entry for _, entry in _named_entries(manifest))


def _graphs(manifest: Manifest) -> Iterator[Any]:
    """Every `{file, sha256}` of a graph."""
    return (entry for table in (manifest.components, *manifest.quantized.values()) for entry in table.values())


def _require_inside(name: str, key: str = "file") -> None:
    # Bundles come from strangers: a name must not lead out of the directory, on any system.
    plain = name not in ("", ".", "..") and not any(character in name for character in "/\\:\0")
    fits = len(name.encode("utf-8", "replace")) <= LONGEST_NAME
    require(plain and fits and name != MANIFEST, key, "a plain file name", name)


def _is_table(value: Any) -> bool:
    """Names to mappings that have a `file`."""
    return is_mapping(value) and all(map(_is_entry, value.values()))


def _is_entry(value: Any) -> bool:
    return is_mapping(value) and isinstance(value.get("file"), str)


def _plain(value: Any) -> Any:
    """A copy in mappings, lists, strings and numbers, which the safe dumper writes."""
    if isinstance(value, Component):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
