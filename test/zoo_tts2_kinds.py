"""Kinds of rows of speech synthesis of discrete units; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs, attribute

STATISTICS = ("loss", "ce_loss", "duration_loss", "pitch_loss", "energy_loss", "before_acc", "after_acc")


def _tts2(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Outputs of our module for a batch, and of upstream's for one text."""
    if not hasattr(module, "encode_text"):
        results = module.inference(**{name: value[0] for name, value in batch.items()})
        return {name: (value[None], torch.tensor([len(value)])) for name, value in results.items()}
    conditions = module.given({name: batch.get(name) for name in module.conditions})
    hidden, logarithms, *values, tokens = module.encode_text(batch["text"], lengths, *conditions)
    durations = module.duration_predictor.frames(logarithms)
    frame_tokens, steps = attribute("espnet.nets.pytorch_backend.fastspeech.length_regulator:frame_tokens")(durations)
    generated = module.generate(hidden, tokens, *values, frame_tokens, steps)
    of_tokens = {"duration": durations, **dict(zip(module.variances, values, strict=True))}
    times = generated.shape[1] // frame_tokens.shape[1]
    return {"feat_gen": (generated, steps * times), **{name: (value, tokens) for name, value in of_tokens.items()}}


def _tts2_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Statistics of each text alone, with durations that its length gives."""
    layers, losses = module.discrete_token_layers, []
    for index, length in enumerate(lengths):
        durations = torch.arange(int(length) + 1) % 3 + 1
        frames = int(durations.sum()) * module.reduction_factor
        own = batch["units"][index, :frames] % (module.odim // layers)
        units = torch.stack([own + layer * (module.odim // layers) for layer in range(layers)], dim=1).flatten()
        fields = {"text": batch["text"][index, :length], "discrete_feats": units, "durations": durations}
        fields |= {name: batch[name][index, : int(length) + 1] for name in ("pitch", "energy")}
        sized = {f"{name}_lengths": torch.tensor([len(value)]) for name, value in fields.items()}
        _, found, _ = module(**{name: value[None] for name, value in fields.items()}, **sized)
        losses.append(torch.stack([found[name].squeeze() for name in STATISTICS if found.get(name) is not None]))
    return {"losses": (torch.stack(losses), torch.full_like(lengths, len(losses[0])))}


def _tts2_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Units of each text alone."""
    results = [
        module.inference(
            batch["text"][index, :length],
            **{name: batch[name][index] for name in batch if name != "text"},
            use_teacher_forcing=False,
        )
        for index, length in enumerate(lengths)
    ]
    return {
        name: (
            torch.nn.utils.rnn.pad_sequence([result[name] for result in results], batch_first=True),
            torch.tensor([len(result[name]) for result in results]),
        )
        for name in results[0]
    }


KINDS = {
    "tts2": Kind(_tts2, padded=True, exported=True),
    "tts2_losses": Kind(_tts2_losses),
    "tts2_model": Kind(_tts2_model),
}
