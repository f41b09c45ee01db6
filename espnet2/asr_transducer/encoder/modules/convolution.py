"""Convolutions over frames in the blocks of the stand-alone transducer's encoder, whole or chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.conformer.convolution import DepthwiseConv1d, pointwise
from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.asr_transducer.encoder.abs_block import keep_last


class FrameConvolution(DepthwiseConv1d):
    """Depthwise convolution that keeps the number of frames.

    Args:
        channels: C.
        kernel_size: K.
        causal: a frame depends on the K-1 frames before it, which streams cache. A convolution that is not causal
            treats a chunk of a stream as a whole utterance, as in upstream.

    Raises:
        ValueError: a kernel below 1, or an even one that is not causal.
    """

    def __init__(self, channels: int, kernel_size: int, causal: bool):
        require_positive(kernel_size=kernel_size)
        if not causal and kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: expected an odd number where nothing is causal, found {kernel_size}")
        super().__init__(channels, kernel_size, padding=0)
        self.before = kernel_size - 1 if causal else kernel_size // 2
        self.after = kernel_size - 1 - self.before

    def caches(self) -> tuple[tuple[int, int], ...]:
        """Frames and channels of the cache; none without memory."""
        return ((self.before, self.in_channels),) if self.before > self.after else ()

    def forward(self, x: Tensor, padding: Tensor, right: int = 0, *caches: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Convolve whole utterances, or, given caches, chunks.

        Args:
            x: (B, T, C).
            padding: (B, T, 1) bool, True at frames that are treated as zeros.
            right: look-ahead frames of x.
            caches: input before x, as in `caches`.

        Returns:
            (B, T, C), and the next caches.
        """
        x = x.masked_fill(padding, 0.0)
        if not caches:
            return (self._convolve(nn.functional.pad(x, (0, 0, self.before, self.after))),)
        seen, kept = keep_last(caches[0], x, right)
        return self._convolve(seen), kept

    def _convolve(self, x: Tensor) -> Tensor:
        """(B, T + K - 1, C) → (B, T, C)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvolutionalSpatialGatingUnit(nn.Module):
    """Convolutional spatial gating unit (Peng et al. 2022, "Branchformer").

    Args:
        size: C, even.
        kernel_size: of the convolution.
        norm_class: makes a normalisation of a size.
        norm_args: its keywords.
        dropout_rate: of the output.
        causal: see `FrameConvolution`.

    Raises:
        ValueError: an odd size, or a kernel that does not fit.
    """

    def __init__(
        self,
        size: int,
        kernel_size: int,
        norm_class: Callable[..., nn.Module] = nn.LayerNorm,
        norm_args: Mapping[str, Any] | None = None,
        dropout_rate: float = 0.0,
        causal: bool = False,
    ):
        super().__init__()
        if size % 2:
            raise ValueError(f"linear_size: expected an even number, found {size}")
        self.conv = FrameConvolution(size // 2, kernel_size, causal)
        self.norm = norm_class(size // 2, **(norm_args or {}))
        self.dropout = nn.Dropout(dropout_rate)

    def forward(self, x: Tensor, padding: Tensor, right: int = 0, *caches: Tensor) -> tuple[Tensor, ...]:
        """As `FrameConvolution.forward`, but to (B, T, C/2)."""
        x, gate = x.chunk(2, dim=-1)
        gate, *kept = self.conv(self.norm(gate), padding, right, *caches)
        return self.dropout(x * gate), *kept


class DepthwiseConvolution(nn.Module):
    """Depthwise convolution over the outputs of both branches of a block (Kim et al. 2022, "E-Branchformer").

    Args:
        size: D of each branch.
        kernel_size: of the convolution.
        causal: see `FrameConvolution`.
    """

    def __init__(self, size: int, kernel_size: int, causal: bool = False):
        super().__init__()
        self.conv = FrameConvolution(2 * size, kernel_size, causal)

    def forward(self, x: Tensor, padding: Tensor, right: int = 0, *caches: Tensor) -> tuple[Tensor, ...]:
        """As `FrameConvolution.forward`, with C = 2D."""
        return self.conv(x, padding, right, *caches)


class ConformerConvolution(nn.Module):
    """Gated pointwise convolution, depthwise convolution, batch normalisation, pointwise convolution (Gulati et al.
    2020, section 2.2).

    Args:
        channels: D.
        kernel_size: of the depthwise convolution.
        activation: applied after the normalisation.
        norm_args: keywords of the batch normalisation.
        causal: see `FrameConvolution`.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        activation: nn.Module | None = None,
        norm_args: Mapping[str, Any] | None = None,
        causal: bool = False,
    ):
        super().__init__()
        self.pointwise_conv1 = nn.Conv1d(channels, 2 * channels, 1)
        self.depthwise_conv = FrameConvolution(channels, kernel_size, causal)
        self.norm = nn.BatchNorm1d(channels, **(norm_args or {}))
        self.pointwise_conv2 = nn.Conv1d(channels, channels, 1)
        self.activation = activation or nn.ReLU()

    def forward(self, x: Tensor, padding: Tensor, right: int = 0, *caches: Tensor) -> tuple[Tensor, ...]:
        """As `FrameConvolution.forward`, with C = D."""
        gated = nn.functional.glu(pointwise(x, self.pointwise_conv1), dim=-1)
        x, *kept = self.depthwise_conv(gated, padding, right, *caches)
        x = self.activation(self.norm(x.transpose(1, 2))).transpose(1, 2)
        return pointwise(x, self.pointwise_conv2), *kept
