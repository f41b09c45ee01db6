"""Helpers for padded batches: masks from lengths, padding of lists, activations by name, renaming of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch
from torch import Tensor, nn


class Swish(torch.nn.Module):
    """x · sigmoid(x) (Ramachandran et al. 2017)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        return x * torch.sigmoid(x)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "hardtanh": nn.Hardtanh,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "swish": Swish,
}

TAIL = 5  # frames that `trim_by_ctc_posterior` keeps after the last possible token
SURE = 0.95  # posterior above which it takes a frame for blank

Name = TypeVar("Name")
Choice = TypeVar("Choice")
Movable = TypeVar("Movable", Tensor, nn.Module)


class UnfitOptionError(ValueError, AssertionError):
    """Invalid option of a module; derived from both error classes that upstream raises for it."""


def choose(option: str, name: Name, table: Mapping[Name, Choice]) -> Choice:
    """Look `name` up in the table of values of `option`; raises `UnfitOptionError` with the known names for any
    other."""
    if name not in table:
        raise UnfitOptionError(f"unknown {option} {name!r}; known ones: {', '.join(map(str, table))}")
    return table[name]


_in_loop: ContextVar[bool] = ContextVar("in_loop", default=False)


@contextmanager
def body_of_loop() -> Iterator[None]:
    """Trace the body of a graph's loop inside the block."""
    token = _in_loop.set(True)
    try:
        yield
    finally:
        _in_loop.reset(token)


def may_loop() -> bool:
    """Whether a graph is exported, and no loop of it, since `torch.onnx.export` refuses a loop within another."""
    return torch.compiler.is_exporting() and not _in_loop.get()


def by_rows(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer of vectors to the rows of x (..., D) at once: → (..., E).

    As a product of two axes, a linear layer is exported with its bias as one operator, and not as two.
    """
    return layer(x.flatten(0, -2)).unflatten(0, x.shape[:-1])


def require_positive(**options: int) -> None:
    """Raise `ValueError` that names the first option below 1."""
    for option, value in options.items():
        if value < 1:
            raise ValueError(f"{option}: expected a positive number, found {value}")


def require_rates(**options: float) -> None:
    """Raise `ValueError` that names the first option that is no probability."""
    for option, value in options.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{option}: expected a number from 0 to 1, found {value}")


def full_lengths(x: Tensor) -> Tensor:
    """The lengths (B,), int64, of a batch x (B, T, ...) without padding: T each."""
    return torch.full((x.shape[0],), x.shape[1], device=x.device)


def make_pad_mask(
    lengths: Tensor | Sequence[int],
    maxlen: int | Tensor | None = None,
    length_dim: int = -1,
    *,
    xs: Tensor | None = None,
) -> Tensor:
    """Mark the padding of a batch.

    Args:
        lengths: (B,) integers.
        maxlen: T, a symbolic size when tracing; the longest of `lengths` where it is not given. Upstream's second
            argument, a batch whose shape matters, may stand in its place.
        length_dim: the dimension of such a batch that is padded.
        xs: such a batch.

    Returns:
        (B, T) bool, True at padded positions; of the shape of `xs` with one, see `make_pad_mask_with_reference`.
    """
    reference = maxlen if isinstance(maxlen, Tensor) and maxlen.dim() > 1 else xs
    if reference is not None:
        return make_pad_mask_with_reference(lengths, reference, length_dim)
    lengths = torch.as_tensor(lengths)
    positions = torch.arange(lengths.max() if maxlen is None else maxlen, device=lengths.device)  # type: ignore[arg-type]
    return positions >= lengths.unsqueeze(-1)


def make_non_pad_mask(
    lengths: Tensor | Sequence[int],
    maxlen: int | Tensor | None = None,
    length_dim: int = -1,
    *,
    xs: Tensor | None = None,
) -> Tensor:
    """The complement of `make_pad_mask`: True at real positions."""
    return ~make_pad_mask(lengths, maxlen, length_dim, xs=xs)


def make_pad_mask_with_reference(lengths: Tensor | Sequence[int], xs: Tensor, length_dim: int = -1) -> Tensor:
    """Mark the padding of `xs`, whose dimension `length_dim` has the given lengths.

    Args:
        lengths: (B,) integers.
        xs: (B, ...) reference of any type; only its shape matters.
        length_dim: the dimension that is padded, any but the batch's.

    Returns:
        bool of the shape of `xs`, True at padded positions.

    Raises:
        ValueError: `length_dim` is the batch dimension.
    """
    dim = length_dim % xs.dim()
    if dim == 0:
        raise ValueError(f"length_dim must not be the batch dimension: {length_dim} of {xs.dim()} dimensions")
    mask = make_pad_mask(lengths, xs.shape[dim]).to(xs.device)
    shape = [xs.shape[i] if i in (0, dim) else 1 for i in range(xs.dim())]
    return mask.view(shape).expand(xs.shape)


def trim_by_ctc_posterior(
    h: Tensor, ctc_probs: Tensor, masks: Tensor, pos_emb: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Cut off trailing frames that CTC recognises as blank, except for `TAIL` of them.

    Args:
        h: (B, T, D) encoder output.
        ctc_probs: (B, T, V) CTC posteriors; token 0 is the blank.
        masks: (B, 1, T) bool, True at real frames.
        pos_emb: positions (1 or B, T, D), or relative ones (1 or B, 2T-1, D).

    Returns:
        h, masks and pos_emb, cut to the T' frames of the longest remaining utterance.
    """
    frames = torch.arange(1, h.shape[1] + 1, device=h.device)
    last = (frames * (masks[:, 0] & (ctc_probs[..., 0] <= SURE))).amax(dim=1)
    lengths = torch.minimum(last + TAIL, masks.sum(dim=(1, 2)))
    longest = int(lengths.max())
    trimmed = make_non_pad_mask(lengths, longest).unsqueeze(1)
    if pos_emb is not None:
        first = h.shape[1] - longest if pos_emb.shape[1] > h.shape[1] else 0
        pos_emb = pos_emb[:, first : pos_emb.shape[1] - h.shape[1] + longest]
    return h[:, :longest], trimmed, pos_emb


def th_accuracy(pad_outputs: Tensor, pad_targets: Tensor, ignore_label: int) -> float:
    """Accuracy of scores (B * U, V): the share of targets (B, U), except `ignore_label`, with the highest score."""
    best = pad_outputs.view(*pad_targets.shape, -1).argmax(dim=-1)
    known = pad_targets != ignore_label
    return float((best == pad_targets)[known].sum()) / float(known.sum())


def pad_list(xs: Sequence[Tensor], pad_value: float) -> Tensor:
    """Stack tensors (T_b, ...) of different lengths as (B, T, ...), filled up with `pad_value`."""
    return nn.utils.rnn.pad_sequence(list(xs), batch_first=True, padding_value=pad_value)


def to_device(m: nn.Module, x: Movable) -> Movable:
    """Move `x` to the device of the parameters of `m`; no change if `m` has none."""
    parameter = next(m.parameters(), None)
    return x if parameter is None else x.to(parameter.device)


def get_activation(act: str) -> nn.Module:
    """Make the activation called `act`; raises `ValueError` with the known names for another."""
    return choose("activation", act, ACTIVATIONS)()


def rename_state_dict(old_prefix: str, new_prefix: str, state_dict: dict[str, Tensor]) -> None:
    """Replace the prefix of those keys of `state_dict` that start with `old_prefix`, in place."""
    for key in [key for key in state_dict if key.startswith(old_prefix)]:
        state_dict[new_prefix + key.removeprefix(old_prefix)] = state_dict.pop(key)
