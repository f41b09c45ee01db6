"""Train a model of speech to text of many tasks: `python -m espnet2.bin.s2t_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.s2t import S2TTask

    return TrainingParser(
        S2TTask,
        prog="python -m espnet2.bin.s2t_train",
        description="Train a model of many tasks, such as OWSM, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.s2t import S2TTask
    from espnet2.tasks.training import train

    return train(S2TTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
