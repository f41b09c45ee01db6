"""Kinds of rows of Transformer TTS; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs
from zoo_tts_tacotron2_kinds import LIMITS, spoken, together


def _shown(prefix: str, results: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Results of a text; of attention weights sums over its tokens, which are of one size for all texts."""
    found = {f"{prefix}{name}": results[name] for name in ("feat_gen", "prob") if results.get(name) is not None}
    sums = results["att_w"] @ torch.linspace(1, 2, results["att_w"].shape[-1])
    return {**found, f"{prefix}att_w": sums.flatten(0, 1).T}


def _transformer_tts(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of upstream for one text, or of our graphs and the runtime's loop for all."""
    if not hasattr(module, "encode_text"):
        return together([_shown("", module.inference(**{name: value[0] for name, value in batch.items()}, **LIMITS))])
    return together([_shown("", one) for one in spoken(module, batch, lengths, LIMITS)])


def _seed(*_: object) -> None:
    torch.manual_seed(0)


def _transformer_tts_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Statistics of each text alone and a digest of gradients; and results of given frames.

    Random numbers, of the prenet of frames, are seeded behind the encoder, since upstream draws some there for nothing.
    """
    found = []
    hook = module.encoder.after_norm.register_forward_hook(_seed)
    for row, length in enumerate(lengths):
        text, frames = batch["text"][row, :length], torch.tensor([23 - 4 * int(length) // 3])
        feats = batch["feats"][row, : int(frames)]
        with torch.enable_grad():
            module.zero_grad()
            loss, stats, weight = module(text[None], length[None], feats[None], frames)
            loss.backward()
        norms = [float(value.grad.norm()) for _, value in sorted(module.named_parameters()) if value.grad is not None]
        numbers = [float(stats[name]) for name in sorted(stats)]
        losses = torch.tensor([float(loss.detach()), float(weight), *numbers, sum(norms)])
        with torch.no_grad():
            forced = module.inference(text, feats=feats, use_teacher_forcing=True)
        found.append({"losses": losses, **_shown("forced_", forced)})
    hook.remove()
    return together(found)


KINDS = {
    "transformer_tts": Kind(_transformer_tts, padded=True, exported=True),
    "transformer_tts_losses": Kind(_transformer_tts_losses),
}
