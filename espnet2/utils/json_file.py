"""Reading of files of JSON, which may come from strangers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from espnet2.interface.errors import EspnetError, kind_of, reason_of
from espnet2.utils.text_file import read_text


def read_json(path: str | Path, expected: str, error_type: type[EspnetError], largest: str = "DOCUMENT_BYTES") -> Any:
    """Read a document of at most the limit `largest` of bytes; raises `error_type` where it is not as `expected`."""
    text = read_text(path, expected, error_type, largest=largest)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise error_type(f"{path}: expected {expected}, found {reason_of(error)}") from error


def read_json_mapping(
    path: str | Path, expected: str, error_type: type[EspnetError], largest: str = "DOCUMENT_BYTES"
) -> dict[str, Any]:
    """Read a document of keys and values; raises `error_type` for another one, too."""
    found = read_json(path, expected, error_type, largest)
    if not isinstance(found, dict):
        raise error_type(f"{path}: expected {expected}, found {kind_of(found)}")
    return found
