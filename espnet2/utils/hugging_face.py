"""Safe loading of models of the package transformers: nothing is downloaded, and no code of a model is run."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from espnet2.interface.errors import MissingPackageError

ONE_OF = ("config.json", "tokenizer_config.json")  # of a network, or of a tokenizer alone


def transformers() -> Any:
    """Import the package transformers; raises `MissingPackageError` if it is not installed."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingPackageError(
            "expected the package transformers, found none; pip install espnet[huggingface]"
        ) from error


def loaded(
    kind: Any, name: str | Path, expected: str, cache_dir: str | None = None, required: bool = True, **keywords: Any
) -> Any:
    """Load the model `name`, a directory or a name in the hub's cache, by transformers' class `kind`.

    Nothing is downloaded, and no code of the model is run.

    Args:
        kind: class with a method `from_pretrained`.
        name: name of the model.
        expected: option and content, for the message.
        cache_dir: the hub's cache; transformers' own by default.
        required: whether a missing file is an error, rather than None.
        keywords: further arguments of `from_pretrained`, none of them from a file.

    Raises:
        ValueError: the model or the file is missing, damaged, or needs code of its own.
    """
    try:
        return kind.from_pretrained(directory(name, cache_dir), local_files_only=True, **keywords)
    except Exception as error:  # some are errors of huggingface_hub, and have no other base
        if not required and isinstance(error, OSError):
            return None
        if isinstance(error, OSError) and not os.path.isdir(name):
            kept = f" --cache-dir {cache_dir}" if cache_dir else ""
            raise ValueError(
                f"{expected}, found it neither in a directory nor in the hub's cache under {str(name)!r}; "
                f"`hf download {name}{kept}` fetches it"
            ) from error
        raise ValueError(f"{expected}, found {str(name)!r}: {_sentence(error)}") from error


def directory(name: str | Path, cache_dir: str | None = None) -> str:
    """Return the directory of the model `name`. The hub's cache is looked up here, since transformers would contact the
    hub. Raises `OSError` if it is not found."""
    if os.path.isdir(name):
        return str(name)
    hub = importlib.import_module("huggingface_hub")
    try:
        files = [hub.try_to_load_from_cache(str(name), file, cache_dir=cache_dir) for file in ONE_OF]
    except ValueError as error:  # not a valid name on the hub
        raise FileNotFoundError(str(name)) from error
    found = next((file for file in files if isinstance(file, str)), None)
    if found is None:
        raise FileNotFoundError(str(name))
    return str(Path(found).parent)


def _sentence(error: Exception) -> str:
    """Return the first sentence of a message."""
    return re.split(r"\.\s|\n", str(error))[0] or type(error).__name__
