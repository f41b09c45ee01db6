"""Blocks one after the other, and a normalisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.subsampling import subsample
from espnet2.asr_transducer.encoder.abs_block import AbsBlock
from espnet2.interface.spec import Length


class MultiBlocks(nn.Module):
    """Blocks of an encoder and the final normalisation.

    Args:
        block_list: blocks.
        output_size: D' of the last one.
        norm_class: makes the normalisation at the end.
        norm_args: its keywords.
        blockdrop_rate: probability that training skips the last of many blocks, less for earlier ones (Huang et al.
            2016, "stochastic depth"); as in upstream, the very last block is never skipped.

    Attributes:
        length: output frames as a formula of input frames.
    """

    def __init__(
        self,
        block_list: Sequence[AbsBlock],
        output_size: int,
        norm_class: Callable[..., nn.Module] = nn.LayerNorm,
        norm_args: Mapping[str, Any] | None = None,
        blockdrop_rate: float = 0.0,
    ):
        super().__init__()
        self.blocks = nn.ModuleList(block_list)
        self.norm_blocks = norm_class(output_size, **(norm_args or {}))
        last = len(block_list) - 1
        self.drop_rates = [
            blockdrop_rate * index / len(block_list) if block.droppable and index < last else 0.0
            for index, block in enumerate(block_list)
        ]
        self.length = Length()
        for block in block_list:
            self.length = self.length.then(block.length)

    def forward(
        self, x: Tensor, pos_enc: Tensor, lengths: Tensor, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode whole utterances.

        Args:
            x: (B, T, D).
            pos_enc: (1, 2T-1, D), relative positions T-1 down to -(T-1).
            lengths: (B,).
            visible: (T, T) bool, True at visible frames; by default all are.

        Returns:
            (B, T', D'), and the lengths (B,).
        """
        padding, bias = self._masks(x, lengths, visible)
        for block, drop_rate in zip(self.blocks, self.drop_rates, strict=True):
            assert isinstance(block, AbsBlock)
            if self.training and torch.rand(()) < drop_rate:
                continue
            x, pos_enc = block(x, pos_enc, bias, padding), block.positions(pos_enc, padding)
            if block.length.steps:
                lengths = subsample(lengths, block.length)
                padding, bias = self._masks(x, lengths, None)
        return self.norm_blocks(x), lengths

    @staticmethod
    def _masks(x: Tensor, lengths: Tensor, visible: Tensor | None) -> tuple[Tensor, Tensor]:
        """Padding (B, T, 1), and `attention_bias` (B, 1, 1 or T, T) of visible frames that are no padding."""
        padding = make_pad_mask(lengths, x.shape[1])
        mask = ~padding.unsqueeze(1)
        return padding.unsqueeze(-1), attention_bias(mask if visible is None else mask & visible, x.dtype)

    def caches(self, left_context: int) -> list[tuple[tuple[int, int], ...]]:
        """Caches of each block."""
        return [block.caches(left_context) for block in self.blocks]  # type: ignore[operator]

    def step(
        self,
        x: Tensor,
        pos_enc: Tensor,
        bias: Tensor,
        padding: Tensor,
        right: int,
        caches: Sequence[Sequence[Tensor]],
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Encode the next chunk; see `AbsBlock.step`. Returns (B, T, D'), and the next caches of each block."""
        after = []
        for block, before in zip(self.blocks, caches, strict=True):
            assert isinstance(block, AbsBlock)
            x, *kept = block.step(x, pos_enc, bias, padding, right, *before)
            pos_enc = block.positions(pos_enc, padding)
            after.append(kept)
        return self.norm_blocks(x), after
