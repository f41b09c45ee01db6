"""Files of the package transformers' models, read safely: nothing is downloaded, and no code of a model is run."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from espnet2.interface.errors import MissingPackageError

ONE_OF = ("config.json", "tokenizer_config.json")  # of a network, or of a tokenizer alone


def transformers() -> Any:
    """The package transformers; raises `MissingPackageError` where it is not installed."""
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

    Nothing is downloaded, and no code that lies beside a model is run.

    Args:
        kind: the class, which has `from_pretrained`.
        name: of the model.
        expected: option and content, for the message.
        cache_dir: where the hub's files are kept; transformers' own cache by default.
        required: a file that is not there is an error, rather than None.
        keywords: others of `from_pretrained`, none of them from a file.

    Raises:
        ValueError: the model or the file is not there, is broken, or needs code of its own.
    """
    try:
        return kind.from_pretrained(directory(name, cache_dir), local_files_only=True, **keywords)
    except Exception as error:  # some of them are of huggingface_hub, and have no other base
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
    """Where the model `name` lies; the hub's cache is looked up here, since even there transformers asks the hub what
    to call itself. Raises `OSError` where it is not."""
    if os.path.isdir(name):
        return str(name)
    hub = importlib.import_module("huggingface_hub")
    try:
        files = [hub.try_to_load_from_cache(str(name), file, cache_dir=cache_dir) for file in ONE_OF]
    except ValueError as error:  # no name of the hub
        raise FileNotFoundError(str(name)) from error
    found = next((file for file in files if isinstance(file, str)), None)
    if found is None:
        raise FileNotFoundError(str(name))
    return str(Path(found).parent)


def _sentence(error: Exception) -> str:
    """The first sentence of a message that may have many."""
    return re.split(r"\.\s|\n", str(error))[0] or type(error).__name__
