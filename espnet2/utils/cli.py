"""Main function of all commands of `espnet2.bin`: logging, one sentence for an error, exit status."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.interface.errors import EspnetError, OptionError, printable, reason_of, shortened, visible
from espnet2.utils.surroundings import (
    INTERRUPTED,
    flush_output,
    heeding_interrupts,
    leave,
    open_closed_streams,
    take_interrupts,
)
from espnet2.utils.text_file import ENCODING

# Packages of each extra of the installation.
EXTRAS = {
    "export": ("torch", "onnx", "onnx_ir", "onnxscript", "typeguard"),
    "train": ("pytorch_lightning", "tensorboard", "matplotlib", "jiwer", "espeakng_loader"),
    "patch": ("libcst", "black", "isort"),
}
OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory")  # in errors of PyTorch
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


def run(
    parser: argparse.ArgumentParser | Callable[[], argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], int | None],
    cmd: Sequence[str] | None = None,
    alone: bool = True,
) -> int:
    """Parse `cmd` (default: the process's arguments), call `command` with the options, and return the exit status.

    An `EspnetError`, an `OSError` about a file, or a missing package is printed to stderr as one sentence and gives
    status 2; Ctrl-C gives 130, and ends a process whose own arguments these are; otherwise the status is `command`'s
    return value (None: 0). A parser that needs packages itself is passed as the function that makes it. Logs of level
    `--log_level`, if the parser has this option, go to stderr.

    Where `command` computes on after Ctrl-C, the process is ended, unless it is not `alone`, but starts others.
    """
    open_closed_streams()
    take_interrupts()
    use_utf8()
    prog = f"python -m espnet2.bin.{Path(sys.argv[0]).stem}"
    try:
        parser = parser() if callable(parser) else parser
        prog = parser.prog
        args, unknown = parser.parse_known_args(cmd)
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        start_logging(getattr(args, "log_level", "INFO"))
        with heeding_interrupts(prog) if alone else contextlib.nullcontext():
            status = command(args) or 0
        flush_output()
        return status
    except EspnetError as error:
        return _refused(prog, str(error))
    except ModuleNotFoundError as error:
        logging.debug("", exc_info=True)
        return _refused(prog, _missing(error))
    except OSError as error:
        # For example a full disk or a missing permission; --log_level DEBUG shows the traceback.
        logging.debug("", exc_info=True)
        place = "a file" if error.filename is None else os.fsdecode(error.filename)
        return _refused(prog, f"{place}: expected to read or write it, found: {reason_of(error).lower()}")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        logging.debug("", exc_info=True)
        return _refused(prog, f"expected memory enough for it, found too little: {reason_of(error)}")
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        if cmd is None:
            leave(INTERRUPTED)
        return INTERRUPTED


def _refused(prog: str, sentence: str) -> int:
    """Print a sentence to stderr, where there is one that is open; return exit status 2."""
    with contextlib.suppress(OSError, ValueError):
        print(shortened(printable(f"{prog}: {sentence}")), file=sys.stderr)
    return 2


def arguments(parser: argparse.ArgumentParser, options: Mapping[str, Any]) -> argparse.Namespace:
    """The options of a command as its parser gives them, from keywords; options that are not named have their defaults.

    Raises:
        OptionError: The command has no option of a name.
    """
    defaults = {a.dest: a.default for a in parser._actions if a.default is not argparse.SUPPRESS} | parser._defaults
    for name in options:
        if name not in defaults:
            raise OptionError(f"{name}: expected an option of {parser.prog}, found an unknown name")
    return argparse.Namespace(**{**defaults, **options})


def use_utf8() -> None:
    """Set standard input and output to UTF-8, whatever the system's encoding is.

    A terminal keeps its encoding. Characters that it lacks are written as escapes.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8" if stream is not sys.stdin else ENCODING
            stream.reconfigure(encoding=encoding, errors="strict" if stream is sys.stdin else "backslashreplace")


def _missing(error: ModuleNotFoundError) -> str:
    """Name a missing package and its extra; raises the error again if the module is one of this project."""
    name = (error.name or "").partition(".")[0]
    if name in ("espnet", "espnet2"):
        raise error
    if not name:
        return str(error)
    extra = next((extra for extra, packages in EXTRAS.items() if name in packages), None)
    place = name if extra is None else f'".[{extra}]"'
    return f"expected the package {name}, found none; pip install {place}"


def add_log_level(parser: argparse._ActionsContainer, *spellings: str, default: str = "INFO") -> None:
    """Add `--log_level`, and further spellings of it, to a parser or a group of options."""
    explained = f"least level of messages to stderr: DEBUG, INFO, WARNING or ERROR (default: {default})"
    parser.add_argument("--log_level", *spellings, default=default, help=explained)


def start_logging(level: str) -> None:
    """Log messages of `level` and above to stderr."""
    if level.upper() not in LOG_LEVELS:
        raise OptionError(f"--log_level: expected one of {', '.join(LOG_LEVELS)}, found {level!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("%(asctime)s %(levelname)s: %(message)s"))
    logging.basicConfig(level=getattr(logging, level.upper()), handlers=[handler], force=True)


class VisibleFormatter(logging.Formatter):
    """Formatter of log lines in which control characters are escapes: names of files and utterances have any."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))
