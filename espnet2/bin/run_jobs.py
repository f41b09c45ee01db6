"""Run a command in one or several jobs, here or by Slurm: `python -m espnet2.bin.run_jobs --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import positive_int


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.run_jobs",
        usage="%(prog)s [--backend local|slurm] [--max_jobs N] [--slurm_args ARGS] [JOB=1:N] LOG COMMAND ...",
        description="Run a command in one or several jobs, each with a log of its own. JOB in the command and in the "
        "name of the log is replaced by the job's number.",
    )
    parser.add_argument(
        "--backend",
        choices=["local", "slurm"],
        default="local",
        help="what runs the jobs: this machine (local) or Slurm",
    )
    parser.add_argument("--max_jobs", type=positive_int, help="largest number of jobs at a time (default: all)")
    parser.add_argument("--slurm_args", default="", help="options of sbatch, such as '--partition=gpu --gres=gpu:1'")
    parser.add_argument("--accept", type=statuses, default="0", help="exit statuses that count as success (default: 0)")
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="[JOB=1:N] LOG COMMAND ...", help="what runs, and its log"
    )
    return parser


def statuses(text: str) -> tuple[int, ...]:
    """Parse exit statuses separated by commas; raises `argparse.ArgumentTypeError` for anything else."""
    try:
        return tuple(map(int, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, found {text!r}") from error


def run_jobs(args: argparse.Namespace) -> None:
    from espnet2.interface.errors import OptionError
    from espnet2.recipe.jobs import Jobs, parse_range, require_success, run_local, run_slurm

    words = list(args.words)
    name, first, last = parse_range(words.pop(0)) if words and "=" in words[0] else (None, 1, 1)
    if len(words) < 2:
        raise OptionError(f"expected [JOB=1:N] LOG COMMAND ..., found {' '.join(args.words)!r}")
    jobs = Jobs(words[0], tuple(words[1:]), name, first, last, args.accept)
    if last > first and str(name) not in jobs.log:
        raise OptionError(f"expected a log for each job, with {name} in its name, found {jobs.log!r}")
    backends = {
        "local": lambda: run_local(jobs, args.max_jobs),
        "slurm": lambda: run_slurm(jobs, args.slurm_args, args.max_jobs),
    }
    require_success(jobs, backends[args.backend]())


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), run_jobs, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
