"""Formatting as upstream's pre-commit does it: black 24.10 and isort 6.0, on files that were clean under them."""

from __future__ import annotations

import warnings
from pathlib import Path

FIRST_PARTY = ("egs2", "espnet", "espnet2", "espnet3", "espnetez", "test")
NOWHERE = Path(__file__).parent / "sources" / "none"  # isort takes every module below its `src_paths` for first-party


def reformatted(text: str, before: str | None) -> str:
    """Format a module's new text, if its text `before` was formatted; None: it is a new file."""
    return text if before is not None and formatted(before) != before else formatted(text)


def formatted(text: str) -> str:
    """Format a module."""
    import black
    import isort

    config = isort.Config(profile="black", known_first_party=frozenset(FIRST_PARTY), src_paths=(NOWHERE,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # syntax warnings of the formatted code
        return black.format_str(isort.code(text, config=config), mode=black.Mode())
