"""Kinds of rows of recognition and language models; see `zoo_kind`."""

from __future__ import annotations

from typing import Any

import torch
import zoo_steps
from zoo_kind import Batch, Kind, Outputs, mask, token_lengths
from zoo_rows import FEATURES, MODEL

ENCODER = {
    "encoder": "transformer",
    "encoder_conf": {
        "output_size": MODEL,
        "attention_heads": 2,
        "linear_units": 8,
        "num_blocks": 1,
        "input_layer": "linear",
    },
}
CTC_ONLY = {"decoder": None, "model_conf": {"ctc_weight": 1.0}}
FROM_SPEECH = {"frontend": "default", "frontend_conf": {"n_fft": 256, "hop_length": 64, "n_mels": FEATURES}}
FROM_FEATURES = {"frontend": None, "input_size": FEATURES}


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
    prompt = {"memory": batch["memory"], "memory_mask": mask(token_lengths(lengths))}
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


def _decoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    # What upstream returns beside the logits is no vector of lengths.
    valid = token_lengths(lengths)
    return {"out": (module(batch["memory"], lengths, batch["tokens"], valid)[0], valid)}


def _stepwise(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Log-probabilities token by token where a module has a mode for it, and all at once where it has none."""
    tokens, valid = batch["tokens"], token_lengths(lengths)
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
    scores = module(batch["memory"], lengths, batch["tokens"], token_lengths(lengths))
    return {"out": (scores, torch.full((len(scores),), scores.shape[1]))}


def _postencoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module(batch["xs"], lengths)}


def _ctc(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module.log_softmax(batch["xs"]), lengths)}


def _lm(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["tokens"], None)[0], token_lengths(lengths))}


def _lm_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _lm(module.lm, batch, lengths)


def _lm_likelihood(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module.nll(batch["tokens"], token_lengths(lengths))}


def _self_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    return {"out": (module(xs, xs, xs, mask(lengths)), lengths)}


def _causal_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    past = torch.ones(xs.shape[1], xs.shape[1], dtype=torch.bool).tril()
    return {"out": (module(xs, xs, xs, mask(lengths) & past), lengths)}


def _source_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    memory = batch["memory"]
    return {"out": (module(batch["xs"], memory, memory, mask(lengths)), token_lengths(lengths))}


def _relative_attention(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    xs = batch["xs"]
    positions = batch["positions"]
    return {"out": (module(xs, xs, xs, positions, mask(lengths)), lengths)}


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
    xs, valid = module(batch["xs"], mask(lengths))
    return {"out": (xs, valid[:, 0].sum(1))}


def _layer(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["xs"]), lengths)}


def _transducer(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["tokens"]), token_lengths(lengths))}


def _joint(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": (module(batch["frames"], batch["predicted"]), lengths)}


KINDS = {
    "frontend": Kind(_frontend, padded=True, exported=True, around={**ENCODER, **CTC_ONLY}),
    "normalize": Kind(_normalize, padded=True, around={**FROM_SPEECH, **ENCODER, **CTC_ONLY}),
    "preencoder": Kind(
        _postencoder, padded=True, exported=True, trained=True, around={**FROM_FEATURES, **ENCODER, **CTC_ONLY}
    ),
    "encoder": Kind(_encoder, padded=True, exported=True, trained=True, around={**FROM_FEATURES, **CTC_ONLY}),
    "chunks": Kind(_chunks),
    "first_layer": Kind(_first_layer),
    "all_layers": Kind(_all_layers),
    "prompted_encoder": Kind(_prompted_encoder),
    "pretrained": Kind(_pretrained, padded=True, exported=True),
    "whole_window": Kind(_whole_window, padded=True, exported=True),
    "postencoder": Kind(_postencoder, padded=True, exported=True, around={**FROM_FEATURES, **ENCODER, **CTC_ONLY}),
    "encode": Kind(_encode, padded=True, exported=True, heads="model-conformer"),
    "decoder": Kind(
        _decoder,
        padded=True,
        exported=True,
        trained=True,
        steps=zoo_steps.check_decoder,
        around={**FROM_FEATURES, **ENCODER, "model_conf": {"ctc_weight": 0.3}},
    ),
    "mlm": Kind(_decoder, padded=True, exported=True, trained=True),
    "stepwise": Kind(_stepwise, padded=True, exported=True, steps=zoo_steps.check_decoder),
    "classifier": Kind(_classifier, padded=True, exported=True, trained=True),
    "ctc": Kind(_ctc, exported=True, trained=True),
    "lm": Kind(_lm, exported=True, trained=True, steps=zoo_steps.check_lm),
    "lm_model": Kind(_lm_model, exported=True),
    "lm_likelihood": Kind(_lm_likelihood, exported=True),
    "transducer": Kind(_transducer, exported=True, trained=True, steps=zoo_steps.check_transducer),
    "joint": Kind(_joint, exported=True, trained=True),
    "self_attention": Kind(_self_attention),
    "causal_attention": Kind(_causal_attention),
    "source_attention": Kind(_source_attention),
    "relative_attention": Kind(_relative_attention),
    "position": Kind(_position),
    "subsampling": Kind(_subsampling, padded=True),
    "layer": Kind(_layer),
}
