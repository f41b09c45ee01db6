"""Files of a packed model, given as an archive, as an unpacked directory, or by its name on a hub."""

from __future__ import annotations

import os
from pathlib import Path

from espnet2.fileio.checksum import sha256
from espnet2.fileio.hub import download
from espnet2.interface.errors import ArchiveError, OptionError, reason_of
from espnet2.main_funcs.pack_funcs import read_meta, unpack


def find_model(
    model_file: str | Path | None = None, model_tag: str | None = None, cache_dir: str | Path | None = None
) -> dict[str, str]:
    """Return the files of a packed model by upstream's option names: `asr_train_config`, `asr_model_file`, ...

    An archive is unpacked once, under `cache_dir` (by default `espnet` in the user's cache directory). `model_tag` is
    a repository on the Hugging Face hub, as `espnet2.fileio.hub.hub_name` reads it, with `meta.yaml` at its root; or
    the path of an archive or of an unpacked directory, as `model_file`.

    Raises `OptionError` unless exactly one of the two is given, `ArchiveError` for a model that cannot be unpacked or
    downloaded, and `MissingPackageError` where the hub's client is missing.
    """
    if (model_file is None) == (model_tag is None):
        raise OptionError("expected either model_file or model_tag, found both or neither")
    if model_tag is not None and not os.path.exists(model_tag):
        directory = download(model_tag, cache_dir)
        try:
            return read_meta(directory)
        except ArchiveError as error:
            raise ArchiveError(f"model_tag {model_tag!r}: {error}") from error
    path = Path(str(model_tag if model_file is None else model_file))
    if os.path.isdir(path):
        return read_meta(path)
    cache = _default_cache() if cache_dir is None else Path(cache_dir)
    return unpack(path, cache / f"{path.name.split('.')[0]}-{_digest(path)}")


def _default_cache() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "espnet"
    except RuntimeError as error:
        raise OptionError(
            "XDG_CACHE_HOME: expected a directory to unpack in, there being no home; found none"
        ) from error


def _digest(path: Path) -> str:
    """Return the first 16 digits of a file's SHA-256, which tell archives of the same name apart."""
    if not os.path.isfile(path):
        raise ArchiveError(f"{path}: expected a packed model, found no such file")
    try:
        return sha256(path)[:16]
    except OSError as error:
        raise ArchiveError(f"{path}: expected a packed model that can be read, found: {reason_of(error)}") from error
