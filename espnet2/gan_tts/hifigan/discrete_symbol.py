"""Generator of HiFi-GAN (Kong et al. 2020) that reads discrete units of speech (Polyak et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, require_positive
from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator
from espnet2.interface.spec import Length
from espnet2.interface.spec import Tensor as Declared


class DiscreteSymbolHiFiGANGenerator(HiFiGANGenerator):
    """Discrete units to samples; the name and the options are those of the package parallel_wavegan.

    Kernels of transposed convolutions are at least as long as their scales. Where the difference is odd, there is one
    step more than the scale says.

    Args:
        in_channels: size of the vectors that units become.
        num_embs: number of units.
        num_spk_embs: number of speakers, whose vectors are added to those of units; 0: there are none.
        spk_emb_dim: size of these vectors, `in_channels`.
        options: see `HiFiGANGenerator`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 512,
        num_embs: int = 100,
        num_spk_embs: int = 128,
        spk_emb_dim: int = 128,
        **options: Any,
    ):
        super().__init__(in_channels=in_channels, **options)
        require_positive(num_embs=num_embs)
        if num_spk_embs > 0 and spk_emb_dim != in_channels:
            raise UnfitOptionError(
                f"spk_emb_dim: expected in_channels {in_channels}, since vectors of units and of speakers are added, "
                f"found {spk_emb_dim}"
            )
        self.units, self.speakers = num_embs, max(num_spk_embs, 0)
        self.emb = nn.Embedding(num_embs, in_channels)
        if self.speakers:
            self.spk_emb = nn.Embedding(num_spk_embs, spk_emb_dim)

    def require_kernels(self, scales: Sequence[int], kernels: Sequence[int]) -> None:
        if len(scales) != len(kernels) or any(kernel < scale for scale, kernel in zip(scales, kernels, strict=True)):
            raise UnfitOptionError(
                f"upsample_kernel_sizes: expected at least the upsample_scales {list(scales)}, found {list(kernels)}"
            )

    def paddings(self, kernel: int, scale: int) -> dict[str, Any]:
        return {"padding": (kernel - scale) // 2}

    @property
    def samples(self) -> Length:
        steps: list[tuple[int, ...]] = []
        for _, conv in self.upsamples:
            (kernel,), (scale,) = conv.kernel_size, conv.stride
            steps += [(0, 1, 0, scale), (0, 1, (kernel - scale) % 2)]
        return Length(tuple(steps)) if any(step[2] for step in steps) else super().samples

    def further_inputs(self) -> tuple[Declared, ...]:
        """The number of a speaker of generators that have several."""
        return (Declared("sids", ("batch", 1), "int64", below=self.speakers),) if self.speakers else ()

    def forward(self, c: Tensor, g: Tensor | None = None) -> Tensor:
        """Units c (B, 1, T) and, where there are speakers, these g (B, 1); or both as c (B, 2, T) → (B, 1, N)."""
        vectors = self.emb(c[:, 0])
        if self.speakers:
            vectors = vectors + self.spk_emb(c[:, 1] if g is None else g)
        return super().forward(vectors.transpose(1, 2))

    def inference(self, c: Tensor, g: Tensor | None = None) -> Tensor:
        """Units c (T, 1) and, where there are speakers, one g (); or both as c (T, 2) → samples (N, 1)."""
        return self(c.T[None], None if g is None else g.reshape(1, 1))[0].T

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Units (B, T) and, where there are speakers, these (B, 1) → samples (B, N), the first channel."""
        return self(feats.unsqueeze(1), *further)[:, 0]
