"""Lines that freeze an axis or bound it, as torch.export records them while it traces."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from espnet2.export.doctor.stack import authors_stack
from espnet2.export.nodes import Frame

LOGGER = "torch.fx.experimental.symbolic_shapes"
GUARD = re.compile(r"(?:eval|runtime_assert) (?:\[guard suppressed\] )?(.+?) \[guard added\]")


@dataclass(frozen=True)
class Guard:
    """A condition on sizes, as `Eq(s77, 2)`, and the author's lines that asked for it, the innermost last."""

    condition: str
    frames: tuple[Frame, ...]


@contextlib.contextmanager
def recorded_guards() -> Iterator[list[Guard]]:
    """Record the conditions on sizes under which a module is traced inside."""
    found: list[Guard] = []

    def record(entry: logging.LogRecord) -> bool:
        match = GUARD.search(entry.getMessage())
        if match:
            found.append(Guard(match[1], authors_stack(sys._getframe())))
        return entry.levelno >= logging.ERROR

    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.addFilter(record)
    logger.setLevel(logging.INFO)
    try:
        yield found
    finally:
        logger.removeFilter(record)
        logger.setLevel(level)
