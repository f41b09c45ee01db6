"""Input blocks: subsampling by convolutions over time and frequency."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose, full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.transformer.subsampling import subsample
from espnet2.interface.spec import Length

# Kernels and strides of the two convolutions by the factor.
CONVOLUTIONS = {2: ((3, 3), (2, 1)), 4: ((3, 3), (2, 2)), 6: ((3, 5), (2, 3))}
# Sizes of the two poolings by the factor. Both halve the frames, whatever the factor is.
POOLINGS = {4: (2, 2), 6: (3, 2)}
VGG_SIZES = (64, 128)


class ConvInput(nn.Module):
    """Two convolutions, each with ReLU; or, `vgg_like`, two pairs of them, each followed by a maximum (Simonyan and
    Zisserman 2015).

    Args:
        input_size: F.
        conv_size: channels; with `vgg_like`, of the one pair and of the other.
        subsampling_factor: input frames per output frame: 2, 4 or 6; with `vgg_like` 4, or 6, which also gives 4.
        vgg_like: use the VGG network.
        output_size: D; None for the size of the convolutions' output.

    Attributes:
        length: output frames as a formula of input frames.
        stream_length: the same of `within`.
        output_size: D.

    Raises:
        ValueError: sizes below 1, another factor, or too few features.
    """

    def __init__(
        self,
        input_size: int,
        conv_size: int | Sequence[int],
        subsampling_factor: int = 4,
        vgg_like: bool = True,
        output_size: int | None = None,
    ):
        super().__init__()
        self.vgg_like = vgg_like
        if vgg_like:
            channels = self._add_vgg(conv_size, choose("subsampling_factor", subsampling_factor, POOLINGS))
        else:
            channels = self._add_convolutions(conv_size, choose("subsampling_factor", subsampling_factor, CONVOLUTIONS))
        if input_size < self.length.shortest():
            raise ValueError(f"input_size: expected at least {self.length.shortest()} features, found {input_size}")
        flat = channels * self.length(input_size)
        self.output_size = output_size or flat
        self.output = nn.Linear(flat, output_size) if output_size else nn.Identity()

    def _add_convolutions(self, conv_size: int | Sequence[int], sizes: tuple[tuple[int, int], tuple[int, int]]) -> int:
        if not isinstance(conv_size, int):
            raise ValueError(f"conv_size: expected a number where nothing is vgg_like, found {conv_size}")
        require_positive(conv_size=conv_size)
        steps = list(zip(*sizes, strict=True))
        self.length = functools.reduce(Length.then, (Length.conv(*step) for step in steps))
        layers: list[nn.Module] = []
        for channels, (kernel, stride) in zip((1, conv_size), steps, strict=True):
            layers += [nn.Conv2d(channels, conv_size, kernel, stride), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        return conv_size

    def _add_vgg(self, conv_size: int | Sequence[int], sizes: tuple[int, int]) -> int:
        pair = (conv_size, conv_size) if isinstance(conv_size, int) else tuple(conv_size)
        if len(pair) != 2:
            raise ValueError(f"conv_size: expected two numbers, found {conv_size}")
        require_positive(conv_size=min(pair))
        layers: list[nn.Module] = []
        self.length = Length()
        self.pools = sizes
        self.span = 15 + sizes[0]  # from the first frame of an output in `within` to the last one that it depends on
        for channels, size, pool in zip((1, pair[0]), pair, sizes, strict=True):
            layers += [nn.Conv2d(channels, size, 3, padding=1), nn.ReLU(), nn.Conv2d(size, size, 3), nn.ReLU()]
            layers.append(nn.MaxPool2d(pool, stride=2, ceil_mode=True))
            # The last pooling window may be incomplete.
            self.length = self.length.then(Length(((-2, 1, 0), (1 - pool, 2, 1))))
        self.conv = nn.Sequential(*layers)
        return pair[1]

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, F), lengths (B,) → (B, T', D), lengths (B,)."""
        x = self._pooled(x.unsqueeze(1), lengths) if self.vgg_like else self.conv(x.unsqueeze(1))
        return self.output(x.transpose(1, 2).contiguous().flatten(2)), subsample(lengths, self.length)

    @property
    def stream_length(self) -> Length:
        """Length of the result of `within`."""
        return Length.conv(self.span, 4) if self.vgg_like else self.length

    def within(self, x: Tensor) -> Tensor:
        """Compute the output frames that depend on neither end of a part of a stream: x (B, T, F) → (B, T', D).

        With `vgg_like`, whole utterances have more frames at both ends.
        """
        frames = self(x, full_lengths(x))[0]
        return frames[:, 1 : 1 + self.stream_length(x.shape[1])] if self.vgg_like else frames

    def _pooled(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (B, 1, T, F) → (B, C, T', F'), with zeros after each utterance's end, as in a batch of one."""
        for first, size in zip((0, 5), self.pools, strict=True):
            x = self.conv[first : first + 4](hide(x, lengths))
            lengths = lengths - 2
            x = self.conv[first + 4](hide(x, lengths))
            lengths = (lengths + 1 - size) // 2 + 1
        return x


def hide(x: Tensor, lengths: Tensor) -> Tensor:
    """Set x (B, C, T, F) to zero after the lengths (B,)."""
    return x.masked_fill(make_pad_mask(lengths, x.shape[2]).view(-1, 1, x.shape[2], 1), 0.0)
