"""Kinds of rows of JETS and of other models that are trained against a discriminator; see `zoo_kind`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any
from unittest import mock

import torch
from torch.nn.utils.rnn import pad_sequence
from zoo_kind import Batch, Kind, Outputs, attribute, digest


def _padded(results: list[dict[str, torch.Tensor]]) -> Outputs:
    """Results of each text alone."""
    return {
        name: (
            pad_sequence([r[name] for r in results], batch_first=True),
            torch.tensor([len(r[name]) for r in results]),
        )
        for name in results[0]
    }


def _jets(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Outputs of our module for a batch, and of upstream's for one text; samples of each text alone."""
    if not hasattr(module, "parts"):
        return _padded([module.inference(**{name: value[0] for name, value in batch.items()})])
    generator = module.generator
    conditions = generator.given({name: batch.get(name) for name in module.conditions}, batch.get("feats"))
    hidden, logarithms, pitch, energy, tokens = generator.encode_text(batch["text"], lengths, *conditions)
    durations = generator.duration_predictor.frames(logarithms)
    real = torch.arange(durations.shape[1]) < tokens[:, None]
    durations = torch.where((durations * real).any(dim=1, keepdim=True), durations, 1) * real
    regulated = attribute("espnet.nets.pytorch_backend.fastspeech.length_regulator:frame_tokens")(durations)
    latent = generator.decode_frames(hidden, tokens, pitch, energy, *regulated)
    pairs = zip(latent, regulated[1], strict=True)
    waves = [generator.generator.generate(one[None, : int(frames)])[0] for one, frames in pairs]
    valid = torch.tensor([len(wave) for wave in waves])
    return {"wav": (pad_sequence(waves, batch_first=True), valid), "duration": (durations, tokens)}


def _drawn() -> Any:
    """A context where numbers that PyTorch draws are these, uniform ones and noise."""

    def noise(*sizes: Any, **_: Any) -> torch.Tensor:
        shape = torch.Size(sizes[0] if isinstance(sizes[0], Sequence) else sizes)
        return (torch.arange(1.0, shape.numel() + 1) * 0.7).sin().reshape(shape)

    return mock.patch.multiple(torch, rand=lambda *sizes, **_: torch.full((1,), 0.4), randn=noise)


def _joint(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of each text alone."""
    results = []
    for index, length in enumerate(lengths):
        conditions = {name: value[index] for name, value in batch.items() if name != "text"}
        with _drawn():
            found = module.inference(batch["text"][index, :length], **conditions)
        results.append({name: found[name] for name in found if found[name] is not None and name != "att_w"})
    return _padded(results)


def _items(batch: Batch, lengths: torch.Tensor) -> list[dict[str, Any]]:
    """Fields of each text alone, whose speech is as long as its length says."""
    items = []
    for index, length in enumerate(lengths):
        frames = 10 + int(length)
        item = {name: value[index] for name, value in batch.items()}
        item["text"] = item["text"][:length]
        hop = len(item["speech"]) // len(item["feats"])
        item |= {name: item[name][:frames] for name in ("feats", "pitch", "energy") if name in item}
        item["speech"] = item["speech"][: frames * hop]
        items.append(item)
    return items


def _forced(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    items = _items(batch, lengths)
    for item in items:
        del item["speech"]
    return _padded([module.inference(**item, use_teacher_forcing=True) for item in items])


def _losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Statistics of both turns of each text alone, and digests of gradients."""
    return _turns(module, _items(batch, lengths))


def _model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """The same of a whole model, which extracts features of samples."""
    items = [{"text": text[:length]} for text, length in zip(batch["text"], lengths, strict=True)]
    return _turns(module, [{**item, "speech": batch["speech"][index]} for index, item in enumerate(items)])


def _turns(module: torch.nn.Module, items: list[dict[str, Any]]) -> Outputs:
    results = []
    for item in items:
        fields = {name: value[None] for name, value in item.items()}
        for name in ("text", "feats", "speech", "pitch", "energy", "durations"):
            if name in item:
                fields[f"{name}_lengths"] = torch.tensor([len(item[name])])
        found: dict[str, torch.Tensor] = {}
        for turn in ("generator", "discriminator"):
            torch.manual_seed(0)
            # Upstream's encoders draw numbers that they do not use, before those that say where parts start.
            with torch.enable_grad(), _drawn():
                outputs = module(**fields, forward_generator=turn == "generator")
                loss, stats = outputs["loss"], outputs["stats"]
                parameters = dict(sorted(module.named_parameters()))
                slopes = torch.autograd.grad(loss.sum(), list(parameters.values()), allow_unused=True)
            pairs = [(name, slope) for name, slope in zip(parameters, slopes, strict=True) if slope is not None]
            numbers = [loss.detach(), *(stats[name] for name in sorted(stats))]
            found[turn] = torch.cat([*numbers, outputs["weight"], torch.tensor([outputs["optim_idx"]])])
            found[f"{turn}_gradients"] = torch.tensor([digest(*pair) for pair in pairs]).flatten()
        results.append(found)
    return _padded(results)


def _of_tokens(batch: Batch, lengths: torch.Tensor) -> list[dict[str, Any]]:
    """The same, with pitch and energy of each token and the end, and durations that fill the speech."""
    items = []
    for item in _items(batch, lengths):
        tokens, frames = len(item["text"]) + 1, len(item["feats"])
        count = {"pitch": batch["pitch"], "energy": batch["energy"]}
        item |= {name: values[len(items), :tokens] for name, values in count.items()}
        durations = torch.ones(tokens, dtype=torch.long)
        durations[0] += frames - tokens
        items.append({**item, "durations": durations})
    return items


def _joint_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    read = inspect.signature(module.generator["text2mel"].forward).parameters
    items = _of_tokens(batch, lengths)
    return _turns(module, [{name: item[name] for name in item if name in (*read, "speech")} for item in items])


KINDS = {
    "jets": Kind(_jets, padded=True, exported=True),
    "jets_forced": Kind(_forced),
    "gan_tts_losses": Kind(_losses),
    "gan_tts_model": Kind(_model),
    "joint_text2wav": Kind(_joint, exported=True),
    "joint_text2wav_losses": Kind(_joint_losses),
}
