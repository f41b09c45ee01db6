"""Score recordings with PyTorch: `python -m espnet2.bin.asvspoof_inference --help`, and `SpeechAntiSpoof`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_mapper_options
from espnet2.inference.asvspoof_inference import FILES, SpeechAntiSpoof, detect_in_recordings
from espnet2.runtime.asvspoof_command import add_spoof_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["SpeechAntiSpoof", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.asvspoof_inference",
        description="Score recordings with a trained detector of spoofed speech, on PyTorch.",
    )
    add_mapper_options(parser, FILES)
    add_spoof_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Score recordings as the command does, with its options as keywords; upstream's function of this name."""
    return detect_in_recordings(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, detect_in_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
