"""Classes by name, as options of a user's own task."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import NONE, str_or_none


class ClassChoices:
    """Option `--NAME` whose values are names of classes, and `--NAME_conf` for the options of the chosen one.

    Args:
        name: Of the option.
        classes: Classes by name, in lower case.
        type_check: Base of every class.
        default: Name where none is given.
        optional: Whether none may be chosen.

    Raises:
        ValueError: A class of another kind, or a name that stands for none.
    """

    def __init__(
        self,
        name: str,
        classes: Mapping[str, type],
        type_check: type | None = None,
        default: str | None = None,
        optional: bool = False,
    ) -> None:
        self.name = name
        self.base_type = type_check
        self.classes = {choice.lower(): cls for choice, cls in classes.items()}
        self.optional = optional
        self.default = default
        for choice, cls in self.classes.items():
            if type_check is not None and not issubclass(cls, type_check):
                raise ValueError(f"{name}: expected classes of {type_check.__name__}, found {cls.__name__}")
            if choice in NONE:
                raise ValueError(f"{name}: expected names but {', '.join(NONE)}, which stand for none, found {choice}")

    def choices(self) -> tuple[str | None, ...]:
        """Return the names, and None where none may be chosen."""
        return (*self.classes, None) if self.optional else tuple(self.classes)

    def get_class(self, name: str | None) -> type | None:
        """Return the class of a name, in letters of either case; raises `ValueError` for an unknown name."""
        choice = None if name is None or name.lower() in NONE else name.lower()
        if choice is None and self.optional:
            return None
        if choice not in self.classes:
            raise ValueError(f"--{self.name} must be one of {self.choices()}: --{self.name} {name}")
        return self.classes[choice]

    def add_arguments(self, parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
        """Add both options."""

        def read(text: str) -> str | None:
            return str_or_none(text.lower()) if self.optional else text.lower()

        parser.add_argument(
            f"--{self.name}", type=read, default=self.default, choices=self.choices(), help=f"The {self.name} type"
        )
        parser.add_argument(
            f"--{self.name}_conf", action=NestedDictAction, default={}, help=f"The keyword arguments for {self.name}"
        )
