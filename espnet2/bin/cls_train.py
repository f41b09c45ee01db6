"""Train a classifier: `python -m espnet2.bin.cls_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.cls import CLSTask

    return TrainingParser(
        CLSTask,
        prog="python -m espnet2.bin.cls_train",
        description="Train a classifier, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.cls import CLSTask
    from espnet2.tasks.training import train

    return train(CLSTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
