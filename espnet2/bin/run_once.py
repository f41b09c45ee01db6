"""Run a command unless it has succeeded with the same inputs before: `python -m espnet2.bin.run_once --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str2bool


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.run_once",
        usage="%(prog)s --stamp FILE [--inputs FILE ...] [--outputs FILE ...] [OPTION ...] -- COMMAND ...",
        description="Run a command, and note in a file when it has succeeded. The next time, it runs only if the "
        "command or what its input files hold has changed.",
    )
    parser.add_argument("--stamp", required=True, help="file that records the success")
    parser.add_argument("--inputs", nargs="*", default=[], help="files that the command reads")
    parser.add_argument("--outputs", nargs="*", default=[], help="files that it makes, and makes again if missing")
    parser.add_argument(
        "--on_change", default="rerun", choices=["rerun", "refuse"], help="if inputs have changed (default: rerun)"
    )
    parser.add_argument(
        "--anew", type=str2bool, default=False, help="remove the outputs of an earlier run first (default: false)"
    )
    add_log_level(parser)
    parser.add_argument("command", nargs="+", help="program and arguments, after --")
    return parser


def once(args: argparse.Namespace) -> int:
    from espnet2.recipe.once import run_once

    return run_once(args.stamp, args.command, args.inputs, args.outputs, args.on_change, args.anew)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), once, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
