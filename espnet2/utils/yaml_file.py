"""Reading of YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet2.runtime.errors import EspnetError
from espnet2.utils.text_file import read_text


def read_yaml(path: str | Path, expected: str, error_type: type[EspnetError]) -> Any:
    """What a YAML file holds, read by the safe loader; raises `error_type` where it cannot be read as `expected`."""
    import yaml

    text = read_text(path, expected, error_type)
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except Exception as error:  # besides YAMLError: IndexError for `!!int ''`, KeyError for `!!bool x`, ...
        raise error_type(f"{path}: expected YAML, found {' '.join(str(error).split())}") from error
