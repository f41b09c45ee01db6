"""JETS (Lim et al. 2022): FastSpeech 2 and HiFi-GAN, trained together and without labels of durations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet2.gan_tts.adversarial import DISCRIMINATOR, AdversarialTTS, Generated, build, given_or, total
from espnet2.gan_tts.jets.loss import ForwardSumLoss, VarianceLoss
from espnet2.gan_tts.weight_norm import remove_weight_norm
from espnet2.interface.spec import Component

GENERATORS = {"jets_generator": "espnet2.gan_tts.jets.generator:JETSGenerator"}
# Where a configuration has no options of the generator.
GENERATOR_PARAMS = {
    "conformer_rel_pos_type": "latest",
    "energy_embed_kernel_size": 1,
    "pitch_predictor_layers": 5,
    "pitch_predictor_kernel_size": 5,
    "pitch_embed_kernel_size": 1,
    "stop_gradient_from_pitch_predictor": True,
    "spks": -1,
    "langs": -1,
}


class JETS(AdversarialTTS):
    """Text to samples.

    Args:
        idim: V, number of tokens.
        odim: F, size of the features that tokens are aligned with.
        sampling_rate: in Hz.
        generator_type, generator_params: "jets_generator", and its options.
        discriminator_type, discriminator_params: a name in `DISCRIMINATORS`, and its options.
        generator_adv_loss_params, discriminator_adv_loss_params, feat_match_loss_params, mel_loss_params: of losses.
        lambda_adv, lambda_mel, lambda_feat_match, lambda_var, lambda_align: weights of losses.
        cache_generator_outputs: see `AdversarialTTS`.
        plot_pred_mos, mos_pred_tool: without effect: pictures of training show no predicted opinion scores.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    prefix = "discriminator_"

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        sampling_rate: int = 22050,
        generator_type: str = "jets_generator",
        generator_params: dict[str, Any] | None = None,
        discriminator_type: str = DISCRIMINATOR,
        discriminator_params: dict[str, Any] | None = None,
        generator_adv_loss_params: dict[str, Any] | None = None,
        discriminator_adv_loss_params: dict[str, Any] | None = None,
        feat_match_loss_params: dict[str, Any] | None = None,
        mel_loss_params: dict[str, Any] | None = None,
        lambda_adv: float = 1.0,
        lambda_mel: float = 45.0,
        lambda_feat_match: float = 2.0,
        lambda_var: float = 1.0,
        lambda_align: float = 2.0,
        cache_generator_outputs: bool = True,
        plot_pred_mos: bool = False,
        mos_pred_tool: str = "utmos",
    ):
        super().__init__()
        options = given_or(generator_params, GENERATOR_PARAMS)
        self.generator = build("generator_type", generator_type, GENERATORS, options, idim=idim, odim=odim)
        self.add_adversary(
            (discriminator_type, discriminator_params),
            generator_adv_loss_params,
            discriminator_adv_loss_params,
            (lambda_adv, lambda_feat_match, lambda_mel),
            cache_generator_outputs,
        )
        self.add_feat_match_loss(feat_match_loss_params)
        self.add_mel_loss(mel_loss_params)
        self.var_loss = VarianceLoss()  # padding never counts, whatever the generator's options say, as upstream has it
        self.forwardsum_loss = ForwardSumLoss()
        self.lambda_var = lambda_var
        self.lambda_align = lambda_align
        self.fs = sampling_rate
        self.segment_size = self.generator.segment_size
        self.take_conditions(self.generator)

    def generate_segments(self, batch: Mapping[str, Any]) -> Generated:
        """Samples of a part of each utterance; see `JETSGenerator.forward` for the fields of a batch."""
        samples, bin_loss, log_p_attn, starts, *variances = self.generator(**batch)
        return Generated(samples, starts, (bin_loss, log_p_attn, variances))

    def generator_losses(
        self, generated: Generated, real: Tensor, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of samples, of predicted durations, pitch and energy, and of the alignment; and statistics."""
        bin_loss, log_p_attn, variances = generated.further
        of_samples = self.adversarial_losses(generated.samples, real)
        losses = self.var_loss(*variances, batch["text_lengths"])
        of_variances = dict(zip(("dur", "pitch", "energy"), losses, strict=True))
        forwardsum = self.forwardsum_loss(log_p_attn, batch["text_lengths"], batch["feats_lengths"])
        of_alignment = {"forwardsum": forwardsum, "bin": bin_loss}
        groups = {
            "g": total(of_samples),
            "var": self.lambda_var * total(of_variances),
            "align": self.lambda_align * total(of_alignment),
        }
        stats = {f"generator_{name}_loss": loss for name, loss in groups.items()}
        for group, parts in (("g", of_samples), ("var", of_variances), ("align", of_alignment)):
            stats |= {f"generator_{group}_{name}_loss": loss for name, loss in parts.items()}
        loss = total(groups)
        return loss, {"generator_loss": loss, **stats}

    def inference(
        self,
        text: Tensor,
        feats: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        use_teacher_forcing: bool = False,
        **conditions: Tensor | None,
    ) -> dict[str, Tensor]:
        """Speak one text.

        Args:
            text: (U,) int64 tokens.
            feats: (T, F) features that the text is aligned with, for teacher forcing, or whose style is spoken.
            pitch, energy: (T, 1) of the same speech, for teacher forcing.
            use_teacher_forcing: speak with the durations, pitch and energy of the given speech.
            conditions: sids (1,), lids (1,), spembs (E,).

        Returns:
            `wav` (N,) and `duration` (U,) in frames.

        Raises:
            ValueError: a value that is needed is missing.
        """
        frames = {"feats": feats, "pitch": pitch, "energy": energy, **conditions}
        batch = {name: None if value is None else value[None] for name, value in frames.items()}
        lengths = {
            name: torch.tensor([len(value)], device=text.device)
            for name, value in (("text_lengths", text), ("feats_lengths", feats))
            if value is not None
        }
        samples, durations = self.generator.inference(
            text=text[None], **batch, **lengths, use_teacher_forcing=use_teacher_forcing
        )
        return {"wav": samples[0], "duration": durations[0]}

    def encode_style(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Styles (B, D) of the features (B, T, F) of references and their frames (B,)."""
        return self.generator.encode_style(speech, speech_lengths)

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """The graphs of the generator, whose weights are folded: only training needs them apart."""
        remove_weight_norm(self.generator)
        return self.generator.parts()
