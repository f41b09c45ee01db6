"""Train a detector of spoofed speech: `python -m espnet2.bin.asvspoof_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.asvspoof import ASVSpoofTask

    return TrainingParser(
        ASVSpoofTask,
        prog="python -m espnet2.bin.asvspoof_train",
        description="Train a detector of spoofed speech, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.asvspoof import ASVSpoofTask
    from espnet2.tasks.training import train

    return train(ASVSpoofTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
