"""Kinds of rows of vocoders; see `zoo_kind`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from zoo_kind import Batch, Kind, Outputs, attribute, digest


def _each(found: list[Tensor], name: str) -> Outputs:
    """One vector of numbers for each utterance."""
    return {name: (torch.stack(found), torch.tensor([len(item) for item in found]))}


def _flat(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    else:
        for output in outputs:
            yield from _flat(output)


def _nested(outputs: Any) -> list[list[Tensor]]:
    """Results by discriminator and layer."""
    if isinstance(outputs, Tensor):
        return [[outputs]]
    return [list(outputs)] if isinstance(outputs[0], Tensor) else list(outputs)


def gradients(module: torch.nn.Module, loss: Tensor) -> Tensor:
    """Digests of the gradients of all weights."""
    parameters = dict(module.named_parameters())
    found = torch.autograd.grad(loss, list(parameters.values()))
    return torch.tensor([digest(*pair) for pair in zip(parameters, found, strict=True)]).flatten()


def _discriminator(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    """Digests of all layers' results, losses, and gradients of these, in training."""
    module.train()
    losses = "espnet2.gan_tts.hifigan.loss:"
    match, adversarial, generated = (
        attribute(losses + name)()
        for name in ("FeatureMatchLoss", "DiscriminatorAdversarialLoss", "GeneratorAdversarialLoss")
    )
    found: dict[str, list[Tensor]] = {"layers": [], "losses": [], "gradients": []}
    for index, length in enumerate(lengths):
        np.random.seed(int(length))  # of windows at random places
        with torch.enable_grad():
            hat, real = (_nested(module(batch[name][index, None, None, :length])) for name in ("wav_hat", "wav"))
            scores = (generated(hat), *adversarial(hat, real))
            several = len(hat[0]) > 1
            terms = torch.stack([*scores, match(hat, real)] if several else scores)
            found["gradients"].append(gradients(module, terms.sum()))
        found["losses"].append(terms.detach())
        found["layers"].append(torch.tensor([digest(f"{i}", x) for i, x in enumerate(_flat(real))]).flatten())
    return {name: value for key, items in found.items() for name, value in _each(items, key).items()}


def _trained(module: torch.nn.Module, feats: Tensor) -> Tensor:
    """Features (1, F, T) that a generator reads in training: of as many frames as its noise needs."""
    frames = getattr(module, "noise_upsample_factor", len(feats))
    return feats.repeat(frames, 1)[:frames].T[None]


def _generator(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    """Samples of each utterance alone, of seeded noise, and gradients of the weights in training."""
    waves, slopes, module = [], [], module.eval()
    for index, length in enumerate(lengths):
        feats = batch["feats"][index, :length]
        torch.manual_seed(int(length))
        waves.append(module.inference(feats))
        torch.manual_seed(int(length))
        with torch.enable_grad():
            wav = module(_trained(module, feats))
            slopes.append(gradients(module, (wav * torch.linspace(-1, 1, wav.shape[-1])).sum()))
    samples = torch.tensor([len(wave) for wave in waves])
    return {"wav": (pad_sequence(waves, batch_first=True), samples), **_each(slopes, "gradients")}


def _pqmf(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    """Bands, and samples of these."""
    bands = [module.analysis(wav[None, None, :length])[0].T for wav, length in zip(batch["wav"], lengths, strict=True)]
    waves = [module.synthesis(band.T[None])[0].T for band in bands]
    found = {}
    for name, items in (("bands", bands), ("wav", waves)):
        found[name] = (pad_sequence(items, batch_first=True), torch.tensor([len(item) for item in items]))
    return found


def _results(batch: Batch, index: int, length: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    """Results of two discriminators of two layers and of three."""
    hat, real = (batch[name][index, :length].T for name in ("hat", "real"))
    return ([[x[:1], x[1:3]], [x[3:4], x[4:5], x[5:]]] for x in (hat, real))


def _generator_loss(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    """Losses of nested results, of those of several discriminators, and of one."""
    found = []
    for index, length in enumerate(lengths):
        hat, _ = _results(batch, index, length)
        found.append(torch.stack([module(outputs) for outputs in (hat, hat[1], hat[0][0])]))
    return _each(found, "losses")


def _discriminator_loss(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    found = []
    for index, length in enumerate(lengths):
        hat, real = _results(batch, index, length)
        pairs = ((hat, real), (hat[1], real[1]), (hat[0][0], real[0][0]))
        found.append(torch.stack([loss for pair in pairs for loss in module(*pair)]))
    return _each(found, "losses")


def _feature_match_loss(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    found = [module(*_results(batch, index, length))[None] for index, length in enumerate(lengths)]
    return _each(found, "losses")


def _mel_loss(module: torch.nn.Module, batch: Batch, lengths: Tensor) -> Outputs:
    """Both distances, and one from given magnitudes; the gradient by the samples."""
    found, slopes = [], []
    for index, length in enumerate(lengths):
        hat, real = (batch[name][index, None, None, :length] for name in ("wav_hat", "wav"))
        spectrum = torch.arange(33.0 * 5).reshape(1, 5, 33).sin().abs() + 0.1
        same = hat[..., : 16 * 4] if module.wav_to_mel.stft.center else hat[..., : 64 + 16 * 4]
        terms = [module(hat, real), module(hat, real, use_mse=True), module(same, real, spectrum)]
        with torch.enable_grad():
            asked = hat.clone().requires_grad_()
            (slope,) = torch.autograd.grad(module(asked, real), asked)
        found.append(torch.stack(terms))
        slopes.append(torch.tensor(digest("wav_hat", slope)))
    return {**_each(found, "losses"), **_each(slopes, "slope")}


KINDS = {
    "discriminator": Kind(_discriminator),
    "generator": Kind(_generator, exported=True),
    "pqmf": Kind(_pqmf),
    "generator_loss": Kind(_generator_loss),
    "discriminator_loss": Kind(_discriminator_loss),
    "feature_match_loss": Kind(_feature_match_loss),
    "mel_loss": Kind(_mel_loss),
}
