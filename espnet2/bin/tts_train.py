"""Train a synthesiser of speech: `python -m espnet2.bin.tts_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.tts import TTSTask

    return TrainingParser(
        TTSTask,
        prog="python -m espnet2.bin.tts_train",
        description="Train a synthesiser of speech, or collect the statistics that training needs.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.training import train
    from espnet2.tasks.tts import TTSTask

    return train(TTSTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
