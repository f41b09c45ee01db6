"""Join statistics of parts of the data: `python -m espnet2.bin.aggregate_stats_dirs --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser


def get_parser() -> PlainArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.aggregate_stats_dirs",
        description="Merge directories that training commands wrote with --collect_stats true.",
    )
    add_log_level(parser)
    parser.add_argument("--skip_sum_stats", action="store_true", help="join shapes only")
    parser.add_argument("--input_dir", action="append", default=[], help="a directory to merge; repeatable")
    parser.add_argument("--output_dir", required=True, help="output directory")
    return parser


def command(args: argparse.Namespace) -> None:
    from espnet2.main_funcs.aggregate_stats import aggregate_stats_dirs

    aggregate_stats_dirs(args.input_dir, args.output_dir, args.skip_sum_stats)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
