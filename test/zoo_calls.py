"""Building the zoo's rows and calling what was built: the same few lines for upstream's modules and for ours.

Each call takes the padded batch of a row's inputs with their lengths and gives every output with the number of its
valid steps per utterance, so that one utterance alone and a ragged batch are read in the same way.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_data
import zoo_spk_calls

Batch = Mapping[str, torch.Tensor]
Outputs = dict[str, tuple[torch.Tensor, torch.Tensor]]


def build(spec: Any, directory: Path) -> Any:
    """The object that `spec` describes; files that it needs are written to `directory`."""
    if isinstance(spec, zoo_data.New):
        return attribute(spec.target)(**build(dict(spec.options), directory))
    if isinstance(spec, zoo_data.Config):
        return _from_task(spec, directory)
    if isinstance(spec, zoo_data.Stats):
        return str(_write_stats(spec, directory))
    if hasattr(spec, "write"):
        return str(spec.write(directory))
    if isinstance(spec, zoo_data.Pretrained):
        return attribute("zoo_huggingface_files:write")(spec, directory)
    if isinstance(spec, dict):
        return {key: build(value, directory) for key, value in spec.items()}
    return spec


def attribute(target: str) -> Any:
    """The object called `module:name`."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def _from_task(spec: zoo_data.Config, directory: Path) -> torch.nn.Module:
    task = attribute(spec.task)
    keys = build(dict(spec.keys), directory)
    config = directory / "config.yaml"
    config.write_text(json.dumps({**_task_defaults(task), **keys}))  # JSON is YAML
    return task.build_model_from_file(str(config))[0]


def _task_defaults(task: Any) -> dict[str, Any]:
    """All keys of a training config, as upstream's own training writes them, where the task can tell."""
    return task.get_default_config() if hasattr(task, "get_default_config") else {}


def _write_stats(stats: zoo_data.Stats, directory: Path) -> Path:
    arrays = zoo_data.stats_arrays(stats)
    path = directory / f"stats.{stats.style}"
    if stats.style == "npz":
        np.savez(path, **arrays)
    else:  # Kaldi's: sums with the count behind them, sums of squares with a zero
        np.save(path, np.stack([np.append(arrays["sum"], arrays["count"]), np.append(arrays["sum_square"], 0.0)]))
    return path


def module_for(row: zoo_data.Row, directory: Path) -> torch.nn.Module:
    """The row's module in evaluation mode, with the zoo's weights, in the precision that training gives it."""
    module = build(row.make, directory).float().eval()
    state = {key: value.numpy() for key, value in module.state_dict().items()}
    weights = {key: torch.from_numpy(value) for key, value in zoo_data.filled(row, state).items()}
    module.load_state_dict(weights, strict=True)
    return module


def state_of(module: torch.nn.Module) -> dict[str, list]:
    """Shape and dtype of every state-dict entry."""
    return {
        key: [list(value.shape), str(value.dtype).removeprefix("torch.")] for key, value in module.state_dict().items()
    }


def batch_of(row: zoo_data.Row, indices: Sequence[int], padding: float = 0.0) -> tuple[Batch, torch.Tensor]:
    """The inputs of some of a row's utterances, padded behind their ends, and their lengths."""
    utterances = [zoo_data.utterance(row, index) for index in indices]
    tensors = {array.name: _padded([u[array.name] for u in utterances], array, padding) for array in row.inputs}
    return tensors, torch.tensor([row.lengths[index] for index in indices])


def _padded(items: Sequence[np.ndarray], array: zoo_data.Array, padding: float) -> torch.Tensor:
    longest = max(items, key=len)
    if array.centred:
        return torch.from_numpy(longest)[None]
    batch = np.full((len(items), *longest.shape), 0 if array.below else padding, longest.dtype)
    for row, item in zip(batch, items, strict=True):
        row[: len(item)] = item
    return torch.from_numpy(batch)


def outputs_of(row: zoo_data.Row, module: torch.nn.Module, indices: Sequence[int], padding: float = 0.0) -> list[dict]:
    """What the module gives for each of these utterances, run as one batch: name -> valid part, as numpy arrays."""
    batch, lengths = batch_of(row, indices, padding)
    with torch.no_grad():
        outputs = CALLS[row.call](module, batch, lengths)
    return [
        {name: value[i, : int(valid[i])].numpy()[:: row.keep] for name, (value, valid) in outputs.items()}
        for i in range(len(lengths))
    ]


def _encoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    encoded, valid, *_ = module(batch["xs"], lengths)
    return _with_intermediate(encoded, valid)


def _chunks(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Streams one by one, in overlapping chunks of features, each of which sees 6 frames before it."""
    streams = [_chunks_of(module, xs[: int(length)]) for xs, length in zip(batch["xs"], lengths, strict=True)]
    valid = torch.tensor([len(stream) for stream in streams])
    return {"out": (torch.nn.utils.rnn.pad_sequence(streams, batch_first=True), valid)}


def _chunks_of(module: torch.nn.Module, xs: torch.Tensor) -> torch.Tensor:
    module.reset_cache(6, device=torch.device("cpu"))
    encoded, processed = [], 0
    for begin in range(0, len(xs) - 26, 16):
        chunk = xs[None, begin : begin + 27]
        (frames,) = module.chunk_forward(chunk, torch.tensor([27]), torch.tensor([processed]), left_context=6)
        encoded.append(frames)
        processed += len(frames)
    return torch.cat(encoded)


def _first_layer(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    encoded, valid, _ = module(batch["xs"], lengths, max_layer=1)
    return {"out": (encoded, valid)}


def _all_layers(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    (encoded, hidden), valid, _ = module(batch["xs"], lengths, return_all_hs=True)
    return {"out": (encoded, valid), **{f"layer{index}": (value, valid) for index, value in enumerate(hidden)}}


def _prompted_encoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    prompt = {"memory": batch["memory"], "memory_mask": _mask(_token_lengths(lengths))}
    encoded, valid, _ = module(batch["xs"], lengths, prefix_embeds=batch.get("prefix"), **prompt)
    return {"out": (encoded, valid)}


def _with_intermediate(encoded: Any, valid: torch.Tensor) -> Outputs:
    """Intermediate CTC makes the first result a pair: the output, and pairs of layer and its output; several speakers
    have an axis of their own."""
    if valid.dim() == 2:
        return {f"out_spk{index + 1}": (encoded[:, index], valid[:, index]) for index in range(valid.shape[1])}
    if isinstance(encoded, torch.Tensor):
        return {"out": (encoded, valid)}
    last, intermediate = encoded
    return {"out": (last, valid), **{f"layer{index}": (value, valid) for index, value in intermediate}}


def _pretrained(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Upstream's module gives losses; its network gives what ours does."""
    if hasattr(module, "length"):
        return _encoder(module, batch, lengths)
    encoded = module.encoder(batch["xs"], mask=False, features_only=True)["x"]
    return {"out": (encoded, torch.full_like(lengths, encoded.shape[1]))}


def _whole_window(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Upstream's lengths end with the speech, but what reads the output reads all of it."""
    encoded = module(batch["xs"], lengths)[0]
    return {"out": (encoded, torch.full_like(lengths, encoded.shape[1]))}


def _encode(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    (source,) = batch.values()
    encoded, valid = module.encode(source, lengths)
    outputs = _with_intermediate(encoded, valid)
    if getattr(module, "ctc", None) is not None:
        for name, (value, lengths) in list(outputs.items()):
            if name.startswith("out"):
                outputs[name.replace("out", "ctc")] = (module.ctc.log_softmax(value), lengths)
    return outputs


def _frontend(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    feats, valid = module(batch["speech"], lengths)
    # Of front ends of the package transformers, upstream gives the shape or the lengths of the input.
    return {"out": (feats, valid if hasattr(module, "length") else torch.tensor([feats.shape[1]] * len(feats)))}


def _normalize(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module(batch["xs"].clone(), lengths)}  # upstream normalises in place


def _token_lengths(lengths: torch.Tensor) -> torch.Tensor:
    return torch.tensor([zoo_data.tokens_for(int(length)) for length in lengths])


def _decoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    # What upstream returns beside the logits is no vector of lengths.
    valid = _token_lengths(lengths)
    return {"out": (module(batch["memory"], lengths, batch["tokens"], valid)[0], valid)}


def _stepwise(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Log-probabilities token by token where a module has a mode for it, and all at once where it has none."""
    tokens, valid = batch["tokens"], _token_lengths(lengths)
    modes = [part for part in module.modules() if hasattr(part, "setup_step")]
    if not modes:
        return {"out": (module(batch["memory"], lengths, tokens, valid)[0].log_softmax(-1), valid)}
    for part in modes:
        part.setup_step()
    states, scores = [module.init_state(batch["memory"][0])], []
    for known in range(1, tokens.shape[1] + 1):
        log_probs, states = module.batch_score(tokens[:, :known], states, batch["memory"])
        scores.append(log_probs)
    return {"out": (torch.stack(scores, 1), valid)}


def _classifier(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    scores = module(batch["memory"], lengths, batch["tokens"], _token_lengths(lengths))
    return {"out": (scores, torch.full((len(scores),), scores.shape[1]))}


def _postencoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module(batch["xs"], lengths)}


def _ctc(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module.log_softmax(batch["xs"]), lengths)}


def _lm(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["tokens"], None)[0], _token_lengths(lengths))}


def _lm_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _lm(module.lm, batch, lengths)


def _lm_likelihood(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module.nll(batch["tokens"], _token_lengths(lengths))}


def _mask(lengths: torch.Tensor) -> torch.Tensor:
    """True on valid frames: (B, 1, T)."""
    return (torch.arange(int(lengths.max())) < lengths[:, None])[:, None]


def _self_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    return {"out": (module(xs, xs, xs, _mask(lengths)), lengths)}


def _causal_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    past = torch.ones(xs.shape[1], xs.shape[1], dtype=torch.bool).tril()
    return {"out": (module(xs, xs, xs, _mask(lengths) & past), lengths)}


def _source_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    memory = batch["memory"]
    return {"out": (module(batch["xs"], memory, memory, _mask(lengths)), _token_lengths(lengths))}


def _relative_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    positions = batch["positions"]
    return {"out": (module(xs, xs, xs, positions, _mask(lengths)), lengths)}


def _position(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _with_position(module(batch["xs"]), lengths)


def _with_position(encoded: Any, valid: torch.Tensor) -> Outputs:
    """Relative encodings give a pair: the scaled frames, and the table of positions (1, T or 2T-1, D)."""
    if isinstance(encoded, torch.Tensor):
        return {"out": (encoded, valid)}
    xs, positions = encoded
    return {"out": (xs, valid), "positions": (positions, torch.full((len(valid),), positions.shape[1]))}


def _subsampling(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    if hasattr(module, "length"):  # ours maps lengths, upstream's a mask
        xs, _, valid = module(batch["xs"], lengths)
        return {"out": (xs, valid)}
    xs, mask = module(batch["xs"], _mask(lengths))
    return {"out": (xs, mask[:, 0].sum(1))}


def _layer(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["xs"]), lengths)}


def _transducer(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["tokens"]), _token_lengths(lengths))}


def _joint(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["frames"], batch["predicted"]), lengths)}


def _tts(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """What ours makes of a batch, and upstream's of one text."""
    if not hasattr(module, "encode_text"):
        results = module.inference(**{name: value[0] for name, value in batch.items()})
        return {name: (value[None], torch.tensor([len(value)])) for name, value in results.items()}
    conditions = [batch[name] for name in module.conditions]
    hidden, logarithms, pitch, energy, tokens = module.encode_text(batch["text"], lengths, *conditions)
    durations = module.duration_predictor.frames(logarithms)
    regulated = attribute("espnet.nets.pytorch_backend.fastspeech.length_regulator:frame_tokens")(durations)
    feats, frames = module.decode_frames(hidden, tokens, pitch, energy, *regulated)
    of_tokens = {"duration": durations, "pitch": pitch, "energy": energy}
    return {"feat_gen": (feats, frames), **{name: (value, tokens) for name, value in of_tokens.items()}}


def _tts_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Losses of each text alone, with durations that its length gives."""
    losses = []
    for index, length in enumerate(lengths):
        durations = torch.arange(int(length) + 1) % 3 + 1
        frames = durations.sum()[None] * module.reduction_factor
        item = {"text": batch["text"][index : index + 1, :length], "text_lengths": length[None]}
        for name, size in (("feats", frames), ("pitch", length[None] + 1), ("energy", length[None] + 1)):
            item |= {name: batch[name][index : index + 1, : int(size)], f"{name}_lengths": size}
        _, found, _ = module(**item, durations=durations[None], durations_lengths=length[None] + 1)
        losses.append(torch.cat([found[f"{name}loss"] for name in ("", "l1_", "duration_", "pitch_", "energy_")]))
    return {"losses": (torch.stack(losses), torch.full_like(lengths, len(losses[0])))}


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


CALLS: dict[str, Callable[[torch.nn.Module, Batch, torch.Tensor], Outputs]] = {
    "encoder": _encoder,
    "chunks": _chunks,
    "first_layer": _first_layer,
    "all_layers": _all_layers,
    "prompted_encoder": _prompted_encoder,
    "pretrained": _pretrained,
    "whole_window": _whole_window,
    "encode": _encode,
    "frontend": _frontend,
    "normalize": _normalize,
    "decoder": _decoder,
    "mlm": _decoder,
    "stepwise": _stepwise,
    "classifier": _classifier,
    "preencoder": _postencoder,
    "postencoder": _postencoder,
    "ctc": _ctc,
    "lm": _lm,
    "lm_model": _lm_model,
    "lm_likelihood": _lm_likelihood,
    "self_attention": _self_attention,
    "causal_attention": _causal_attention,
    "source_attention": _source_attention,
    "relative_attention": _relative_attention,
    "position": _position,
    "subsampling": _subsampling,
    "layer": _layer,
    "transducer": _transducer,
    "joint": _joint,
    "tts": _tts,
    "tts_losses": _tts_losses,
    "speech_features": _speech_features,
    "token_means": _token_means,
    "vocoder": _vocoder,
    **zoo_spk_calls.CALLS,
}
