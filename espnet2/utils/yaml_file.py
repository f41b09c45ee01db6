"""Reading of YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet2.runtime.errors import EspnetError


def read_yaml(path: str | Path, expected: str, error_type: type[EspnetError]) -> Any:
    """What a YAML file holds, read by the safe loader; raises `error_type` where it cannot be read as `expected`."""
    import yaml

    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise error_type(f"{path}: expected {expected}, found {error.strerror}") from error
    except Exception as error:  # besides YAMLError: IndexError for `!!int ''`, KeyError for `!!bool x`, ...
        raise error_type(f"{path}: expected YAML, found {' '.join(str(error).split())}") from error
