"""Text to samples by a text-to-features model and a vocoder, which are trained together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError
from espnet2.gan_tts.adversarial import (
    DISCRIMINATOR,
    AdversarialTTS,
    Generated,
    build,
    given_or,
    reading,
    total,
)
from espnet2.gan_tts.utils import get_random_segments
from espnet2.gan_tts.weight_norm import remove_weight_norm
from espnet2.interface.spec import Component, Length, OutputLength

TEXT2MEL = {
    "tacotron2": "espnet2.tts.tacotron2.tacotron2:Tacotron2",
    "transformer": "espnet2.tts.transformer.transformer:Transformer",
    "fastspeech": "espnet2.tts.fastspeech.fastspeech:FastSpeech",
    "fastspeech2": "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
}
_GAN = "espnet2.gan_tts."
VOCODERS = {
    "hifigan_generator": _GAN + "hifigan.hifigan:HiFiGANGenerator",
    "melgan_generator": _GAN + "melgan.melgan:MelGANGenerator",
    "parallel_wavegan_generator": _GAN + "parallel_wavegan.parallel_wavegan:ParallelWaveGANGenerator",
    "style_melgan_generator": _GAN + "style_melgan.style_melgan:StyleMelGANGenerator",
}
# Of vocoders whose `in_channels` are those of noise, the option for the size of features.
AUXILIARY = ("parallel_wavegan_generator", "style_melgan_generator")
PQMF = {"pqmf": _GAN + "melgan.pqmf:PQMF"}
# Where a configuration has no options.
TEXT2MEL_PARAMS = {
    "aheads": 2,
    "elayers": 4,
    "dlayers": 4,
    "encoder_type": "conformer",
    "decoder_type": "conformer",
    "conformer_rel_pos_type": "latest",
    "energy_embed_kernel_size": 1,
    "pitch_predictor_layers": 5,
    "pitch_predictor_kernel_size": 5,
    "pitch_embed_kernel_size": 1,
    "stop_gradient_from_pitch_predictor": True,
}
PQMF_PARAMS = {"subbands": 4, "taps": 62, "cutoff_ratio": 0.142, "beta": 9.0}
FEATURES = "feat_gen"


class JointText2Wav(AdversarialTTS):
    """Text to features to samples.

    Args:
        idim: V, number of tokens.
        odim: F, size of the features.
        segment_size: frames of a part of an utterance, of which training generates samples.
        sampling_rate: in Hz.
        text2mel_type, text2mel_params: a name in `TEXT2MEL`, and its options.
        vocoder_type, vocoder_params: a name in `VOCODERS`, and its options.
        use_pqmf, pqmf_params: the vocoder's channels are bands, which a filter bank with these options joins.
        discriminator_type, discriminator_params: a name in `DISCRIMINATORS`, and its options.
        generator_adv_loss_params, discriminator_adv_loss_params: of losses.
        use_feat_match_loss, feat_match_loss_params, use_mel_loss, mel_loss_params: whether there are these losses.
        lambda_text2mel, lambda_adv, lambda_feat_match, lambda_mel: weights of losses.
        cache_generator_outputs: see `AdversarialTTS`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        segment_size: int = 32,
        sampling_rate: int = 22050,
        text2mel_type: str = "fastspeech2",
        text2mel_params: dict[str, Any] | None = None,
        vocoder_type: str = "hifigan_generator",
        vocoder_params: dict[str, Any] | None = None,
        use_pqmf: bool = False,
        pqmf_params: dict[str, Any] | None = None,
        discriminator_type: str = DISCRIMINATOR,
        discriminator_params: dict[str, Any] | None = None,
        generator_adv_loss_params: dict[str, Any] | None = None,
        discriminator_adv_loss_params: dict[str, Any] | None = None,
        use_feat_match_loss: bool = True,
        feat_match_loss_params: dict[str, Any] | None = None,
        use_mel_loss: bool = True,
        mel_loss_params: dict[str, Any] | None = None,
        lambda_text2mel: float = 1.0,
        lambda_adv: float = 1.0,
        lambda_feat_match: float = 2.0,
        lambda_mel: float = 45.0,
        cache_generator_outputs: bool = False,
    ):
        super().__init__()
        options = given_or(text2mel_params, TEXT2MEL_PARAMS)
        text2mel = build("text2mel_type", text2mel_type, TEXT2MEL, options, idim=idim, odim=odim)
        size = {"aux_channels" if vocoder_type in AUXILIARY else "in_channels": odim}
        vocoder = build("vocoder_type", vocoder_type, VOCODERS, vocoder_params or {}, **size)
        self.generator = nn.ModuleDict({"text2mel": text2mel, "vocoder": vocoder})
        self.pqmf: Any = None
        if use_pqmf:
            self.pqmf = build("pqmf_type", "pqmf", PQMF, given_or(pqmf_params, PQMF_PARAMS))
            _require_bands(vocoder, self.pqmf.subbands)
        self.add_adversary(
            (discriminator_type, discriminator_params),
            generator_adv_loss_params,
            discriminator_adv_loss_params,
            (lambda_adv, lambda_feat_match, lambda_mel),
            cache_generator_outputs,
        )
        if use_feat_match_loss:
            self.add_feat_match_loss(feat_match_loss_params)
        if use_mel_loss:
            self.add_mel_loss(mel_loss_params)
        self.lambda_text2mel = lambda_text2mel
        self.fs = sampling_rate
        self.segment_size = segment_size
        self.take_conditions(text2mel)

    @property
    def upsample_factor(self) -> int:
        """Samples for each frame."""
        return self.generator["vocoder"].upsample_factor * (1 if self.pqmf is None else self.pqmf.subbands)

    def generate_segments(self, batch: Mapping[str, Any]) -> Generated:
        """Samples of a part of each utterance, whose fields are those of the text-to-features model."""
        loss, stats, feats = self.generator["text2mel"](**batch, joint_training=True)
        parts, starts = get_random_segments(feats.transpose(1, 2), batch["feats_lengths"], self.segment_size)
        return Generated(self._joined(self.generator["vocoder"](parts)), starts, (loss, stats))

    def generator_losses(
        self, generated: Generated, real: Tensor, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        """The losses of features and of samples, and statistics of the text-to-features model."""
        text2mel_loss, stats = generated.further
        losses = {"text2mel": self.lambda_text2mel * text2mel_loss, **self.adversarial_losses(generated.samples, real)}
        loss = total(losses)
        return loss, {**stats, **{f"{name}_loss": value for name, value in losses.items()}, "loss": loss}

    def inference(self, text: Tensor, **given: Any) -> dict[str, Tensor]:
        """Speak one text.

        Args:
            text: (U,) int64 tokens.
            given: what the text-to-features model reads, and its options.

        Returns:
            Its results by name, and `wav` (N, 1).
        """
        results = self.generator["text2mel"].inference(text=text, **given)
        samples = self.generator["vocoder"].inference(results[FEATURES])
        return {**results, "wav": self._joined(samples.T[None])[0].T}

    def _joined(self, samples: Tensor) -> Tensor:
        """Samples (B, 1, N) of the bands (B, C, N) of a vocoder, where it gives such."""
        return samples if self.pqmf is None else self.pqmf.synthesis(samples)

    def vocode(self, feats: Tensor) -> Tensor:
        """Samples (B, N) of features (B, T, F), where bands are joined."""
        return self._joined(self.generator["vocoder"](feats.transpose(1, 2)))[:, 0]

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """The graphs of the text-to-features model, and the vocoder's, which reads normalised features.

        The vocoder's weights are folded: only training needs them apart.
        """
        vocoder: Any = self.generator["vocoder"]
        remove_weight_norm(vocoder)
        (component,) = vocoder.components()
        part = vocoder, reading(component, FEATURES)
        if self.pqmf is not None:
            part = self, self._of_bands(part[1])
        text2mel: Any = self.generator["text2mel"]
        return *text2mel.parts(), part

    def _of_bands(self, component: Component) -> Component:
        """A vocoder's component with the filters that join its bands, whose taps are behind each other by a band."""
        rules = (OutputLength("samples", "frames", Length.multiplied(self.upsample_factor)),)
        attributes = dict(component.attributes)
        if "receptive_field" in attributes:
            more = -(-(self.pqmf.taps // 2 + 1) // self.upsample_factor)
            attributes["receptive_field"] = component.attribute("receptive_field", 0) + more
        return dataclasses.replace(component, method="vocode", lengths=rules, attributes=attributes)

    def encode_style(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Styles (B, D) of the features (B, T, F) of references and their frames (B,)."""
        return self.generator["text2mel"].encode_style(speech, speech_lengths)


def _require_bands(vocoder: Any, subbands: int) -> None:
    """Raise `ValueError` for a vocoder whose channels are not so many bands, or that reads noise."""
    if vocoder.further_inputs():
        raise UnfitOptionError(f"use_pqmf: expected a vocoder without noise, found {type(vocoder).__name__}")
    if vocoder.out_channels != subbands:
        raise UnfitOptionError(
            f"pqmf_params.subbands: expected the vocoder's out_channels {vocoder.out_channels}, found {subbands}"
        )
