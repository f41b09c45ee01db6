"""Turns of adversarial training, which synthesis models share: generate, then train generator or discriminator."""

from __future__ import annotations

import dataclasses
import importlib
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose
from espnet2.gan_tts.abs_gan_tts import AbsGANTTS
from espnet2.gan_tts.hifigan.loss import (
    DiscriminatorAdversarialLoss,
    FeatureMatchLoss,
    GeneratorAdversarialLoss,
    MelSpectrogramLoss,
)
from espnet2.gan_tts.utils import get_segments
from espnet2.interface.spec import Component
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.tts.abs_tts import AbsTTS

_GAN = "espnet2.gan_tts."
_HIFIGAN = _GAN + "hifigan.hifigan:HiFiGAN"
DISCRIMINATORS = {
    "hifigan_period_discriminator": _HIFIGAN + "PeriodDiscriminator",
    "hifigan_scale_discriminator": _HIFIGAN + "ScaleDiscriminator",
    "hifigan_multi_period_discriminator": _HIFIGAN + "MultiPeriodDiscriminator",
    "hifigan_multi_scale_discriminator": _HIFIGAN + "MultiScaleDiscriminator",
    "hifigan_multi_scale_multi_period_discriminator": _HIFIGAN + "MultiScaleMultiPeriodDiscriminator",
    "melgan_multi_scale_discriminator": _GAN + "melgan.melgan:MelGANMultiScaleDiscriminator",
    "parallel_wavegan_discriminator": _GAN + "parallel_wavegan.parallel_wavegan:ParallelWaveGANDiscriminator",
    "style_melgan_discriminator": _GAN + "style_melgan.style_melgan:StyleMelGANDiscriminator",
}
DISCRIMINATOR = "hifigan_multi_scale_multi_period_discriminator"

UNKNOWN = re.compile(r"got an unexpected keyword argument '(\w+)'")

# Options where a configuration gives none.
DISCRIMINATOR_PARAMS = {"scales": 1, "follow_official_norm": False}
ADVERSARIAL_PARAMS = {"average_by_discriminators": False, "loss_type": "mse"}
FEAT_MATCH_PARAMS = {"average_by_discriminators": False, "average_by_layers": False, "include_final_outputs": True}
MEL_PARAMS = {"log_base": None}


def build(option: str, name: str, table: Mapping[str, str], options: Mapping[str, Any], **given: Any) -> Any:
    """Build the part that `option` names.

    Args:
        option: of the configuration.
        name: its value.
        table: known names, each with its class as `module:Class`, which is imported when it is chosen.
        options, given: keywords of the class.

    Raises:
        ValueError: an unknown name, or a keyword that the class does not have.
    """
    module, cls = choose(option, name, table).split(":")
    key = option.removesuffix("_type") + "_params"
    return make(key, getattr(importlib.import_module(module), cls), {**options, **given})


def make(key: str, cls: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """Call a class with options; raises `UnfitOptionError`, which names the configuration's `key`, for unknown ones."""
    try:
        return cls(**options)
    except TypeError as error:
        unknown = UNKNOWN.search(str(error))
        if unknown is None:
            raise
        noun = getattr(cls, "__name__", key)
        raise UnfitOptionError(f"{key}.{unknown[1]}: expected an option of {noun}, found an unknown one") from error


@dataclass(frozen=True)
class Generated:
    """Results of a generator for a batch.

    Attributes:
        samples: (B, 1, N) of a part of each utterance.
        starts: (B,) int64, frames at which the parts start.
        further: values that losses of the generator need, too.
    """

    samples: Tensor
    starts: Tensor
    further: Any


class AdversarialTTS(AbsGANTTS):
    """A generator of samples, a discriminator, and their losses.

    Attributes:
        segment_size: frames of a part of an utterance, which the discriminator gets.
        cache_generator_outputs: compute samples once for both turns of a batch.
        lambda_adv, lambda_feat_match, lambda_mel: weights of losses.
    """

    segment_size: int
    prefix = ""  # of the discriminator's statistics

    def add_adversary(
        self,
        discriminator: tuple[str, Mapping[str, Any] | None],
        generator_adv: Mapping[str, Any] | None,
        discriminator_adv: Mapping[str, Any] | None,
        weights: tuple[float, float, float],
        cache_generator_outputs: bool,
    ) -> None:
        """Make the discriminator and its losses.

        Args:
            discriminator: a name in `DISCRIMINATORS`, and its options.
            generator_adv, discriminator_adv: options of the losses.
            weights: `lambda_adv`, `lambda_feat_match` and `lambda_mel`.
            cache_generator_outputs: see the class.
        """
        kind, params = discriminator
        self.discriminator = build("discriminator_type", kind, DISCRIMINATORS, given_or(params, DISCRIMINATOR_PARAMS))
        options = given_or(generator_adv, ADVERSARIAL_PARAMS)
        self.generator_adv_loss = make("generator_adv_loss_params", GeneratorAdversarialLoss, options)
        options = given_or(discriminator_adv, ADVERSARIAL_PARAMS)
        self.discriminator_adv_loss = make("discriminator_adv_loss_params", DiscriminatorAdversarialLoss, options)
        self.feat_match_loss: FeatureMatchLoss | None = None
        self.mel_loss: MelSpectrogramLoss | None = None
        self.lambda_adv, self.lambda_feat_match, self.lambda_mel = weights
        self.cache_generator_outputs = cache_generator_outputs
        self._cache: tuple[Tensor, Generated] | None = None

    def add_feat_match_loss(self, options: Mapping[str, Any] | None) -> None:
        """Compare what the discriminator's layers make of generated samples with what they make of real ones."""
        self.feat_match_loss = make("feat_match_loss_params", FeatureMatchLoss, given_or(options, FEAT_MATCH_PARAMS))

    def add_mel_loss(self, options: Mapping[str, Any] | None) -> None:
        """Compare features of generated samples with those of real ones."""
        self.mel_loss = make("mel_loss_params", MelSpectrogramLoss, given_or(options, MEL_PARAMS))

    def take_conditions(self, model: AbsTTS) -> None:
        """Read the conditions that a model reads, which is a part of this one."""
        self.conditions, self.use_gst = model.conditions, model.use_gst
        self.spks, self.langs, self.spk_embed_dim = (
            getattr(model, name, None) for name in ("spks", "langs", "spk_embed_dim")
        )

    @property
    def require_raw_speech(self) -> bool:
        """True: the discriminator compares samples."""
        return True

    @property
    def require_vocoder(self) -> bool:
        """False: the model gives samples."""
        return False

    @abstractmethod
    def generate_segments(self, batch: Mapping[str, Any]) -> Generated:
        """Samples of a part of each utterance of a batch, given by field."""

    @abstractmethod
    def generator_losses(
        self, generated: Generated, real: Tensor, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's loss, and statistics by name, where `real` (B, 1, N) are the samples to be generated."""

    def forward(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        forward_generator: bool = True,
        **further: Tensor,
    ) -> dict[str, Any]:
        """The loss of the generator, or of the discriminator.

        Args:
            text, text_lengths: tokens (B, U) int64 and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,).
            speech, speech_lengths: samples (B, N) and their number (B,).
            forward_generator: whose loss it is.
            further: conditions, and what else the generator reads.

        Returns:
            `loss` (1,), `stats` (statistics by name), `weight` (1,), the size of the batch, and `optim_idx`: 0 for the
            generator's optimiser, 1 for the discriminator's.
        """
        named = {"text": text, "text_lengths": text_lengths, "feats": feats, "feats_lengths": feats_lengths}
        batch = {**named, **further}
        generated = self._generated(batch)
        real = get_segments(
            speech.unsqueeze(1), generated.starts * self.upsample_factor, self.segment_size * self.upsample_factor
        )
        if forward_generator:
            loss, found = self.generator_losses(generated, real, batch)
        else:
            loss, found = self._discriminator_losses(generated, real)
        stats = {name: value.item() if isinstance(value, Tensor) else value for name, value in found.items()}
        loss, stats, weight = force_gatherable((loss, stats, len(speech)), loss.device)
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": 0 if forward_generator else 1}

    def _generated(self, batch: Mapping[str, Any]) -> Generated:
        """Samples of the turn before, if they were kept and are of this batch, or new ones.

        A batch may have one turn alone (`skip_discriminator_prob`): its samples are nothing to the next one.
        """
        kept, self._cache = self._cache, None
        if kept is not None and kept[0] is batch["text"]:
            return kept[1]
        generated = self.generate_segments(batch)
        if self.training and self.cache_generator_outputs:
            self._cache = batch["text"], generated
        return generated

    def _discriminator_losses(self, generated: Generated, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        outputs = self.discriminator(generated.samples.detach()), self.discriminator(real)
        of_real, of_fake = self.discriminator_adv_loss(*outputs)
        loss = of_real + of_fake
        named = {f"{self.prefix}real_loss": of_real, f"{self.prefix}fake_loss": of_fake}
        return loss, {"discriminator_loss": loss, **named}

    def adversarial_losses(self, hat: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Weighted losses of generated and real samples (B, 1, N): `adv`, and `feat_match` and `mel` where they are."""
        found = self.discriminator(hat)
        losses = {"adv": self.lambda_adv * self.generator_adv_loss(found)}
        if self.feat_match_loss is not None:
            with torch.no_grad():  # the generator learns nothing of real samples
                expected = self.discriminator(real)
            losses["feat_match"] = self.lambda_feat_match * self.feat_match_loss(found, expected)
        if self.mel_loss is not None:
            losses["mel"] = self.lambda_mel * self.mel_loss(hat, real)
        return losses


def given_or(options: Mapping[str, Any] | None, default: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options, or the default ones where a configuration has none."""
    return default if options is None else options


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum of losses by name."""
    return torch.stack(list(losses.values())).sum()


def reading(vocoder: Component, name: str) -> Component:
    """The graph "vocoder" that reads `name`, which another graph gives, in place of features."""
    feats, *further = vocoder.inputs
    return dataclasses.replace(vocoder, inputs=(dataclasses.replace(feats, name=name), *further))
