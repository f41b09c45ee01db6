"""JSON: files, which may come from strangers, and texts, in which there may be anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from espnet2.interface.errors import CONTROL, EspnetError, kind_of, reason_of
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


def json_text(value: Any) -> str:
    """A value as JSON on one line, in which control characters are escapes, and so are halves of characters."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
