"""Kinds of rows of speech synthesis; see `zoo_kind`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from zoo_kind import Batch, Kind, Outputs, attribute

LOSSES = ("", "l1_", "ssim_", "ce_", "duration_", "pitch_", "energy_")  # before `loss`


def _tts(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Outputs of our module for a batch, and of upstream's for one text."""
    if not hasattr(module, "encode_text"):
        results = module.inference(**{name: value[0] for name, value in batch.items()})
        return {name: (value[None], torch.tensor([len(value)])) for name, value in results.items()}
    conditions = module.given({name: batch.get(name) for name in module.conditions}, batch.get("feats"))
    hidden, logarithms, *values, tokens = module.encode_text(batch["text"], lengths, *conditions)
    durations = module.duration_predictor.frames(logarithms)
    regulated = attribute("espnet.nets.pytorch_backend.fastspeech.length_regulator:frame_tokens")(durations)
    feats, frames = module.decode_frames(hidden, tokens, *values, *regulated)
    of_tokens = {"duration": durations, **dict(zip(module.variances, values, strict=True))}
    return {"feat_gen": (feats, frames), **{name: (value, tokens) for name, value in of_tokens.items()}}


def _tts_seeded(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of each text alone, with noise of the same seed."""
    results = []
    for index, length in enumerate(lengths):
        given = {name: batch[name][index] for name in batch if name != "text"}
        with _seeded(module):
            results.append(module.inference(batch["text"][index, :length], **given))
    return _stacked(results)


def _seed(*_: object) -> None:
    torch.manual_seed(0)


@contextlib.contextmanager
def _seeded(module: torch.nn.Module) -> Iterator[None]:
    """Seed random numbers behind the encoder, since upstream's layers draw some there for nothing."""
    layer = getattr(module, "energy_predictor", None)
    hook = None if layer is None else layer.register_forward_hook(_seed)
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def _tts_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of each text alone, features with and without normalisation among them."""
    results = [
        module.inference(
            batch["text"][index, :length],
            **{name: batch[name][index] for name in batch if name != "text"},
            use_teacher_forcing=False,
        )
        for index, length in enumerate(lengths)
    ]
    return _stacked(results)


def _stacked(results: list[dict[str, torch.Tensor]]) -> Outputs:
    """Results of texts as one batch."""
    return {
        name: (
            torch.nn.utils.rnn.pad_sequence([result[name] for result in results], batch_first=True),
            torch.tensor([len(result[name]) for result in results]),
        )
        for name in results[0]
    }


def _tts_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Losses of each text alone, with durations that its length gives."""
    losses = []
    for index, length in enumerate(lengths):
        durations = torch.arange(int(length) + 1) % 3 + 1
        # The last frames do not fill a step: they are not predicted, but belong to the reference of a style.
        frames = durations.sum()[None] * module.reduction_factor + module.reduction_factor - 1
        item = {"text": batch["text"][index : index + 1, :length], "text_lengths": length[None]}
        sizes = {"feats": frames, "pitch": length[None] + 1, "energy": length[None] + 1}
        for name in (name for name in sizes if name in batch):
            size = sizes[name]
            item |= {name: batch[name][index : index + 1, : int(size)], f"{name}_lengths": size}
        with _seeded(module):
            _, found, _ = module(**item, durations=durations[None], durations_lengths=length[None] + 1)
        losses.append(torch.cat([found[f"{name}loss"] for name in LOSSES if f"{name}loss" in found]))
    return {"losses": (torch.stack(losses), torch.full_like(lengths, len(losses[0])))}


def _style(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Styles, of upstream's module of features without padding."""
    further = (lengths,) if hasattr(module, "size") else ()
    styles = module(batch["feats"], *further)
    return {"style": (styles, torch.full_like(lengths, styles.shape[1]))}


def _speech_features(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module(batch["speech"], lengths)}


def _token_means(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Means over three tokens, the second of which has no frames."""
    frames = 1 + lengths // module.hop_length
    durations = torch.stack([frames // 3, torch.zeros_like(frames), frames - frames // 3], dim=1)
    given = {"feats_lengths": frames, "durations": durations, "durations_lengths": torch.full_like(frames, 3)}
    return {"out": module(batch["speech"], lengths, **given)}


def _vocoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Samples of each utterance alone, since convolutions see what follows."""
    further = [batch["g"]] if "g" in batch else []
    waves = [
        module.inference(feats[: int(length)], *(item[index] for item in further))
        for index, (feats, length) in enumerate(zip(batch["feats"], lengths, strict=True))
    ]
    valid = torch.tensor([len(wave) for wave in waves])
    return {"wav": (torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), valid)}


KINDS = {
    "tts": Kind(_tts, padded=True, exported=True),
    "tts_model": Kind(_tts_model),
    "tts_seeded": Kind(_tts_seeded, exported=True),
    # The graph of styles comes first, and the others are those of other rows.
    "tts_style_model": Kind(_tts_model, exported=True, heads="fastspeech2-default"),
    "style": Kind(_style, padded=True),
    "tts_losses": Kind(_tts_losses),
    "speech_features": Kind(_speech_features, padded=True),
    "token_means": Kind(_token_means, padded=True),
    "vocoder": Kind(_vocoder, exported=True),
}
