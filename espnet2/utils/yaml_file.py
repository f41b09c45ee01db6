"""Reading of YAML with the safe loader and a limit on nesting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError, EspnetError
from espnet2.utils.text_file import read_text

DEEPEST = 100  # levels; a thousand would overflow the stack of the C loader


def read_yaml(path: str | Path, expected: str, error_type: type[EspnetError], shown: str | None = None) -> Any:
    """Read a YAML file; raises `error_type` if it cannot be read as `expected`.

    `shown` names the file in errors, if `path` is a temporary one.
    """
    shown = str(path) if shown is None else shown
    return parse_yaml(read_text(path, expected, error_type, shown), shown, error_type)


def read_mapping(path: str | Path, shown: str | None = None) -> dict[str, Any]:
    """Read keys and values in plain YAML; raises `ConfigError` for a missing file, other content, or Python tags.

    `shown` names the file in errors, if `path` is a temporary one.
    """
    data = read_yaml(path, "keys and values in YAML", ConfigError, shown)
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise ConfigError(f"{path if shown is None else shown}: expected keys and values in YAML, found {found}")
    return data


def parse_yaml(text: str, source: str, error_type: type[EspnetError]) -> Any:
    """Parse a YAML document; raises `error_type`, with `source` first, for anything that is no plain YAML."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times faster on long token lists
    try:
        if _may_be_deep(text):
            _require_shallow(yaml.parse(text, loader))
        return yaml.load(text, loader)
    except Exception as error:  # besides YAMLError: IndexError for `!!int ''`, KeyError for `!!bool x`, ...
        raise error_type(f"{source}: expected plain YAML, found: {_reason(error)}") from error


def _may_be_deep(text: str) -> bool:
    """Whether brackets or indentation could exceed `DEEPEST` levels; a cheap upper bound."""
    indented = max((len(line) - len(line.lstrip(" ")) for line in text.splitlines()), default=0)
    opened = text.count("[") + text.count("{") + max(text.count("- -"), text.count("? "))
    return 2 * indented + opened + 2 > DEEPEST


def _require_shallow(events: Any) -> None:
    """Raise `ValueError` for nesting deeper than `DEEPEST`, from the stream of events, without recursion."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > DEEPEST:
            raise ValueError(f"lists and mappings in more than {DEEPEST} levels, line {event.start_mark.line + 1}")


def _reason(error: Exception) -> str:
    """Reason and line of a YAML error."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    text = " ".join(str(problem or error).split()) or type(error).__name__
    return text if mark is None else f"{text}, line {mark.line + 1}"
