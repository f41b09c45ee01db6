"""Base of waveform encoders: a pretrained network and the layers after it."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.pretrained.waveform import WaveformNetwork
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.interface.spec import Axis


class WaveformEncoder(AbsEncoder):
    """Base of encoders that read samples."""

    input_size = 1

    @property
    @abstractmethod
    def network(self) -> WaveformNetwork:
        """The pretrained network."""

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Samples."""
        return ("samples",)

    def finish(self, x: Tensor) -> Tensor:
        """Map the network's output (B, T, C) to the encoder's output (B, T, D)."""
        return x

    def forward(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Samples xs_pad (B, N) of lengths ilens (B,) → (B, T, D), lengths (B,), None.

        Raises:
            TooShortUttError: fewer samples than one output frame is made from.
        """
        self.check_length(xs_pad)
        x, lengths = self.network(xs_pad, ilens)
        return self.finish(x), lengths, None


class Projected(WaveformEncoder):
    """Waveform encoder with an optional projection and a normalisation.

    Args:
        network: the network, under the name `encoders`.
        output_size: D.
        normalize_before: normalise the output.
    """

    encoders: WaveformNetwork

    def __init__(self, network: WaveformNetwork, output_size: int, normalize_before: bool):
        super().__init__()
        self._output_size = output_size
        self.length = network.length
        self.encoders = network
        self.output_layer = nn.Sequential(nn.Linear(network.size, output_size)) if network.size != output_size else None
        self.after_norm = LayerNorm(output_size) if normalize_before else None
        self.register_buffer("num_updates", torch.zeros(1, dtype=torch.int64))

    @property
    def network(self) -> WaveformNetwork:
        """The pretrained network."""
        return self.encoders

    def finish(self, x: Tensor) -> Tensor:
        """Project and normalise: (B, T, C) → (B, T, D)."""
        x = x if self.output_layer is None else self.output_layer(x)
        return x if self.after_norm is None else self.after_norm(x)
