"""Block with a convolution over frames, which may reduce their number and change their size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.asr_transducer.encoder.abs_block import AbsBlock, keep_last
from espnet2.interface.spec import Length


class Conv1d(AbsBlock):
    """Convolution, batch normalisation, ReLU; positional encodings are projected to the new size.

    Args:
        input_size: D.
        output_size: D'.
        kernel_size: K.
        stride: input frames per output frame; without effect if `causal`, as in upstream.
        dilation: distance in frames between the kernel's weights.
        groups: of channels.
        bias: whether the convolution has one.
        batch_norm: whether to normalise.
        relu: whether to end with ReLU.
        causal: pad on the left only, and keep the number of frames.
        dropout_rate: dropout of the output.

    Raises:
        ValueError: sizes below 1, groups that divide no size, or dilation with `causal`, which upstream cannot run.
    """

    droppable = False

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        batch_norm: bool = False,
        relu: bool = True,
        causal: bool = False,
        dropout_rate: float = 0.0,
    ):
        super().__init__()
        require_positive(
            output_size=output_size, kernel_size=kernel_size, stride=stride, dilation=dilation, groups=groups
        )
        if causal and dilation > 1:
            raise ValueError(f"dilation: expected 1 where convolutions are causal, found {dilation}")
        if input_size % groups or output_size % groups:
            raise ValueError(f"groups: expected a divisor of {input_size} and {output_size}, found {groups}")
        self.stride = 1 if causal else stride
        self.conv = nn.Conv1d(
            input_size, output_size, kernel_size, self.stride, dilation=dilation, groups=groups, bias=bias
        )
        self.span = (kernel_size - 1) * dilation
        self.causal = causal
        self.length = Length() if causal else Length.conv(self.span + 1, self.stride)
        self.bn = nn.BatchNorm1d(output_size) if batch_norm else nn.Identity()
        self.relu_func = nn.ReLU() if relu else nn.Identity()
        self.dropout = nn.Dropout(dropout_rate)
        self.out_pos = nn.Linear(input_size, output_size)

    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """Frames of a causal kernel except one."""
        return ((self.span, self.conv.in_channels),) if self.causal and self.span else ()

    def positions(self, pos_enc: Tensor, padding: Tensor) -> Tensor:
        """Subsampled and projected encodings: (1 or B, 2T-1, D) → (1 or B, 2T'-1, D'); only projected ones if causal.

        As upstream's models were trained, position r gets the encoding of s·r below 0, where s is the stride, and from
        0 on of s·r plus the number of frames with which no output begins, which depends on the utterance's length.
        """
        if not self.causal and self.stride == 1:
            pos_enc = pos_enc[:, self._chosen(padding, self.span)]
        elif not self.causal:
            left = self.span + ((~padding).sum(1) - 1 - self.span) % self.stride
            places = self._chosen(padding, left).unsqueeze(-1).expand(-1, -1, pos_enc.shape[-1])
            pos_enc = pos_enc.expand(padding.shape[0], -1, -1).gather(1, places)
        return self.out_pos(pos_enc)

    def _chosen(self, padding: Tensor, left: Tensor | int) -> Tensor:
        """Indices (2T'-1,), or (B, 2T'-1), into encodings of T-1 to -(T-1); `left` frames (B, 1) begin no output."""
        frames = padding.shape[1]
        last = self.length(frames) - 1
        position = last - torch.arange(2 * last + 1, device=padding.device)
        found = position * self.stride + torch.where(position < 0, 0, left)
        return (frames - 1 - found).clamp(min=0)

    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """See the base class: (B, T, D) → (B, T', D'), and the next caches."""
        kept: list[Tensor] = []
        if caches:
            x, *kept = keep_last(caches[0], x, right)
        elif self.causal:
            x = nn.functional.pad(x, (0, 0, self.span, 0))
        x = self.relu_func(self.dropout(self.bn(self.conv(x.transpose(1, 2))))).transpose(1, 2)
        return x, *kept
