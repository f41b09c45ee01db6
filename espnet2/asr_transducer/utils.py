"""Upstream's helpers for stand-alone transducers: masks, check of short utterances, inputs and targets of the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr_transducer.encoder.encoder import chunk_mask

__all__ = [
    "TooShortUttError",
    "check_short_utt",
    "get_transducer_task_io",
    "make_chunk_mask",
    "make_source_mask",
]

# By subsampling factor: number of frames that an utterance must exceed, and the limit that upstream reports.
SHORTEST = {2: (2, 7), 4: (6, 7), 6: (10, 11)}


def check_short_utt(sub_factor: int, size: int) -> tuple[bool, int]:
    """Check whether an utterance of `size` frames is too short for subsampling; returns that and the limit (-1 if
    not)."""
    shorter, limit = SHORTEST.get(sub_factor, (0, -1))
    return (True, limit) if size <= shorter else (False, -1)


def make_source_mask(lengths: Tensor) -> Tensor:
    """Mark the padding of a batch: lengths (B,) → (B, T) bool, True at padding."""
    return make_pad_mask(lengths)


def make_chunk_mask(size: int, chunk_size: int, num_left_chunks: int = 0, device: torch.device | None = None) -> Tensor:
    """Mark invisible frames: (T, T) bool, True outside a frame's chunk and those before it.

    Args:
        size: T.
        chunk_size: frames of a chunk.
        num_left_chunks: visible chunks before a frame's own; all if not above 0.
        device: of the mask.
    """
    return ~chunk_mask(size, chunk_size, num_left_chunks, device)


def get_transducer_task_io(
    labels: Tensor, encoder_out_lens: Tensor, ignore_id: int = -1, blank_id: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make the decoder's input labels and the loss's target labels.

    Args:
        labels: (B, U) int64, padded by `ignore_id`.
        encoder_out_lens: (B,) lengths of the encoder output.
        ignore_id: padding of labels.
        blank_id: index of the blank.

    Returns:
        Decoder inputs (B, U + 1) int64 with the blank first, targets (B, U) int32, both padded by the blank; lengths
        (B,) int32 of the encoder output and of the targets.
    """
    padding = labels == ignore_id
    target = labels.masked_fill(padding, blank_id)
    lengths = (~padding).sum(dim=1, dtype=torch.int32)
    target = target[:, : int(lengths.max())]
    decoder_in = torch.nn.functional.pad(target, (1, 0), value=blank_id)
    return decoder_in, target.to(torch.int32), encoder_out_lens.to(torch.int32), lengths
