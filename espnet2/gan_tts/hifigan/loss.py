"""Losses of HiFi-GAN (Kong et al. 2020, section 2.4) and of other generators that discriminators train."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss, relu
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

Outputs: TypeAlias = Sequence[Sequence[Tensor]] | Sequence[Tensor] | Tensor  # of several discriminators, or of one
Criterion: TypeAlias = Callable[[Tensor], Tensor]

# Losses of a result for samples that are taken for real, and for samples that are taken for generated.
REAL: dict[str, Criterion] = {"mse": lambda x: (x - 1).square().mean(), "hinge": lambda x: relu(1 - x).mean()}
FAKE: dict[str, Criterion] = {"mse": lambda x: x.square().mean(), "hinge": lambda x: relu(1 + x).mean()}
GENERATED: dict[str, Criterion] = {"mse": REAL["mse"], "hinge": lambda x: -x.mean()}


def _last(outputs: Outputs) -> list[Tensor]:
    """The last result of each discriminator."""
    if isinstance(outputs, Tensor):
        return [outputs]
    return [output if isinstance(output, Tensor) else output[-1] for output in outputs]


class _AdversarialLoss(nn.Module):
    """Base of losses over the last results of discriminators.

    Args:
        average_by_discriminators: mean over discriminators, not the sum.
        loss_type: "mse" (Mao et al. 2017) or "hinge" (Lim and Ye 2017).
    """

    @typechecked
    def __init__(self, average_by_discriminators: bool = True, loss_type: str = "mse"):
        super().__init__()
        choose("loss_type", loss_type, REAL)
        self.average_by_discriminators = average_by_discriminators
        self.loss_type = loss_type

    def total(self, criterion: Criterion, outputs: Outputs) -> Tensor:
        """The sum or mean of a criterion over discriminators."""
        losses = torch.stack([criterion(output) for output in _last(outputs)])
        return losses.mean() if self.average_by_discriminators else losses.sum()


class GeneratorAdversarialLoss(_AdversarialLoss):
    """Loss of a generator whose samples discriminators tell from real ones."""

    def forward(self, outputs: Outputs) -> Tensor:
        """Results for generated samples, of one discriminator or of each (of which the last counts) → ()."""
        return self.total(GENERATED[self.loss_type], outputs)


class DiscriminatorAdversarialLoss(_AdversarialLoss):
    """Loss of discriminators."""

    def forward(self, outputs_hat: Outputs, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """Results for generated and for real samples → losses of the real ones and of the generated ones, ()."""
        return self.total(REAL[self.loss_type], outputs), self.total(FAKE[self.loss_type], outputs_hat)


class FeatureMatchLoss(nn.Module):
    """Distance of what discriminators' layers make of generated and of real samples.

    Args:
        average_by_layers: mean over layers, not the sum.
        average_by_discriminators: mean over discriminators, not the sum.
        include_final_outputs: the last result of each discriminator counts, too.
    """

    @typechecked
    def __init__(
        self,
        average_by_layers: bool = True,
        average_by_discriminators: bool = True,
        include_final_outputs: bool = False,
    ):
        super().__init__()
        self.average_by_layers = average_by_layers
        self.average_by_discriminators = average_by_discriminators
        self.include_final_outputs = include_final_outputs

    def forward(self, feats_hat: Sequence[Sequence[Tensor]], feats: Sequence[Sequence[Tensor]]) -> Tensor:
        """Results of each discriminator's layers for generated and for real samples → ()."""
        losses = torch.stack([self._distance(hat, real) for hat, real in zip(feats_hat, feats, strict=True)])
        return losses.mean() if self.average_by_discriminators else losses.sum()

    def _distance(self, hat: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
        last = None if self.include_final_outputs else -1
        losses = [l1_loss(ours, theirs.detach()) for ours, theirs in zip(hat[:last], real[:last], strict=True)]
        total = torch.stack(losses)
        return total.mean() if self.average_by_layers else total.sum()


class MelSpectrogramLoss(nn.Module):
    """Distance of log-mel features; the options are those of `LogMelFbank`."""

    @typechecked
    def __init__(
        self,
        fs: int = 22050,
        n_fft: int = 1024,
        hop_length: int = 256,
        win_length: int | None = None,
        window: str | None = "hann",
        n_mels: int = 80,
        fmin: int | None = 0,
        fmax: int | None = None,
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
        log_base: float | None = 10.0,
    ):
        super().__init__()
        self.wav_to_mel = LogMelFbank(
            fs=fs,
            n_fft=n_fft,
            hop_length=hop_length,
            win_length=win_length,
            window=window,
            n_mels=n_mels,
            fmin=fmin,
            fmax=fmax,
            center=center,
            normalized=normalized,
            onesided=onesided,
            log_base=log_base,
        )

    def forward(self, y_hat: Tensor, y: Tensor, spec: Tensor | None = None, use_mse: bool = False) -> Tensor:
        """Generated and real samples (B, 1, N) → (), absolute or (`use_mse`) squared differences.

        `spec` (B, T, bins), magnitudes of the real samples, is taken in place of theirs.
        """
        mel_hat = self.wav_to_mel(y_hat.squeeze(1))[0]
        mel = self.wav_to_mel(y.squeeze(1))[0] if spec is None else self.wav_to_mel.scaled(spec)
        return mse_loss(mel_hat, mel) if use_mse else l1_loss(mel_hat, mel)
