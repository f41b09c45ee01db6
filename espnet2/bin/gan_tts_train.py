"""Train a synthesiser of speech against discriminators: `python -m espnet2.bin.gan_tts_train --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run


def get_parser() -> argparse.ArgumentParser:
    from espnet2.tasks.arguments import TrainingParser
    from espnet2.tasks.gan_tts import GANTTSTask

    return TrainingParser(
        GANTTSTask,
        prog="python -m espnet2.bin.gan_tts_train",
        description="Train a synthesiser of speech against discriminators, or collect statistics for that.",
    )


def command(args: argparse.Namespace) -> int:
    from espnet2.tasks.gan_tts import GANTTSTask
    from espnet2.tasks.training import train

    return train(GANTTSTask, args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
