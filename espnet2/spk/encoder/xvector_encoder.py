"""The encoder of x-vectors (Snyder et al. 2018)."""

from __future__ import annotations

import functools
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.layers.padding import frames_and_lengths, padding_of, silent


class XvectorEncoder(AbsSpeakerEncoder):
    """Dilated convolutions over time.

    Args:
        input_size: F, size of the features.
        ndim: channels of all convolutions but the last.
        output_size: D.
        kernel_sizes, paddings, dilations: of each convolution.
        kwargs: not read.

    Raises:
        ValueError: lists of different lengths, or a size below 1.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        ndim: int = 512,
        output_size: int = 1500,
        kernel_sizes: list = [5, 3, 3, 1, 1],  # noqa: B006 - upstream's default, which is not changed
        paddings: list = [2, 1, 1, 0, 0],  # noqa: B006
        dilations: list = [1, 2, 3, 1, 1],  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__()
        require_positive(ndim=ndim, output_size=output_size)
        count = len(kernel_sizes)
        if not count == len(paddings) == len(dilations) or not count:
            found = f"{count}, {len(paddings)} and {len(dilations)}"
            raise ValueError(f"kernel_sizes, paddings, dilations: expected as many of each, found {found}")
        self.input_size, self._output_size = input_size, output_size
        sizes = [input_size, *[ndim] * (count - 1), output_size]
        self.layers, lengths = nn.ModuleList(), []
        for index, (kernel, padding, dilation) in enumerate(zip(kernel_sizes, paddings, dilations, strict=True)):
            read, made = sizes[index : index + 2]
            convolution = nn.Conv1d(read, made, kernel, padding=padding, dilation=dilation)
            self.layers.extend([convolution, nn.ReLU(), nn.BatchNorm1d(made)])
            lengths.append(Length.conv(dilation * (kernel - 1) + 1, 1, padding))
        self._lengths = lengths
        self.length = functools.reduce(Length.then, lengths)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; by default 6 frames are lost."""
        x, lengths = frames_and_lengths(x, lengths)
        for index, length in enumerate(self._lengths):
            convolution, activation, normalize = self.layers[3 * index : 3 * index + 3]
            x = normalize(activation(convolution(silent(x, padding_of(x, lengths)))))
            lengths = length(lengths)
        return x
