"""How every command of `espnet2.bin` starts and ends: logging, one sentence for an error, exit status."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from espnet2.runtime.errors import EspnetError, OptionError

LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


def run(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace], int | None],
    cmd: Sequence[str] | None = None,
) -> int:
    """Parse `cmd` (default: the process's arguments), call `command` with the options, and return the exit status.

    An `EspnetError`, and what the system says of a file, is printed to stderr as a sentence and gives status 2, Ctrl-C
    gives 130; otherwise the status is what `command` returns (None: 0). Logs of level `--log_level`, where the parser
    has it, go to stderr.
    """
    try:
        args = parser.parse_args(cmd)
        start_logging(getattr(args, "log_level", "INFO"))
        return command(args) or 0
    except EspnetError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        # A full disk or a missing permission, wherever it shows first; --log_level DEBUG tells where.
        logging.debug("", exc_info=True)
        place = "a file" if error.filename is None else error.filename
        found = (error.strerror or str(error)).lower()
        print(f"{parser.prog}: {place}: expected to read or write it, found: {found}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return 130


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
