"""Generator of JETS (Lim et al. 2022): FastSpeech 2 up to its decoder, an alignment module, and HiFi-GAN."""

from __future__ import annotations

import inspect
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.gan_tts.adversarial import reading
from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator
from espnet2.gan_tts.jets.alignments import AlignmentModule, average_by_duration, viterbi_decode
from espnet2.gan_tts.jets.length_regulator import GaussianUpsampling, spoken_durations
from espnet2.gan_tts.jets.loss import VarianceLoss
from espnet2.gan_tts.utils import get_random_segments
from espnet2.interface.spec import Component, Length
from espnet2.interface.spec import Tensor as Declared
from espnet2.torch_utils.initialize import initialize
from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2
from espnet2.tts.regulated_parts import PADDING

# Sizes that differ from those of FastSpeech 2 where a configuration gives none.
SIZES = {"adim": 256, "aheads": 2, "elayers": 4, "eunits": 1024, "dlayers": 4, "dunits": 1024}
OF_VOCODER = "generator_"  # with which its options begin


class JETSGenerator(FastSpeech2):
    """Text to samples, which are generated of what the decoder gives, without features between.

    Args:
        idim: V, number of tokens. Texts have no end symbol.
        odim: F, size of the features that tokens are aligned with.
        segment_size: frames of a part of an utterance, of which training generates samples.
        options: those of `FastSpeech2` without a postnet's, and with `generator_` before the name those of
            `HiFiGANGenerator`; `SIZES` has other values by default. `use_masking` and `use_weighted_masking` are
            without effect, as upstream has it: the losses of `JETS` leave padding out.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    text_length = Length()

    def __init__(self, idim: int, odim: int, segment_size: int = 64, **options: Any):
        of_vocoder = {name: options.pop(name) for name in list(options) if name.startswith(OF_VOCODER)}
        known = inspect.signature(HiFiGANGenerator).parameters
        for name in of_vocoder:
            if name.removeprefix(OF_VOCODER) not in known:
                raise TypeError(f"JETSGenerator got an unexpected keyword argument '{name}'")
        init_type = options.get("init_type", "xavier_uniform")
        super().__init__(idim, odim, **{**SIZES, **options})
        if self.reduction_factor != 1:
            raise ValueError(f"reduction_factor: expected 1, found {self.reduction_factor}")
        self.segment_size = segment_size
        self.alignment_module = AlignmentModule(self.adim, odim)
        if init_type != "pytorch":
            initialize(self.alignment_module, init_type)
        self.length_regulator = GaussianUpsampling()
        self.generator = HiFiGANGenerator(
            in_channels=self.adim, **{name.removeprefix(OF_VOCODER): value for name, value in of_vocoder.items()}
        )
        self.upsample_factor = self.generator.upsample_factor

    def add_output(self, options: Namespace) -> None:
        """Check the options of the loss, which `JETS` has; no layer follows the decoder."""
        VarianceLoss(options.use_masking, options.use_weighted_masking)

    def ended(self, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Texts (B, U) and their lengths (B,), with padding tokens behind the latter."""
        return text.masked_fill(make_pad_mask(text_lengths, text.shape[1]), PADDING), text_lengths

    def forward(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        pitch: Tensor,
        pitch_lengths: Tensor,
        energy: Tensor,
        energy_lengths: Tensor,
        sids: Tensor | None = None,
        spembs: Tensor | None = None,
        lids: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Align a batch, and generate samples of a part of each utterance.

        Args:
            text, text_lengths: tokens (B, U) int64 and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,).
            pitch, pitch_lengths, energy, energy_lengths: of each frame, (B, T, 1).
            sids, spembs, lids: (B, 1), (B, E), (B, 1), as `conditions` says.

        Returns:
            Samples (B, 1, N) of the parts; the binarisation loss (); log probabilities of tokens for each frame
            (B, T, U); where the parts start (B,), in frames; predicted logarithms of durations, and durations, (B, U);
            predicted and real pitch (B, U, 1); predicted and real energy (B, U, 1).
        """
        text, feats = text[:, : text_lengths.max()], feats[:, : feats_lengths.max()]
        given = self.given({"sids": sids, "spembs": spembs, "lids": lids}, feats, feats_lengths)
        hidden, logarithms, *predicted, _ = self.encode_text(text, text_lengths, *given)
        log_p_attn = self._aligned(hidden, text_lengths, feats, feats_lengths)
        durations, bin_loss = viterbi_decode(log_p_attn, text_lengths, feats_lengths)
        real = [_of_tokens(durations, values, text_lengths, feats_lengths) for values in (pitch, energy)]
        latent = self._decoded(hidden, text_lengths, real, durations, feats_lengths)
        parts, starts = get_random_segments(latent.transpose(1, 2), feats_lengths, self.segment_size)
        samples = self.generator(parts)
        return samples, bin_loss, log_p_attn, starts, logarithms, durations, *_paired(predicted, real)

    def _aligned(self, hidden: Tensor, text_lengths: Tensor, feats: Tensor, feats_lengths: Tensor) -> Tensor:
        padding = make_pad_mask(text_lengths, hidden.shape[1])
        return self.alignment_module(hidden, feats, text_lengths, feats_lengths, padding)

    def _decoded(
        self,
        hidden: Tensor,
        text_lengths: Tensor,
        variances: Sequence[Tensor],
        durations: Tensor,
        frame_lengths: Tensor,
        frames: int | None = None,
    ) -> Tensor:
        """The decoder's vectors (B, T, D) for tokens of such pitch and energy (B, U, 1) and durations (B, U)."""
        real = ~make_pad_mask(frame_lengths, frames)
        hidden = self.varied(hidden, text_lengths, *variances)
        tokens = ~make_pad_mask(text_lengths, hidden.shape[1])
        upsampled = self.length_regulator.upsample(hidden, durations, real.shape[1], tokens)
        return self.decoder(upsampled, real.unsqueeze(1))[0]

    def decode_frames(  # type: ignore[override]
        self,
        hidden: Tensor,
        text_lengths: Tensor,
        pitch: Tensor,
        energy: Tensor,
        frame_tokens: Tensor,
        frame_lengths: Tensor,
    ) -> Tensor:
        """Vectors that the vocoder generates samples of.

        Args:
            hidden: (B, U, D) of `encode_text`.
            text_lengths: (B,) int64 tokens of each text.
            pitch, energy: (B, U, 1).
            frame_tokens: (B, T) int64, the token of each frame.
            frame_lengths: (B,) int64 frames of each text.

        Returns:
            (B, T, D).
        """
        frames = frame_tokens.shape[1]
        real = (~make_pad_mask(frame_lengths, frames)).to(hidden.dtype)
        durations = hidden.new_zeros(hidden.shape[:2]).scatter_add(1, frame_tokens, real)
        return self._decoded(hidden, text_lengths, (pitch, energy), durations, frame_lengths, frames)

    def inference(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor | None = None,
        feats_lengths: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        sids: Tensor | None = None,
        spembs: Tensor | None = None,
        lids: Tensor | None = None,
        use_teacher_forcing: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Samples of texts.

        Args:
            text, text_lengths: tokens (B, U) int64 and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,), for teacher forcing.
            pitch, energy: of each frame, (B, T, 1), for teacher forcing.
            sids, spembs, lids: (B, 1), (B, E), (B, 1), as `conditions` says.
            use_teacher_forcing: speak with the durations, pitch and energy of the given features.

        Returns:
            Samples (B, N), and durations (B, U) in frames.

        Raises:
            ValueError: a value that is needed is missing.
        """
        given = self.given({"sids": sids, "spembs": spembs, "lids": lids}, feats, feats_lengths)
        hidden, logarithms, *variances, _ = self.encode_text(text, text_lengths, *given)
        if use_teacher_forcing:
            if feats is None or feats_lengths is None or pitch is None or energy is None:
                raise ValueError("use_teacher_forcing: expected feats, pitch and energy, found fewer")
            log_p_attn = self._aligned(hidden, text_lengths, feats, feats_lengths)
            durations, _ = viterbi_decode(log_p_attn, text_lengths, feats_lengths)
            variances = [_of_tokens(durations, values, text_lengths, feats_lengths) for values in (pitch, energy)]
        else:
            padding = make_pad_mask(text_lengths, text.shape[1])
            durations = spoken_durations(self.duration_predictor.frames(logarithms).masked_fill(padding, 0))
        frame_lengths = durations.sum(dim=1).long()
        latent = self._decoded(hidden, text_lengths, variances, durations, frame_lengths)
        return self.generator.generate(latent), durations

    def components(self) -> tuple[Component, ...]:
        """The graphs "text_encoder" and "feature_decoder", which gives what the vocoder reads."""
        latent = Declared("latent", ("batch", "frames", self.adim))
        return *self.style_components(), self.text_component(), self.frames_component((latent,))

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """These, and the graph "vocoder"."""
        (vocoder,) = self.generator.components()
        return *((self, component) for component in self.components()), (self.generator, reading(vocoder, "latent"))


def _of_tokens(durations: Tensor, values: Tensor, text_lengths: Tensor, feats_lengths: Tensor) -> Tensor:
    """Means (B, U, 1) over tokens of values of frames (B, T, 1)."""
    values = values[:, : feats_lengths.max(), 0]
    return average_by_duration(durations, values, text_lengths, feats_lengths).unsqueeze(-1)


def _paired(predicted: list[Tensor], real: list[Tensor]) -> tuple[Tensor, ...]:
    """Predicted and real values, one after the other."""
    return tuple(value for pair in zip(predicted, real, strict=True) for value in pair)
