"""Length adaptor (Li et al. 2020, section 3.2): convolutions that shorten an encoder's output."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_rates
from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError, subsample
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.interface.spec import Length


def halving_layers(size: int, count: int) -> tuple[nn.Sequential, Length]:
    """`count` convolutions of two frames with stride 2, each with ReLU, over (B, size, T), and the formula of T'.

    Raises:
        ValueError: a negative `count`.
    """
    if count < 0:
        raise ValueError(f"length_adaptor_n_layers: expected 0 or more, found {count}")
    layers: list[nn.Module] = [layer for _ in range(count) for layer in (nn.Conv1d(size, size, 2, 2), nn.ReLU())]
    return nn.Sequential(*(layers or [nn.Identity()])), Length(Length.conv(2, 2).steps * count)


class LengthAdaptorPostEncoder(AbsPostEncoder):
    """Length adaptor whose layers, convolutions of two frames with stride 2 and ReLU, halve the number of frames.

    Args:
        input_size: size of the encoder's output.
        length_adaptor_n_layers: number of layers; with 0, frames are unchanged.
        input_layer: "linear" for a linear layer, normalisation and dropout before them, or None.
        output_size: D, which "linear" needs; without it D is `input_size`.
        dropout_rate: dropout of "linear".
        return_int_enc: upstream's option for its speech-to-text models, without effect here.

    Raises:
        ValueError: an option has an invalid value, or "linear" is given without `output_size`.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        length_adaptor_n_layers: int = 0,
        input_layer: str | None = None,
        output_size: int | None = None,
        dropout_rate: float = 0.1,
        return_int_enc: bool = False,
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate)
        linear = choose("input_layer", input_layer, {"linear": True, None: False})
        if linear and output_size is None:
            raise ValueError("output_size: expected a number, which input_layer linear needs; found None")
        self.input_size = input_size
        self._output_size = output_size if linear and output_size is not None else input_size
        size = self._output_size
        layers: list[nn.Module] = (
            [nn.Linear(input_size, size), nn.LayerNorm(size), nn.Dropout(dropout_rate)] if linear else []
        )
        self.embed = nn.Sequential(*layers)
        self.length_adaptor, self.length = halving_layers(size, length_adaptor_n_layers)

    def output_size(self) -> int:
        """D."""
        return self._output_size

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Shorten an encoder's output.

        Args:
            input: (B, T, F).
            input_lengths: (B,) int64.

        Returns:
            (B, T', D) and lengths (B,).

        Raises:
            TooShortUttError: fewer frames than one output frame needs.
        """
        limit = self.length.shortest()
        if not torch.compiler.is_exporting() and input.shape[1] < limit:
            size = input.shape[1]
            raise TooShortUttError(f"{size} frames are too few; the length adaptor needs {limit}", size, limit)
        shortened = self.length_adaptor(self.embed(input).transpose(1, 2)).transpose(1, 2)
        return shortened, subsample(input_lengths, self.length)
