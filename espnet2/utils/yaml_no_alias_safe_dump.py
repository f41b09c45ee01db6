"""YAML output without references to repeated values."""

from __future__ import annotations

from typing import Any

import yaml


class NoAliasSafeDumper(yaml.SafeDumper):
    """PyYAML's safe dumper without anchors and aliases; tuples become lists."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        return True


def yaml_no_alias_safe_dump(data: Any, stream: Any = None, **kwargs: Any) -> Any:
    """`yaml.safe_dump` without anchors and aliases: returns a string, or writes to `stream`."""
    return yaml.dump(data, stream, Dumper=NoAliasSafeDumper, **kwargs)
