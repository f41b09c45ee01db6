"""Train a model of spoken language understanding: `python -m espnet2.bin.slu_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.slu import SLUTask

    return TrainingParser(
        SLUTask,
        prog="python -m espnet2.bin.slu_train",
        description="Train a model of spoken language understanding, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.slu import SLUTask
    from espnet2.tasks.training import train

    return train(SLUTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
