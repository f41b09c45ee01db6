"""Find texts in a long recording by CTC: `python -m espnet2.bin.asr_align --help`, and upstream's `CTCSegmentation`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.bin.ctc_segment import build_parser
from espnet2.inference.asr_align import CTCSegmentation, align, ctc_align
from espnet2.runtime.segmentation import CTCSegmentationTask
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["CTCSegmentation", "CTCSegmentationTask", "ctc_align", "get_parser", "main"]

DESCRIPTION = (
    "Align the utterances of a text with a recording by CTC segmentation, and write a line of each in the form of "
    "Kaldi's segments: name, recording, start and end in seconds, score, text."
)


def get_parser() -> ArgumentParser:
    return build_parser("asr", DESCRIPTION, "python -m espnet2.bin.asr_align")


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), align, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
