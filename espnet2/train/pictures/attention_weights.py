"""Attention weights of a model, recorded by hooks on the softmax of its attention modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.rnn.attention_parts import ScoringAttention
from espnet.nets.pytorch_backend.rnn.attentions import NoAtt
from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads

Weights = dict[str, list[Tensor]]  # of each attention, by its module's name, for each utterance of a batch


class Recorded(NamedTuple):
    """Kind of attention module whose weights are recorded.

    `part` is the submodule that outputs them, and `join` joins the weights of all calls for one utterance.
    """

    kind: type[nn.Module]
    part: str
    join: Callable[[list[Tensor]], Tensor]


def _all_at_once(calls: list[Tensor]) -> Tensor:
    """Return the weights (N, H, Tq, Tk) of the last call; N is 1, or the number of an encoder's blocks."""
    return calls[-1].squeeze(0)


def _step_by_step(calls: list[Tensor]) -> Tensor:
    """Join weights (H, 1, 1, T) of U steps to (H, U, T), or to (U, T) of a single head."""
    return torch.cat([weights.squeeze(-3) for weights in calls], dim=-2).squeeze(0)


RECORDED = (
    Recorded(AttentionHeads, "softmax", _all_at_once),
    Recorded(ScoringAttention, "softmax", _step_by_step),
    Recorded(NoAtt, "weights", _step_by_step),
)


def attention_weights(model: nn.Module, batch: Mapping[str, Tensor]) -> Weights:
    """Compute the weights of each attention for a batch, one utterance at a time and in evaluation mode.

    Attention within windows, and attention without weights for pairs of positions (Fastformer, Mega), is left out.

    Args:
        model: Called with the batch's fields by name.
        batch: Tensors (B, ...) and, where they are padded, their lengths (B,) as `NAME_lengths`.

    Returns:
        By module name, in the model's order, one tensor for each utterance: (H, Tq, Tk) weights of H heads; (Tq, Tk)
        of a recurrent decoder's single head; (N, H, Tq, Tk) of an encoder that cuts the utterance into N blocks. A
        query whose keys are all masked has zeros. On the CPU, without gradients.
    """
    attentions = {name: (module, kind) for name, module in model.named_modules() if (kind := _kind_of(module))}
    found: Weights = defaultdict(list)
    with _evaluating(model), torch.no_grad():
        for utterance in _utterances(batch):
            calls: dict[str, list[Tensor]] = {name: [] for name in attentions}
            with ExitStack() as hooks:
                for name, (module, kind) in attentions.items():
                    part = module.get_submodule(kind.part)
                    hooks.callback(part.register_forward_hook(_note(calls[name])).remove)
                model(**utterance)
            for name, weights in calls.items():
                if weights:
                    found[name].append(attentions[name][1].join(weights))
    return dict(found)


def _kind_of(module: nn.Module) -> Recorded | None:
    return next((row for row in RECORDED if isinstance(module, row.kind)), None)


def _note(calls: list[Tensor]) -> Callable[..., None]:
    """Return a hook that adds the weights that a softmax outputs to `calls`."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], weights: Tensor) -> None:
        # Masks lower scores by half the lowest number; a softmax of nothing but such scores gives equal weights.
        hidden = inputs[0].amax(dim=-1, keepdim=True) < torch.finfo(weights.dtype).min / 4
        calls.append(weights.masked_fill(hidden, 0.0).float().cpu())

    return hook


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode, and restore the mode of each module afterwards."""
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in training:
            module.training = mode


def _utterances(batch: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Yield each utterance of a batch as a batch of its own, without padding."""
    for index in range(len(next(iter(batch.values())))):
        rows = {name: values[index : index + 1] for name, values in batch.items()}
        yield {name: _cut(values, rows.get(f"{name}_lengths")) for name, values in rows.items()}


def _cut(values: Tensor, length: Any) -> Tensor:
    return values if length is None else values[:, : int(length)]


def text_of(batch: Mapping[str, Tensor], index: int, tokens: Sequence[str]) -> list[str]:
    """Return the text of a batch's utterance as tokens; none where the batch has no texts."""
    if "text" not in batch:
        return []
    return [tokens[token] for token in _cut(batch["text"][index : index + 1], batch["text_lengths"][index])[0].tolist()]
