"""Train a synthesiser of discrete units of speech: `python -m espnet2.bin.tts2_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.tts2 import TTS2Task

    return TrainingParser(
        TTS2Task,
        prog="python -m espnet2.bin.tts2_train",
        description="Train a synthesiser of discrete units of speech, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.training import train
    from espnet2.tasks.tts2 import TTS2Task

    return train(TTS2Task, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
