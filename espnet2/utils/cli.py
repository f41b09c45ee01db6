"""Main function of all commands of `espnet2.bin`: logging, one sentence for an error, exit status."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.interface.errors import EspnetError, OptionError, shortened
from espnet2.utils.text_file import ENCODING

# Packages of each extra of the installation.
EXTRAS = {
    "export": ("torch", "onnx", "onnx_ir", "onnxscript", "typeguard"),
    "train": ("pytorch_lightning", "tensorboard", "matplotlib", "jiwer", "espeakng_loader"),
    "patch": ("libcst", "black", "isort"),
}
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


def run(
    parser: argparse.ArgumentParser | Callable[[], argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], int | None],
    cmd: Sequence[str] | None = None,
) -> int:
    """Parse `cmd` (default: the process's arguments), call `command` with the options, and return the exit status.

    An `EspnetError`, an `OSError` about a file, or a missing package is printed to stderr as one sentence and gives
    status 2; Ctrl-C gives 130; otherwise the status is `command`'s return value (None: 0). A parser that needs
    packages itself is passed as the function that makes it. Logs of level `--log_level`, if the parser has this
    option, go to stderr.
    """
    use_utf8()
    prog = f"python -m espnet2.bin.{Path(sys.argv[0]).stem}"
    try:
        parser = parser() if callable(parser) else parser
        prog = parser.prog
        args, unknown = parser.parse_known_args(cmd)
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        start_logging(getattr(args, "log_level", "INFO"))
        return command(args) or 0
    except EspnetError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        logging.debug("", exc_info=True)
        print(f"{prog}: {_missing(error)}", file=sys.stderr)
        return 2
    except OSError as error:
        # For example a full disk or a missing permission; --log_level DEBUG shows the traceback.
        logging.debug("", exc_info=True)
        place = "a file" if error.filename is None else error.filename
        found = (error.strerror or str(error)).lower()
        print(shortened(f"{prog}: {place}: expected to read or write it, found: {found}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130


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


def start_logging(level: str) -> None:
    """Log messages of `level` and above to stderr."""
    if level.upper() not in LOG_LEVELS:
        raise OptionError(f"--log_level: expected one of {', '.join(LOG_LEVELS)}, found {level!r}")
    logging.basicConfig(
        level=getattr(logging, level.upper()),
        format="%(asctime)s %(levelname)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
