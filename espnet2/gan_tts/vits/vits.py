"""VITS (Kim et al. 2021): text to samples, trained end to end against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, full_lengths
from espnet.nets.pytorch_backend.transformer.attention import most_heads
from espnet2.gan_tts.adversarial import DISCRIMINATOR, AdversarialTTS, Generated, make, total
from espnet2.gan_tts.vits.duration_predictor import NOISES
from espnet2.gan_tts.vits.generator import VITSGenerator
from espnet2.gan_tts.vits.loss import KLDivergenceLoss
from espnet2.gan_tts.weight_norm import remove_weight_norm
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.tts.conditions import ConditionedTTS

GENERATORS = {"vits_generator": VITSGenerator}
SPEAKERS, VOICES, LANGUAGES = "sids", "spembs", "lids"


class VITS(ConditionedTTS, AdversarialTTS):
    """Generator, discriminator, and their losses.

    Args:
        idim: V, number of tokens.
        odim: F, size of the features that the posterior encoder reads.
        sampling_rate: of the samples, in Hz.
        generator_type, generator_params: a name in `GENERATORS`, and its options.
        discriminator_type, discriminator_params: a name in `DISCRIMINATORS`, and its options.
        generator_adv_loss_params, discriminator_adv_loss_params, feat_match_loss_params, mel_loss_params: options of
            the losses in `espnet2.gan_tts.hifigan.loss`.
        lambda_adv, lambda_mel, lambda_feat_match, lambda_dur, lambda_kl: weights of the generator's losses.
        cache_generator_outputs: let the discriminator's step use what the generator made in its step.
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
        generator_type: str = "vits_generator",
        generator_params: Mapping[str, Any] | None = None,
        discriminator_type: str = DISCRIMINATOR,
        discriminator_params: Mapping[str, Any] | None = None,
        generator_adv_loss_params: Mapping[str, Any] | None = None,
        discriminator_adv_loss_params: Mapping[str, Any] | None = None,
        feat_match_loss_params: Mapping[str, Any] | None = None,
        mel_loss_params: Mapping[str, Any] | None = None,
        lambda_adv: float = 1.0,
        lambda_mel: float = 45.0,
        lambda_feat_match: float = 2.0,
        lambda_dur: float = 1.0,
        lambda_kl: float = 1.0,
        cache_generator_outputs: bool = True,
        plot_pred_mos: bool = False,
        mos_pred_tool: str = "utmos",
    ):
        super().__init__()
        cls = choose("generator_type", generator_type, GENERATORS)
        options = {**(generator_params or {}), "vocabs": idim, "aux_channels": odim}
        self.generator: Any = make("generator_params", cls, options)
        self.add_adversary(
            (discriminator_type, discriminator_params),
            generator_adv_loss_params,
            discriminator_adv_loss_params,
            (lambda_adv, lambda_feat_match, lambda_mel),
            cache_generator_outputs,
        )
        self.add_feat_match_loss(feat_match_loss_params)
        self.add_mel_loss(mel_loss_params)
        self.kl_loss = KLDivergenceLoss()
        self.lambda_dur, self.lambda_kl = lambda_dur, lambda_kl
        self.segment_size = self.generator.segment_size
        self.idim = idim
        self.fs = sampling_rate
        self.spks, self.langs = self.generator.spks, self.generator.langs
        self.spk_embed_dim = self.generator.spk_embed_dim
        sizes = {SPEAKERS: self.spks, LANGUAGES: self.langs, VOICES: self.spk_embed_dim}
        self.conditions = tuple(name for name, size in sizes.items() if size is not None)

    def generate_segments(self, batch: Mapping[str, Any]) -> Generated:
        """Samples of a part of each utterance of a batch; features are (B, T, F)."""
        outputs = self.generator(**{**batch, "feats": batch["feats"].transpose(1, 2)})
        samples, dur_nll, _, starts, _, z_mask, (_, z_p, m_p, logs_p, _, logs_q) = outputs
        return Generated(samples, starts, (dur_nll, (z_p, logs_q, m_p, logs_p, z_mask)))

    def generator_losses(
        self, generated: Generated, real: Tensor, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of samples, of durations, and of the prior; and statistics."""
        dur_nll, of_prior = generated.further
        losses = {
            **self.adversarial_losses(generated.samples, real),
            "kl": self.lambda_kl * self.kl_loss(*of_prior),
            "dur": self.lambda_dur * dur_nll.float().sum(),
        }
        loss = total(losses)
        return loss, {"generator_loss": loss, **{f"generator_{name}_loss": value for name, value in losses.items()}}

    def inference(
        self,
        text: Any,
        feats: Tensor | None = None,
        sids: Tensor | None = None,
        spembs: Tensor | None = None,
        lids: Tensor | None = None,
        durations: Tensor | None = None,
        noise_scale: float = 0.667,
        noise_scale_dur: float = 0.8,
        alpha: float = 1.0,
        max_len: int | None = None,
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Samples of one text, with noise of PyTorch's generator.

        Args:
            text: (U,) int64.
            feats: (T, F) features, for teacher forcing.
            sids, spembs, lids: (1,), (E,), (1,), where the model reads them.
            durations: (U,) int64 frames of tokens, in place of drawn ones.
            noise_scale, noise_scale_dur: factors of the noise of latent vectors and of durations.
            alpha: factor of drawn durations; above 1 is slower.
            max_len: frames of which samples are made at most.
            use_teacher_forcing: speak features again.

        Returns:
            `wav` (N,), `att_w` (T, U), and `duration` (U,) frames of tokens.

        Raises:
            ValueError: a value that is needed is missing, or durations have no frame.
        """
        given = {SPEAKERS: sids, VOICES: spembs, LANGUAGES: lids}
        given = {name: None if value is None else value[None] for name, value in given.items()}
        self.given(given)
        wav, attention, frames = self.generator.inference(
            text=text[None],
            text_lengths=full_lengths(text[None]),
            feats=None if feats is None else feats.T[None],
            feats_lengths=None if feats is None else full_lengths(feats[None]),
            dur=None if durations is None else durations[None, None],
            **given,
            noise_scale=noise_scale,
            noise_scale_dur=noise_scale_dur,
            alpha=alpha,
            max_len=max_len,
            use_teacher_forcing=use_teacher_forcing,
        )
        return {"wav": wav[0], "att_w": attention[0], "duration": frames[0]}

    def encode_text(self, text: Tensor, text_lengths: Tensor, *further: Tensor) -> tuple[Tensor, ...]:
        """Encode texts and draw durations.

        Args:
            text: (B, U) int64.
            text_lengths: (B,) int64.
            further: the conditions that `conditions` names, and noise (B, U, 2) of durations.

        Returns:
            Means and logarithms of scales of the prior (B, U, C), logarithms of durations (B, U), tokens (B,), and
            where there are conditions their global vector (B, G).
        """
        *conditions, noise = further
        hidden, mean, log_scale, mask = self.generator.text_encoder(text, text_lengths)
        g = self.generator.global_vector(**dict(zip(self.conditions, conditions, strict=True)))
        logarithms = self.generator.duration_predictor.draw(hidden, mask, noise.transpose(1, 2), g)
        outputs = mean.transpose(1, 2), log_scale.transpose(1, 2), logarithms.squeeze(1), text_lengths.clone()
        return outputs if g is None else (*outputs, g.squeeze(-1))

    def decode_frames(self, prior_mean: Tensor, prior_log_scale: Tensor, *further: Tensor) -> Tensor:
        """Latent vectors of texts whose durations are known.

        Args:
            prior_mean, prior_log_scale: (B, U, C) of `encode_text`.
            further: the global vector (B, G), where there are conditions; the token (B, T) int64 of each frame; frames
                (B,) int64; noise (B, T, C).

        Returns:
            (B, T, C), zeros behind the frames.
        """
        *conditions, tokens, lengths, noise = further
        priors = prior_mean.transpose(1, 2), prior_log_scale.transpose(1, 2)
        g = _column(*conditions)
        return self.generator.latent(*priors, g, tokens, lengths, noise.transpose(1, 2)).transpose(1, 2)

    def generate(self, latent: Tensor, *conditions: Tensor) -> Tensor:
        """Samples (B, N) of latent vectors (B, T, C), and of the global vector (B, G), where there are conditions."""
        return self.generator.decoder(latent.transpose(1, 2), _column(*conditions)).squeeze(1)

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """The graphs of `components`, for which the generator's weights are folded: only training needs them apart."""
        remove_weight_norm(self.generator)
        return super().parts()

    def components(self) -> tuple[Component, ...]:
        """The graphs "text_encoder", "feature_decoder" and "vocoder"; durations set the length of the latter two."""
        channels, batch = self.generator.hidden_channels, ("batch",)
        priors = tuple(Declared(name, ("batch", "tokens", channels)) for name in ("prior_mean", "prior_log_scale"))
        vector = (Declared("global_vector", ("batch", self.generator.global_channels)),) if self.conditions else ()
        latent = Declared("latent", ("batch", "frames", channels))
        samples = Length.multiplied(self.generator.upsample_factor)
        (vocoder,) = self.generator.decoder.components()
        return (
            Component(
                name="text_encoder",
                method="encode_text",
                inputs=(
                    Declared("text", ("batch", "tokens"), "int64", below=self.idim),
                    Declared("text_lengths", batch, "int64", length_of="tokens"),
                    *self.declared_conditions(),
                    Declared("noise_durations", ("batch", "tokens", NOISES), noise=True),
                ),
                outputs=(
                    *priors,
                    Declared("log_durations", ("batch", "tokens")),
                    Declared("hidden_lengths", batch, "int64", length_of="tokens"),
                    *vector,
                ),
                attributes={
                    "attention_heads": most_heads(self.generator.text_encoder.encoder),
                    "durations": "ceil",
                    "alignment": True,
                },
            ),
            Component(
                name="feature_decoder",
                method="decode_frames",
                inputs=(
                    *priors,
                    *vector,
                    Declared("frame_tokens", ("batch", "frames"), "int64", below="tokens"),
                    Declared("frame_lengths", batch, "int64", length_of="frames"),
                    Declared("noise", ("batch", "frames", channels), noise=True),
                ),
                outputs=(latent,),
            ),
            Component(
                name="vocoder",
                method="generate",
                inputs=(latent, *vector),
                outputs=(Declared("wav", ("batch", "samples")),),
                lengths=(OutputLength("samples", "frames", samples),),
                attributes=vocoder.attributes,
            ),
        )


def _column(*conditions: Tensor) -> Tensor | None:
    """The global vector (B, G) as (B, G, 1), None where there is none."""
    return conditions[0].unsqueeze(-1) if conditions else None
