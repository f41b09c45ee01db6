"""Kinds of rows of Tacotron 2; see `zoo_kind`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import zoo_data
from zoo_kind import Batch, Kind, Outputs, attribute

LIMITS = {"threshold": 2.0, "maxlenratio": 3.0}  # which no probability reaches
WINDOW = {"use_att_constraint": True, "backward_window": 2, "forward_window": 2}


def _shown(prefix: str, results: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Results of a text; of attention weights sums over its tokens, which are of one size for all texts."""
    found = {f"{prefix}{name}": results[name] for name in ("feat_gen", "prob") if results.get(name) is not None}
    weights = results["att_w"]
    return {**found, f"{prefix}att_w": weights @ torch.linspace(1, 2, weights.shape[1])[:, None]}


def together(results: list[dict[str, torch.Tensor]]) -> Outputs:
    """Results of texts, each as long as it is."""
    found = {}
    for name in results[0]:
        values = [result[name] for result in results]
        lengths = torch.tensor([len(value) for value in values])
        found[name] = (torch.nn.utils.rnn.pad_sequence(values, batch_first=True), lengths)
    return found


def _tacotron2(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of upstream for one text, or of our graphs and the runtime's loop for all, free and in windows."""
    upstream = not hasattr(module, "encode_text")
    found: list[dict[str, torch.Tensor]] = [{} for _ in lengths]
    for prefix, window in (("", {}), ("window_", WINDOW)):
        if upstream:
            given = {name: value[0] for name, value in batch.items()}
            results = [module.inference(**given, **LIMITS, **window)]
        else:
            results = spoken(module, batch, lengths, {**LIMITS, **window})
        for one, result in zip(found, results, strict=True):
            one |= _shown(prefix, result)
    return together(found)


def spoken(
    module: torch.nn.Module, batch: Batch, lengths: torch.Tensor, options: dict[str, Any]
) -> list[dict[str, torch.Tensor]]:
    """Results of the runtime's loop over the module's graphs."""
    torch_graph = attribute("espnet.nets.pytorch_backend.torch_graph:TorchGraph")
    graphs = {component.name: torch_graph(module, component) for component in module.components()}
    pool: dict[str, Any] = {**batch, "text_lengths": lengths}
    if "style_encoder" in graphs:
        pool |= {"speech": batch["feats"], "speech_lengths": torch.full_like(lengths, batch["feats"].shape[1])}
        pool |= graphs["style_encoder"](pool)
    encoded = graphs["text_encoder"](pool)
    tokens = encoded["hidden_lengths"]
    pools = [
        {
            name: value[row].numpy() if value.dim() == 1 else value[row, : tokens[row]].numpy()
            for name, value in encoded.items()
        }
        for row in range(len(lengths))
    ]
    given = attribute("espnet2.runtime.synthesis_options:SynthesisOptions")(**options)
    generators = [np.random.default_rng(0) for _ in pools]
    spoken = attribute("espnet2.runtime.stepwise:stepwise_batch")(graphs["decoder_step"], pools, given, generators)
    feats = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(frames) for frames, _ in spoken], batch_first=True)
    frames = torch.tensor([len(frames) for frames, _ in spoken])
    refined = graphs["postnet"]({"feats": feats, "feats_lengths": frames})["feat_gen"]
    return [
        {"feat_gen": feats[:size], **{name: torch.as_tensor(value) for name, value in results.items()}}
        for feats, size, (_, results) in zip(refined, frames, spoken, strict=True)
    ]


def _tacotron2_seeded(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """`inference` of each text alone: free until it ends, and of given frames."""
    found = []
    for row, length in enumerate(lengths):
        text, feats, one = batch["text"][row, :length], batch["feats"][row], {}
        for prefix, options in (
            ("", {"threshold": 0.5435, "maxlenratio": 4.0}),
            ("window_", {**LIMITS, **WINDOW}),
            ("forced_", {"use_teacher_forcing": True, "feats": feats}),
        ):
            torch.manual_seed(int(length))
            results = module.inference(text, **options)
            one |= _shown(prefix, results)
        found.append(one)
    return together(found)


def _tacotron2_losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Statistics of each text alone in training, by a seed, and a digest of its gradients."""
    rows = []
    for row, length in enumerate(lengths):
        torch.manual_seed(int(length))
        with torch.enable_grad():
            module.train().zero_grad()
            frames = torch.tensor([23 - 4 * int(length) // 3])
            feats = batch["feats"][row : row + 1, : int(frames)]
            loss, stats, weight = module(batch["text"][row : row + 1, :length], length[None], feats, frames)
            loss.backward()
        gradients = {name: value.grad for name, value in module.named_parameters() if value.grad is not None}
        products = [
            float((gradients[name].double().numpy() * zoo_data.drawn(name, tuple(gradients[name].shape))).sum())
            for name in sorted(gradients)
        ]
        numbers = [float(stats[name]) for name in sorted(stats)]
        rows.append([float(loss.detach()), float(weight), *numbers, sum(products)])
        module.eval()
    return {"losses": (torch.tensor(rows), torch.full_like(lengths, len(rows[0])))}


def _numbers(module: Callable[..., Any], batch: Batch) -> Outputs:
    """Results of a function for each utterance's arrays, as one row of numbers."""
    count = len(next(iter(batch.values())))
    rows = [module(**{name: value[index] for name, value in batch.items()}) for index in range(count)]
    numbers = torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows])
    return {"out": (numbers, torch.full((count,), numbers.shape[1]))}


def _loss(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """The losses of a batch of texts of 9, 6 and 2 frames."""
    ones = {**batch, "labels": (batch["labels"] > 0).float()}
    return _numbers(functools.partial(module, olens=torch.tensor([9, 6, 2])), ones)


def _guided(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """The loss of attention of 9, 6 and 2 steps to 5, 5 and 3 tokens."""
    sizes = torch.tensor([5, 5, 3]), torch.tensor([9, 6, 2])
    return _numbers(lambda a: [module(a, *sizes)], batch)


def _zoneout(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """The next states, by their means and by chance."""

    def states(x: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> list[torch.Tensor]:
        torch.manual_seed(0)
        found = [*module(x, (hidden, cell)), *module.train()(x, (hidden, cell))]
        module.eval()
        return found

    return _numbers(states, batch)


KINDS = {
    "tacotron2": Kind(_tacotron2, padded=True, exported=True),
    "tacotron2_seeded": Kind(_tacotron2_seeded),
    "tacotron2_losses": Kind(_tacotron2_losses),
    "tacotron2_loss": Kind(_loss),
    "tacotron2_guided": Kind(_guided),
    "tacotron2_zoneout": Kind(_zoneout),
}
