"""Speech to text of many tasks by CTC, on PyTorch: `python -m espnet2.bin.s2t_inference_ctc --help`, and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.s2t_inference_ctc import Speech2Text, Speech2TextGreedySearch, recognize
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.s2t_ctc_options import S2TCTCOptions
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import S2T
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Speech2Text", "Speech2TextGreedySearch", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.s2t_inference_ctc",
        description="Recognise or translate recordings with a trained model of many tasks that has CTC alone, such as "
        "OWSM-CTC, on PyTorch. With recordings, the text of each is one line of the output; with a list and an output "
        "directory, results are written as a recipe decodes.",
    )
    add_recognizer_options(parser, S2T)
    add_decode_arguments(parser, options=S2TCTCOptions)
    add_other_options(parser, S2T)
    return parser


def inference(**options: Any) -> int:
    """Recognise as the command does, with its options as keywords; upstream's function of this name."""
    return recognize(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
