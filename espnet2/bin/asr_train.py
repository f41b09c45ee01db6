"""Train a speech recogniser: `python -m espnet2.bin.asr_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.task_options import ASR

    return TrainingParser(
        ASR,
        prog="python -m espnet2.bin.asr_train",
        description="Train a speech recogniser, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.main_funcs.train import train
    from espnet2.tasks.task_options import ASR

    return train(ASR, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
