"""Find texts in a long recording by OWSM-CTC: `python -m espnet2.bin.s2t_align --help`, and `CTCSegmentation`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.bin.ctc_segment import build_parser
from espnet2.inference.s2t_align import CTCSegmentation, align, ctc_align
from espnet2.runtime.segmentation import CTCSegmentationTask
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["CTCSegmentation", "CTCSegmentationTask", "ctc_align", "get_parser", "main"]

DESCRIPTION = (
    "Align the utterances of a text with a recording by CTC segmentation with a model of many tasks that has "
    "CTC alone, and write a line of each in the form of Kaldi's segments: name, recording, start and end in seconds, "
    "score, text."
)


def get_parser() -> ArgumentParser:
    parser = build_parser("s2t", DESCRIPTION, "python -m espnet2.bin.s2t_align")
    group = parser.add_argument_group("prompt and buffers")
    group.add_argument("--lang_sym", default="<eng>", help="symbol of the language (default: <eng>)")
    group.add_argument("--task_sym", default="<asr>", help="symbol of the task (default: <asr>)")
    group.add_argument(
        "--context_len_in_secs",
        type=float,
        default=4,
        help="seconds of a buffer at either end that are left out (default: 4)",
    )
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), align, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
