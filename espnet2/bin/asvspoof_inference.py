"""Score recordings with PyTorch: `python -m espnet2.bin.asvspoof_inference --help`, and `SpeechAntiSpoof`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.asvspoof_inference import FILES, SpeechAntiSpoof, detect_in_recordings
from espnet2.runtime.asvspoof_command import add_spoof_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str_or_none
from espnet2.utils.upstream_options import DTYPES

__all__ = ["SpeechAntiSpoof", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.asvspoof_inference",
        description="Score recordings with a trained detector of spoofed speech, on PyTorch.",
    )
    group = parser.add_argument_group("model")
    for name, text in FILES.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the computation (default: float32)")
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    group.add_argument("--num_threads", type=int, help="threads of PyTorch (default: PyTorch's)")
    for name, value in (("seed", 0), ("num_workers", 1)):
        group.add_argument(f"--{name}", type=int, default=value, help="without effect, as results are deterministic")
    add_spoof_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Score recordings as the command does, with its options as keywords; upstream's function of this name."""
    return detect_in_recordings(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, detect_in_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
