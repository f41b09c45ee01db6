"""Reading of files of YAML, as `espnet2.interface.yaml_document` parses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError, EspnetError
from espnet2.interface.yaml_document import parse_yaml
from espnet2.utils.text_file import read_text


def read_yaml(path: str | Path, expected: str, error_type: type[EspnetError], shown: str | None = None) -> Any:
    """Read a YAML file; raises `error_type` if it cannot be read as `expected`.

    `shown` names the file in errors, if `path` is a temporary one.
    """
    shown = str(path) if shown is None else shown
    text = read_text(path, expected, error_type, shown, "DOCUMENT_BYTES")
    return parse_yaml(text, shown, error_type)


def read_mapping(path: str | Path, shown: str | None = None) -> dict[str, Any]:
    """Read keys and values in plain YAML; raises `ConfigError` for a missing file, other content, or Python tags.

    `shown` names the file in errors, if `path` is a temporary one.
    """
    data = read_yaml(path, "keys and values in YAML", ConfigError, shown)
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise ConfigError(f"{path if shown is None else shown}: expected keys and values in YAML, found {found}")
    return data
