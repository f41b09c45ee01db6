"""The command and the class of `espnet2.bin.s2t_align` under their name up to release 202511."""

from __future__ import annotations

from espnet2.bin.s2t_align import CTCSegmentation, CTCSegmentationTask, ctc_align, get_parser, main

__all__ = ["CTCSegmentation", "CTCSegmentationTask", "ctc_align", "get_parser", "main"]

if __name__ == "__main__":
    raise SystemExit(main())
