"""Decoder of structured state spaces and source attention (Miyazaki et al. 2023)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_non_pad_mask, require_positive, require_rates
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.state_spaces.s4 import ACTIVATIONS, S4
from espnet2.interface import spec

Choice = TypeVar("Choice")
NAME = "_name_"


class FF(nn.Module):
    """Two linear layers.

    Args:
        d_input: D.
        expand: size of the hidden vector in D.
        activation: between them.
        dropout: after the activation.
        tie_dropout, transposed: without effect on the numbers.
    """

    def __init__(
        self,
        d_input: int,
        expand: int = 2,
        activation: str | None = "gelu",
        dropout: float = 0.0,
        tie_dropout: bool = False,
        transposed: bool = False,
    ):
        super().__init__()
        require_rates(dropout=dropout)
        require_positive(expand=expand)
        between = choose("activation", activation, ACTIVATIONS)()
        first = nn.Sequential(nn.Linear(d_input, expand * d_input), between)
        self.ff = nn.Sequential(first, nn.Dropout(dropout), nn.Linear(expand * d_input, d_input))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        return self.ff(x)


def source_attention(d_input: int, n_head: int, dropout: float = 0.0, transposed: bool = False) -> nn.Module:
    """Attention to the encoder's output."""
    return MultiHeadedAttention(n_head, d_input, dropout)


LAYERS: dict[str, Callable[..., nn.Module]] = {"s4": S4, "mha": source_attention, "ff": FF}


class LayerNormalization(nn.Module):
    """Layer normalisation, named `norm.norm` in checkpoints."""

    def __init__(self, size: int):
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, U, D) → (B, U, D)."""
        return self.norm(x)


class BatchNormalization(nn.Module):
    """Batch normalisation of each channel over texts and tokens, named `norm.norm` in checkpoints."""

    def __init__(self, size: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, U, D) → (B, U, D)."""
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    "layer": LayerNormalization,
    "batch": BatchNormalization,
    "none": nn.Identity,
}
# Whether a layer's input is added to its output.
RESIDUALS: dict[str | None, bool] = {
    **dict.fromkeys(("R", "residual"), True),
    **dict.fromkeys(("N", "none", "F", "ff", "feedforward", None), False),
}


class SequenceResidualBlock(nn.Module):
    """A layer with normalisation, dropout and residual connection, as `decoder.layers` of checkpoints has them."""

    def __init__(self, layer: nn.Module, norm: nn.Module, prenorm: bool, residual: bool, dropout: float):
        super().__init__()
        self.layer, self.norm = layer, norm
        self.prenorm, self.added = prenorm, residual
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
        """x (R, U, D), and a function that applies the layer to (R, U, D) → (R, U, D)."""
        y = self.drop(run(self.norm(x) if self.prenorm else x))
        y = x + y if self.added else y
        return y if self.prenorm else self.norm(y)


class SequenceModel(nn.Module):
    """Stack of blocks, with a final normalisation if the blocks normalise their input."""

    def __init__(self, blocks: Sequence[SequenceResidualBlock], norm: nn.Module | None):
        super().__init__()
        self.layers = nn.ModuleList(blocks)
        self.norm = norm


class S4Decoder(BatchSteppedScorer, AbsDecoder):
    """Decoder with state spaces in place of self-attention: the cost of a step does not depend on the length.

    Upstream's search steps through the state spaces as this class does. Its `forward` equals that only where its
    extension for Cauchy products is installed; without it, half of each kernel is missing.

    Args:
        vocab_size: V.
        encoder_output_size: D.
        input_layer: "embed".
        dropinp: dropout of the embedded tokens.
        dropout: dropout of each layer's output.
        prenorm: layers normalise their input rather than their output.
        n_layers: how many times the layers of `layer` are stacked.
        transposed, pool: False and None; upstream's other variants are not supported.
        tie_dropout, track_norms, drop_path: without effect on inference.
        n_repeat: how many times that stack is stacked.
        layer: the layers, each with its `_name_`, one of `LAYERS`, and its options. At least one is "s4" and one "mha";
            all of a name have the same sizes.
        residual: one of `RESIDUALS`; "R" adds a layer's input to its output.
        norm: one of `NORMS`.

    Raises:
        ValueError: an option has a value that is not allowed.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        input_layer: str = "embed",
        dropinp: float = 0.0,
        dropout: float = 0.25,
        prenorm: bool = True,
        n_layers: int = 16,
        transposed: bool = False,
        tie_dropout: bool = False,
        n_repeat: int = 1,
        layer: Any = None,
        residual: Any = None,
        norm: Any = None,
        pool: Any = None,
        track_norms: bool = True,
        drop_path: float = 0.0,
    ):
        super().__init__()
        require_rates(dropinp=dropinp, dropout=dropout, drop_path=drop_path)
        require_positive(n_layers=n_layers, n_repeat=n_repeat)
        choose("input_layer", input_layer, {"embed": None})
        choose("transposed", transposed, {False: None})
        _chosen("pool", pool, {None: None})
        size = encoder_output_size
        self.vocab_size, self.size = vocab_size, size
        added, make_norm = _chosen("residual", residual, RESIDUALS), _chosen("norm", norm, NORMS)
        stack = [options for _ in range(n_layers * n_repeat) for options in _layers(layer)]
        built = [_build({"dropout": dropout, **options}, size) for options in stack]
        self.embed = nn.Embedding(vocab_size, size)
        self.dropout_emb = nn.Dropout(dropout)
        self.drop = nn.Dropout(dropinp)
        blocks = [SequenceResidualBlock(part, make_norm(size), prenorm, added, dropout) for part in built]
        self.decoder = SequenceModel(blocks, make_norm(size) if prenorm else None)
        self.output = nn.Linear(size, vocab_size)
        self.kinds = [options[NAME] for options in stack]
        self.by_kind: dict[str, list[Any]] = {
            name: [part for part, kind in zip(built, self.kinds, strict=True) if kind == name] for name in LAYERS
        }
        for name, sizes in {"mha": "h", "s4": "state_size"}.items():
            found = sorted({getattr(part, sizes) for part in self.by_kind[name]})
            if len(found) != 1:
                raise ValueError(f"layer: expected one or more of {name}, all of the same sizes, found {found}")

    def forward(
        self, hs_pad: Tensor, hlens: Tensor, ys_in_pad: Tensor, ys_in_lens: Tensor, state: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Score known targets.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) int64, its lengths.
            ys_in_pad: (B, U) int64, the start symbol and the targets.
            ys_in_lens: (B,) int64, their lengths.
            state: not used.

        Returns:
            (B, U, V) scores before softmax, and `ys_in_lens`.
        """
        memory = self.start(hs_pad)

        return self._scores(ys_in_pad, memory, hlens, lambda index, y: self.by_kind["s4"][index](y)), ys_in_lens

    def start(self, encoder_out: Tensor) -> tuple[Tensor, Tensor]:
        """Project encoder output (B, T, D) → memory_key, memory_value (layers, B, H, T, D/H), once per utterance."""
        pairs = [attention.project_memory(encoder_out, encoder_out) for attention in self.by_kind["mha"]]
        return torch.stack([key for key, _ in pairs]), torch.stack([value for _, value in pairs])

    def step(
        self,
        tokens: Tensor,
        parents: Tensor,
        memory_key: Tensor,
        memory_value: Tensor,
        memory_lengths: Tensor,
        cache_state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            memory_key, memory_value: (layers, B, H, T, D/H) from `start`.
            memory_lengths: (B,) int64, lengths of the encoder's output.
            cache_state: (layers, B, parent, D, N), zeros before the first step.

        Returns:
            log-probabilities (B, beam, V), and the next `cache_state`.
        """
        states = continued(cache_state, entries_of(parents, cache_state))

        def advance(index: int, y: Tensor) -> Tensor:
            given, states[index] = self.by_kind["s4"][index].step(y.squeeze(1), states[index])
            return given.unsqueeze(1)

        scores = self._scores(tokens.flatten().unsqueeze(1), (memory_key, memory_value), memory_lengths, advance)
        log_probs = torch.log_softmax(scores.squeeze(1), dim=-1).unflatten(0, parents.shape)
        return log_probs, stacked(states, parents)

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_start` and `decoder_step`, whose state is that of the state spaces."""
        heads, layers = self.by_kind["mha"][0].h, len(self.by_kind["mha"])
        memory = tuple(
            spec.Tensor(name, (layers, "batch", heads, "frames", self.size // heads))
            for name in ("memory_key", "memory_value")
        )
        lengths = spec.Tensor("memory_lengths", ("batch",), "int64", length_of="frames")
        encoded = spec.Tensor("encoder_out", ("batch", "frames", self.size))
        spaces = len(self.by_kind["s4"])
        sizes = (self.size, self.by_kind["s4"][0].state_size)
        state = spec.State(
            spec.Tensor("cache_state", (spaces, "batch", "parent", *sizes)),
            spec.Tensor("next_cache_state", (spaces, "batch", "beam", *sizes)),
        )
        return (
            spec.Component("decoder_start", "start", (encoded,), memory),
            spec.Component(
                "decoder_step",
                "step",
                (*hypotheses(self.vocab_size), *memory, lengths),
                (spec.Tensor("log_probs", ("batch", "beam", self.vocab_size)),),
                (state,),
                {"parent": 1},
            ),
        )

    def _scores(
        self,
        tokens: Tensor,
        memory: tuple[Tensor, Tensor],
        memory_lengths: Tensor,
        recur: Callable[[int, Tensor], Tensor],
    ) -> Tensor:
        """Tokens (R, U), projected memory, and a function that runs a numbered state space → scores (R, U, V)."""
        x = self.drop(self.dropout_emb(self.embed(tokens)))
        mask = make_non_pad_mask(memory_lengths, memory[0].shape[3]).unsqueeze(1)
        bias = attention_bias(mask, x.dtype)

        def attend(index: int, y: Tensor) -> Tensor:
            attention = self.by_kind["mha"][index]
            query = attention.project_query(y.reshape(memory[0].shape[1], -1, self.size))
            return attention.attend(query, memory[0][index], memory[1][index], bias).reshape(y.shape)

        runs = {"s4": recur, "mha": attend, "ff": lambda index, y: self.by_kind["ff"][index](y)}
        order = {name: iter(range(len(parts))) for name, parts in self.by_kind.items()}
        for block, kind in zip(self.decoder.layers, self.kinds, strict=True):
            x = block(x, functools.partial(runs[kind], next(order[kind])))
        return self.output(x if self.decoder.norm is None else self.decoder.norm(x))


def _chosen(option: str, given: Any, table: Mapping[str | None, Choice]) -> Choice:
    """Return the entry of a table that is given by name, or as a mapping with the name alone."""
    name = given.get(NAME) if isinstance(given, Mapping) else given
    if isinstance(given, Mapping) and set(given) - {NAME}:
        raise ValueError(f"{option}: expected {NAME} alone, found {', '.join(map(str, given))}")
    return choose(option, name, table)


def _layers(layer: Any) -> list[dict[str, Any]]:
    """The layers' options, of one layer or several."""
    layers = [layer] if isinstance(layer, Mapping) else layer
    if not isinstance(layers, Sequence) or not all(isinstance(options, Mapping) for options in layers):
        raise ValueError(f"layer: expected a list of layers with their options, found {layer!r}")
    return [dict(options) for options in layers]


def _build(options: dict[str, Any], size: int) -> nn.Module:
    """One layer of `size` channels."""
    name = options.pop(NAME, None)
    make = choose(f"layer {NAME}", name, LAYERS)
    known = list(inspect.signature(make).parameters)[1:]
    for option in options:
        if option not in known:
            raise ValueError(f"layer {name}: {option} is not one of its options, {', '.join(known)}")
    return make(size, **options)
