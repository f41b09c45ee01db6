"""The packages that export and quantise talk about their own affairs; users see what this project says instead."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

TALKATIVE = ("", "torch.onnx", "onnxscript", "onnx_ir")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing below an error is logged, warned of or printed inside."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
