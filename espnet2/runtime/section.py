"""The part of `bundle.yaml` that belongs to one family of models, and checks of what a manifest holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from espnet2.interface.errors import BundleError
from espnet2.interface.limits import limit

SectionT = TypeVar("SectionT", bound="Section")


@dataclass(frozen=True)
class Section:
    """Base of sections: a dataclass whose fields are the keys, and whose `__post_init__` checks their values."""

    def to_dict(self) -> dict[str, Any]:
        """Keys and values, as `bundle.yaml` holds them."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_dict(cls: type[SectionT], data: Any) -> SectionT:
        """The inverse of `to_dict`; raises `BundleError` for missing and for unknown keys, and for wrong values."""
        require_keys(cls, data)
        return cls(**data)


def require_keys(kind: type, data: Any) -> None:
    """Raise `BundleError` unless `data` maps names of the fields of dataclass `kind`, all that have no default."""
    require(is_mapping(data), "", "a mapping", data)
    known = {item.name: item for item in fields(kind)}
    for name, item in known.items():
        needed = item.default is MISSING and item.default_factory is MISSING
        found = f"keys {', '.join(map(str, data)) or 'none'}"
        require(name in data or not needed, "", f"the key {name!r}", found)
    for name in data:
        require(name in known, "", f"keys {', '.join(known)}", name)


def require(condition: bool, key: str, expected: str, found: Any) -> None:
    """Raise `BundleError` unless `condition` holds; "" is the key of the whole."""
    if not condition:
        text = found if isinstance(found, str) else repr(found)
        raise BundleError(f"{key and key + ': '}expected {expected}, found {text[:200] or 'nothing'}")


def require_rate(rate: Any) -> None:
    """Raise `BundleError` unless `sample_rate` is a whole number above 0, and one that recordings may have."""
    most = limit("AUDIO_RATE")
    require(type(rate) is int and rate > 0, "sample_rate", "a rate in Hz", rate)
    require(rate <= most, "sample_rate", f"a rate of at most {most} Hz", rate)


def is_mapping(value: Any) -> bool:
    """Whether `value` is a mapping of strings."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def is_list_of(value: Any, kind: type) -> bool:
    """Whether `value` is a list of objects of one kind."""
    return isinstance(value, list | tuple) and all(isinstance(item, kind) for item in value)
