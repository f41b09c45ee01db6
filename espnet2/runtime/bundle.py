"""The bundle: a directory with `bundle.yaml`, graphs and the tokenizer's files; all that recognition needs.

    format_version: 1
    task: asr
    sample_rate: 16000                  Hz
    tokens: [<blank>, <unk>, ...]       in the order of their indices
    special: {blank: 0, sos: 29, eos: 29}       and mask in a Mask-CTC model
    streaming: {samples_per_step: 10240, ...}   how `encoder_step` is fed, in a bundle for streams; see `STREAMING`
    generation: {num_beams: 1, ...}     rules of `hugging_face_decoder`, of a model that has such a decoder, or options
                                        of the search that a transducer has where none are given
    tokenizer: {token_type: bpe, bpemodel: {file: bpe.model, sha256: ...}}, or null: results have no text; Whisper's
                                        have `language` and `task` of its prompts
    components: {encoder: {file: encoder.onnx, sha256: ..., interface: {...}}, ...}
    quantized: {int8: {encoder: {file: encoder.int8.onnx, sha256: ...}, ...}}
    ngram: {file: ngram.bin, sha256: ...}, or null
    defaults: {beam_size: 20, ...}      of the decoding options, for clients in other languages
    provenance, verification            where it came from, and the differences measured at export

A `file` is a file of the bundle, and `sha256` its checksum. A component whose weights
are external has them under `data: {file: ..., sha256: ...}`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.interface.errors import BundleError
from espnet2.interface.spec import Component
from espnet2.runtime.bundle_replacement import MANIFEST, identity_of, read_as_one, replace
from espnet2.text.build_tokenizer import TOKENIZERS
from espnet2.utils.yaml_file import read_yaml

if TYPE_CHECKING:
    from espnet2.runtime.session import OnnxGraph

FORMAT_VERSION = 1
TASKS = ("asr",)
SPECIAL = ("blank", "sos", "eos")
OPTIONAL = ("mask",)  # where the search knows it
# Samples of a step, zeros before the first sample, steps up to the first block, samples from a frame of the output to
# the next; frames of a block, from one block to the next, and at its end that the next one gives.
STREAMING = ("samples_per_step", "lead", "least_steps", "frame_stride", "block_size", "hop_size", "look_ahead")


@dataclass(frozen=True)
class Manifest:
    """What `bundle.yaml` says; see the module's description. `components` maps a name to `{file, interface}`.

    Raises `BundleError` for values of the wrong kind.
    """

    task: str
    sample_rate: int
    tokens: Sequence[str]
    special: Mapping[str, int]
    components: Mapping[str, Mapping[str, Any]]
    tokenizer: Mapping[str, Any] | None = None
    quantized: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    ngram: Mapping[str, Any] | None = None
    streaming: Mapping[str, int] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    verification: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.task in TASKS, "task", f"one of {', '.join(TASKS)}", self.task)
        _require(
            type(self.sample_rate) is int and self.sample_rate > 0, "sample_rate", "a rate in Hz", self.sample_rate
        )
        _require(_is_list_of(self.tokens, str) and len(self.tokens) > 0, "tokens", "a list of strings", self.tokens)
        special = self.special if isinstance(self.special, Mapping) else {}
        for name in (*SPECIAL, *(name for name in OPTIONAL if name in special)):
            index = special.get(name)
            valid = type(index) is int and 0 <= index < len(self.tokens)
            _require(valid, f"special.{name}", f"an index of the {len(self.tokens)} tokens", index)
        _require(_is_table(self.components) and bool(self.components), "components", "files by name", self.components)
        _require(_is_mapping(self.quantized), "quantized", "components by kind", self.quantized)
        for kind, files in self.quantized.items():
            known = _is_table(files) and set(files) <= set(self.components)
            _require(known, f"quantized.{kind}", f"files of {', '.join(self.components)}", files)
        for name in ("tokenizer", "ngram"):
            value = getattr(self, name)
            _require(value is None or _is_mapping(value), name, "a mapping or null", value)
        if self.tokenizer is not None:
            token_type = self.tokenizer.get("token_type")
            known = isinstance(token_type, str) and token_type in TOKENIZERS
            _require(known, "tokenizer.token_type", f"one of {', '.join(TOKENIZERS)}", token_type)
        for key, entry in _named_entries(self):
            _require(_is_entry(entry), key, "a mapping with the name of a file", entry)
        sizes = _is_mapping(self.streaming) and all(type(n) is int and n >= 0 for n in self.streaming.values())
        complete = sizes and set(self.streaming) in (set(), set(STREAMING))
        _require(complete, "streaming", f"nothing, or the numbers {', '.join(STREAMING)}", self.streaming)
        for name in ("generation", "defaults", "provenance"):
            _require(_is_mapping(getattr(self, name)), name, "a mapping", getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """As `bundle.yaml` holds it."""
        return {"format_version": FORMAT_VERSION, **{item.name: getattr(self, item.name) for item in fields(self)}}

    @classmethod
    def from_dict(cls, data: Any) -> Manifest:
        """The inverse of `to_dict`; raises `BundleError` for another version, for missing and for unknown keys."""
        _require(_is_mapping(data), "content", "a mapping", data)
        data = dict(data)
        version = data.pop("format_version", None)
        if type(version) is int and version > FORMAT_VERSION:
            raise BundleError(
                f"format_version: expected {FORMAT_VERSION}, found {version}; the bundle is newer than this runtime"
            )
        _require(version == FORMAT_VERSION, "format_version", str(FORMAT_VERSION), version)
        known = [item.name for item in fields(cls)]
        required = known[: known.index("tokenizer")]
        for name in required:
            _require(name in data, "content", f"the key {name!r}", f"keys {', '.join(map(str, data)) or 'none'}")
        for name in data:
            _require(name in known, "content", f"keys {', '.join(known)}", name)
        return cls(**data)


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
    def load(cls, path: str | Path, task: str | None = None) -> Bundle:
        """Read a bundle and check its format version, its task (where one is asked for) and the checksums of its files.

        A bundle that is replaced meanwhile is read again.

        Raises:
            BundleError: There is no bundle, or it is not as it was written.
        """
        return read_as_one(path, lambda: cls._load(Path(path), task))

    @classmethod
    def _load(cls, directory: Path, task: str | None) -> Bundle:
        bundle = cls._read(directory)
        if task is not None and bundle.manifest.task != task:
            raise BundleError(f"{directory}: expected a bundle of task {task!r}, found {bundle.manifest.task!r}")
        for entry in _entries(bundle.manifest):
            _check_file(directory, entry)
        return bundle

    @classmethod
    def write(cls, path: str | Path, manifest: Manifest, files: Mapping[str, str | Path | bytes]) -> Bundle:
        """Write a bundle: under a temporary name beside `path`, then renamed; an older bundle there is replaced.

        Where `path` is a link, what it leads to is written.

        Args:
            path: The directory to make.
            manifest: Its contents. Checksums are filled in, interfaces may be `Component`s.
            files: What each file name that the manifest has comes from: a path, which is copied, or the contents.

        Raises:
            BundleError: As `require_writable`, or `files` and the manifest do not agree.
        """
        cls.require_writable(path)
        target = Path(path).resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            temporary.mkdir(parents=True)
            _fill(temporary, manifest, files)
            bundle = cls._read(temporary)
            replace(temporary, target)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, OSError):
                raise BundleError(f"{path}: expected a directory that can be written, found: {error}") from error
            raise
        return dataclasses.replace(bundle, path=Path(path), identity=identity_of(target))

    @classmethod
    def require_writable(cls, path: str | Path) -> None:
        """Check that `write` may make or replace `path`, before the work that leads to it.

        Raises:
            BundleError: `path` holds files that are not of a bundle, or cannot be made.
        """
        target = Path(path).resolve()
        place = next(parent for parent in target.parents if parent.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise BundleError(f"{path}: expected a directory that can be written, found {place}, which cannot")
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return
        if not (target / MANIFEST).is_file():
            raise BundleError(f"{path}: expected a new directory or an older bundle, found something else; it is kept")
        listed = {MANIFEST, *(entry["file"] for entry in _entries(cls._read(target).manifest))}
        for file in sorted(target.iterdir()):
            if file.name not in listed:
                raise BundleError(f"{file}: expected only files that {MANIFEST} lists, found another; it is kept")

    @classmethod
    def _read(cls, directory: Path) -> Bundle:
        file = directory / MANIFEST
        identity = identity_of(directory)
        data = read_yaml(file, "the manifest of a bundle", BundleError)
        try:
            manifest = Manifest.from_dict(data)
            for entry in _entries(manifest):
                _require_inside(entry["file"])
            components = {name: _component(name, entry) for name, entry in manifest.components.items()}
        except BundleError as error:
            raise BundleError(f"{file}: {error}") from error
        return cls(directory, manifest, components, identity)

    def file(self, entry: Mapping[str, Any]) -> Path:
        """Where the file of a manifest's `{file, sha256}` is."""
        return self.path / entry["file"]

    def graph(self, name: str, quantized: bool = False, **options: Any) -> OnnxGraph:
        """Component `name`, ready to run; its int8 sibling if `quantized` and there is one. Options: `OnnxGraph`'s."""
        from espnet2.runtime.session import OnnxGraph

        entry = self.manifest.components[name]
        if quantized:
            entry = self.manifest.quantized.get("int8", {}).get(name, entry)
        graph = OnnxGraph(self.file(entry), self.components[name], **options)
        if identity_of(self.path) != self.identity:
            raise BundleError(
                f"{self.path}: expected the bundle that was loaded, found another in its place; load it anew"
            )
        return graph


def _fill(directory: Path, manifest: Manifest, files: Mapping[str, str | Path | bytes]) -> None:
    """Write files and `bundle.yaml` into an empty directory."""
    import yaml

    data = _plain(manifest.to_dict())
    entries = list(_entries(Manifest.from_dict(data)))
    wanted = {entry["file"] for entry in entries}
    _require(wanted == set(files), "files", ", ".join(sorted(wanted)), ", ".join(sorted(files)))
    for name, source in files.items():
        _require_inside(name)
        if isinstance(source, bytes):
            (directory / name).write_bytes(source)
        else:
            shutil.copyfile(source, directory / name)
    for entry in entries:
        entry["sha256"] = sha256(directory / entry["file"])
    # Some characters (U+0085) come back only if they are escaped; then all but ASCII is.
    for readable in (True, False):
        text = yaml.safe_dump(data, allow_unicode=readable, sort_keys=False, width=120)
        (directory / MANIFEST).write_bytes(text.encode("utf-8", "surrogatepass"))
        found = read_yaml(directory / MANIFEST, "the manifest of a bundle", BundleError)["tokens"]
        if found == data["tokens"]:
            return
    raise BundleError(f"tokens: expected strings that YAML can hold, found {sorted(set(data['tokens']) - set(found))}")


def _component(name: str, entry: Mapping[str, Any]) -> Component:
    try:
        component = Component.from_dict(entry["interface"])
        for state in component.states:
            if any(type(size) is not int or size < 0 for size in component.initial_shape(state, batch=1, frames=1)):
                raise ValueError(f"{state.input.name}: expected sizes, found {component.initial}")
        return component
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"components.{name}.interface: expected the interface of a graph, found {error!r}") from error


def _named_entries(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """What stands where a manifest has a `{file, sha256}`, with its key."""
    tables = {"components": manifest.components}
    tables |= {f"quantized.{kind}": files for kind, files in manifest.quantized.items()}
    for section, table in tables.items():
        for name, entry in table.items():
            yield f"{section}.{name}", entry
            if entry.get("data") is not None:
                yield f"{section}.{name}.data", entry["data"]
    if manifest.tokenizer is not None and manifest.tokenizer.get("bpemodel") is not None:
        yield "tokenizer.bpemodel", manifest.tokenizer["bpemodel"]
    if manifest.ngram is not None:
        yield "ngram", manifest.ngram


def _entries(manifest: Manifest) -> Iterator[Any]:
    """Every `{file, sha256}` of a manifest."""
    return (entry for _, entry in _named_entries(manifest))


def _check_file(directory: Path, entry: Mapping[str, Any]) -> None:
    path = directory / entry["file"]
    if not path.is_file():
        raise BundleError(f"{path}: expected a file that {MANIFEST} lists, found none")
    found = sha256(path)
    if found != entry.get("sha256"):
        raise BundleError(f"{path}: expected sha256 {entry.get('sha256')}, found {found}; the file has changed")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _require_inside(name: str) -> None:
    # Bundles come from strangers: a name must not lead out of the directory, on any system.
    plain = name not in ("", ".", "..") and not any(character in name for character in "/\\:\0")
    _require(plain and name != MANIFEST, "file", "a plain file name", name)


def _require(condition: bool, key: str, expected: str, found: Any) -> None:
    if not condition:
        text = found if isinstance(found, str) else repr(found)
        raise BundleError(f"{key}: expected {expected}, found {text[:200]}")


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_table(value: Any) -> bool:
    """Names to mappings that have a `file`."""
    return _is_mapping(value) and all(map(_is_entry, value.values()))


def _is_entry(value: Any) -> bool:
    return _is_mapping(value) and isinstance(value.get("file"), str)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, kind) for item in value)


def _plain(value: Any) -> Any:
    """A copy in mappings, lists, strings and numbers, which the safe dumper writes."""
    if isinstance(value, Component):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
