"""Base of Transformer decoders (Vaswani et al. 2017), which score token by token from cached keys and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import by_rows, choose, full_lengths, make_non_pad_mask, require_rates
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import pool_bias, pooled_hypotheses, rows_of_layers
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential
from espnet.nets.pytorch_backend.transformer.subsampling import FrameInput, linear_input, token_input
from espnet.nets.scorer_interface import MaskParallelScorerInterface
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.interface import spec

Cache = list[Tensor]  # keys and values, (layers, tokens, B, H, D/H) each


def embed_tokens(vocab_size: int, size: int, dropout_rate: float, positions: Positions) -> FrameInput:
    """Input layer for token ids (B, U)."""
    return token_input(vocab_size, size, dropout_rate, positions, padding_idx=None)


def embed_vectors(vocab_size: int, size: int, dropout_rate: float, positions: Positions) -> FrameInput:
    """Input layer for vectors (B, U, V)."""
    return linear_input(vocab_size, size, dropout_rate, positions, relu=True)


INPUT_LAYERS: dict[str, Callable[[int, int, float, Positions], FrameInput]] = {
    "embed": embed_tokens,
    "linear": embed_vectors,
}


class CachedDecoder(BatchSteppedScorer, AbsDecoder):
    """Transformer decoder over its submodules: scores known targets, or token by token.

    Attributes:
        vocab_size: V.
        size: D, of the encoder's output and of the decoder.
        input_layer: "embed" for token ids.
        embed: input layer; `at(tokens, offset)` embeds tokens that follow `offset` known ones.
        decoders: the layers.
        after_norm: normalisation of the last layer's output, or None.
        output_layer: output layer over the vocabulary, or None.
        sources: what layers attend to: its prefix in names of tensors, its axis of frames, and the input of `start`.
    """

    sources: tuple[tuple[str, str, str], ...] = (("memory", "frames", "encoder_out"),)
    vocab_size: int
    size: int
    input_layer: str = "embed"
    embed: Any
    decoders: Any
    after_norm: Any
    output_layer: Any
    initial: ClassVar[Mapping[str, int]] = {"rows": 0}

    @property
    def layers(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return [cast(DecoderLayer, layer) for layer in self.decoders]

    def forward(
        self,
        hs_pad: Tensor,
        hlens: Tensor,
        ys_in_pad: Tensor,
        ys_in_lens: Tensor,
        return_hs: bool = False,
        return_all_hs: bool = False,
    ) -> tuple[Any, Tensor]:
        """Score known targets.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) int64, its lengths.
            ys_in_pad: (B, U) int64, the start symbol and the targets; (B, U, V) for the input layer "linear".
            ys_in_lens: (B,) int64, their lengths.
            return_hs: also return the hidden vectors (B, U, D) before the output layer.
            return_all_hs: also return the outputs of all layers, each (B, U, D).

        Returns:
            (B, U, V) scores before softmax, as a pair with the hidden vectors if these are requested; and `ys_in_lens`.
        """
        x = self.embed.at(ys_in_pad, 0)
        context = self.context(x, ys_in_lens)
        memory_bias = self._memory_bias(hlens, hs_pad.unsqueeze(1))
        hidden = []
        for _, layer in self.decoders.active():
            x = layer(x, context, hs_pad, memory_bias)
            hidden.append(x)
        x = self._normed(x)
        scores = x if self.output_layer is None else self.output_layer(x)
        if return_all_hs:
            return (scores, hidden), ys_in_lens
        return ((scores, x) if return_hs else scores), ys_in_lens

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Context of the layers for known targets x (B, U, D) of lengths (B,): the self-attention's bias."""
        tokens = x.shape[1]
        mask = make_non_pad_mask(lengths, tokens).unsqueeze(1) & subsequent_mask(tokens, x.device)
        return attention_bias(mask, x.dtype)

    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        """Project the encoder's output for all layers, once per utterance.

        Args:
            encoder_out: (B, T, D).

        Returns:
            keys of each layer, then values of each: (B, H, T, D/H).
        """
        pairs = [layer.src_attn.project_memory(encoder_out, encoder_out) for layer in self.layers]
        return *(key for key, _ in pairs), *(value for _, value in pairs)

    def step(self, tokens: Tensor, positions: Tensor, visible: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            positions: (B, beam) int64, how many tokens there are before it.
            visible: (B, beam, rows) bool, True at the rows of these tokens in the caches.
            given: what `start` returned; lengths (B,) int64 of the encoder's output; and the caches: keys of each
                layer, then values of each, (rows, B, H, D/H), a row for each token of any hypothesis that was scored
                before. Before the first step there are no rows.

        Returns:
            log-probabilities (B, beam, V), and the new tokens' rows of the caches, (beam, B, H, D/H) each.
        """
        memory, lengths, caches = self._sorted(given, 2)
        # Each token is a text of its own to the input layer: they do not follow each other.
        x = self.embed.at(tokens.reshape(-1, 1), positions.reshape(-1, 1)).view(*tokens.shape, self.size)
        biases = self._biases(lengths, memory)
        x, (keys, values) = self._advance(x, pool_bias(visible, x.dtype), caches, memory, *biases)
        return self._log_probs(x), *keys, *values

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_start` and `decoder_step`; empty for a decoder without token input or output layer."""
        return _components(self) if self.input_layer == "embed" and self.output_layer is not None else ()

    def hypotheses(self) -> tuple[spec.Tensor, ...]:
        """The first inputs of `step`: hypotheses and what they continue."""
        return pooled_hypotheses(self.vocab_size)

    def states(self) -> tuple[spec.State, ...]:
        """States of `step`: keys and values of the tokens so far."""
        attention = self.layers[0].src_attn
        layers, heads, size = len(self.decoders), attention.h, attention.d_k
        return rows_of_layers(layers, heads, size)

    def forward_one_step(
        self,
        tgt: Tensor,
        tgt_mask: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        *,
        cache: Cache | None = None,
        return_hs: bool = False,
    ) -> tuple[Any, Cache]:
        """Score the token that follows `tgt`, computing only tokens that are not in the cache.

        Args:
            tgt: (B, U) int64, all tokens so far.
            tgt_mask: (B or 1, U, U) bool, True at visible tokens.
            memory: (B, T, D) encoder output.
            memory_mask: (B, 1, T) bool, True at real frames.
            cache: returned by the previous call; None at the beginning.
            return_hs: also return the hidden vectors (B, D) before the output layer.

        Returns:
            log-probabilities (B, V), as a pair with the hidden vectors if these are requested; and the next cache.
        """
        bias, memory_bias = attention_bias(tgt_mask, memory.dtype), None
        if memory_mask is not None:
            memory_bias = attention_bias(memory_mask, memory.dtype)
        projected, _, _ = self._sorted(self.start(memory), 0)
        if cache is None:
            x, new = self._advance(self.embed.at(tgt, 0), bias, (), projected, memory_bias)
            cache = [torch.stack(kind) for kind in new]
        for place in range(cache[0].shape[1], tgt.shape[1]):
            x = self.embed.at(tgt[:, place : place + 1], place)
            seen = bias[:, :, place : place + 1, : place + 1]
            x, new = self._advance(x, seen, cache, projected, memory_bias)
            cache = [torch.cat((kind, torch.stack(rows)), dim=1) for kind, rows in zip(cache, new, strict=True)]
        log_probs = self._log_probs(x[:, -1])
        return (log_probs, self._normed(x[:, -1])) if return_hs else log_probs, cache

    def score(self, ys: Any, state: Any, x: Any, return_hs: bool = False) -> Any:
        """Score one hypothesis.

        Args:
            ys: (U,) int64, all tokens so far.
            state: returned by the call for the tokens before; None at the beginning.
            x: (T, D) encoder output.
            return_hs: also return the hidden vector (1, D) before the output layer, as the second of three.

        Returns:
            log-probabilities (V,) of the next token, and the next state.
        """
        log_probs, after = super().score(ys, state, x)
        return (log_probs, self._hidden(ys[None], x[None]), after) if return_hs else (log_probs, after)

    def batch_score(self, ys: Any, states: Any, xs: Any, return_hs: bool = False) -> Any:
        """Score hypotheses of equal length: `score` for ys (H, U) and xs (H, T, D).

        Returns:
            log-probabilities (H, V), as a pair with the hidden vectors (H, D) if these are requested; and the next
            states.
        """
        log_probs, after = super().batch_score(ys, states, xs)
        return ((log_probs, self._hidden(ys, xs)), after) if return_hs else (log_probs, after)

    def _hidden(self, ys: Tensor, xs: Tensor) -> Tensor:
        """The hidden vectors (H, D) of the last of tokens ys (H, U)."""
        with torch.no_grad():
            (_, hidden), _ = self(xs, full_lengths(xs), ys, full_lengths(ys), return_hs=True)
        return hidden[:, -1]

    def _advance(
        self,
        x: Tensor,
        context: Tensor | None,
        past: Sequence[Sequence[Tensor] | Tensor],
        memory: Sequence[Sequence[Tensor]],
        *biases: Tensor | None,
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Run all layers over new tokens x (R, U, D); returns the last layer's output and what caches get of them.

        `memory` has keys and values of each of `sources`, for each layer, and `biases` one for each.
        """
        known, kinds = [], len(memory)
        for layer, *before in zip(self.layers, *memory, *past, strict=True):
            attended = (part for at, bias in enumerate(biases) for part in (before[2 * at], before[2 * at + 1], bias))
            x, after = layer.step(x, before[kinds:], context, *attended)
            known.append(after)
        return x, [list(kind) for kind in zip(*known, strict=True)]

    def _sorted(
        self, given: Sequence[Tensor], caches: int
    ) -> tuple[Sequence[Sequence[Tensor]], Sequence[Tensor], Sequence[Sequence[Tensor]]]:
        """Split what a step is given: memory keys and values, what is one for all layers, `caches` kinds of caches."""
        layers = len(self.decoders)
        first, last = 2 * layers * len(self.sources), len(given) - caches * layers
        memory, rest = given[:first], given[last:]
        kinds = ([part[start : start + layers] for start in range(0, len(part), layers)] for part in (memory, rest))
        of_memory, of_caches = kinds
        return of_memory, given[first:last], of_caches

    def _biases(self, lengths: Sequence[Tensor], memory: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The `_memory_bias` of each of `sources`."""
        return [self._memory_bias(one, keys[0]) for one, keys in zip(lengths, memory[::2], strict=True)]

    def _memory_bias(self, lengths: Tensor, key: Tensor) -> Tensor:
        """Bias (B, 1, 1, T) that hides the padding of the encoder's output, whose projection is key (B, H, T, D/H)."""
        return attention_bias(make_non_pad_mask(lengths, key.shape[2]).unsqueeze(1), key.dtype)

    def _normed(self, x: Tensor) -> Tensor:
        return x if self.after_norm is None else self.after_norm(x)

    def _log_probs(self, x: Tensor) -> Tensor:
        """The last layer's output (..., D) → log-probabilities (..., V), or normalised vectors without output layer."""
        x = self._normed(x)
        return x if self.output_layer is None else torch.log_softmax(by_rows(self.output_layer, x), dim=-1)


class BaseTransformerDecoder(CachedDecoder, MaskParallelScorerInterface):
    """Base of ESPnet's Transformer decoders; a subclass sets the layers, `decoders`.

    Args:
        vocab_size: V.
        encoder_output_size: D, of the encoder's output and of the decoder.
        dropout_rate: dropout of the input layer "linear".
        positional_dropout_rate: dropout after the positional encoding.
        input_layer: "embed" for token ids, "linear" for vectors.
        use_output_layer: return scores of tokens rather than hidden vectors.
        pos_enc_class: positional encoding, made from D and a dropout rate.
        normalize_before: layers normalise their inputs, so that the last output is normalised separately.
        gradient_checkpoint_layers: layers that training recomputes in the backward pass to save memory.
    """

    decoders: MultiSequential

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        input_layer: str = "embed",
        use_output_layer: bool = True,
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        gradient_checkpoint_layers: list[int] = [],  # noqa: B006 - never changed; the default is part of the schema
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        size = encoder_output_size
        self.vocab_size, self.size, self.input_layer = vocab_size, size, input_layer
        positions = pos_enc_class(size, positional_dropout_rate)
        self.embed = choose("input_layer", input_layer, INPUT_LAYERS)(vocab_size, size, dropout_rate, positions)
        self.after_norm = LayerNorm(size) if normalize_before else None
        self.output_layer = nn.Linear(size, vocab_size) if use_output_layer else None
        self.gradient_checkpoint_layers = gradient_checkpoint_layers

    def forward_partially_AR(
        self, tgt: Tensor, tgt_mask: Tensor, tgt_lengths: Tensor, memory: Tensor, cache: Any = None
    ) -> tuple[Tensor, Any]:
        """Score the next token of texts of different lengths.

        Args:
            tgt: (B, U) int64, padded.
            tgt_mask: not used: self-attention is causal.
            tgt_lengths: (B,) int64.
            memory: (B, T, D) encoder output.
            cache: not used.

        Returns:
            log-probabilities (B, V) of the token after each text, and `cache`.
        """
        scores, _ = self(memory, full_lengths(memory), tgt, tgt_lengths)
        last = scores[torch.arange(len(tgt), device=tgt.device), tgt_lengths - 1]
        return torch.log_softmax(last, dim=-1), cache

    def batch_score_partially_AR(self, ys: Tensor, states: Any, xs: Tensor, yseq_lengths: Tensor) -> tuple[Tensor, Any]:
        """Score hypotheses ys (H, U), padded, of lengths (H,): log-probabilities (H, V), and `states`."""
        return self.forward_partially_AR(ys, ys, yseq_lengths, xs, states)


def _components(decoder: CachedDecoder) -> tuple[spec.Component, ...]:
    attention = decoder.layers[0].src_attn
    layers, heads, size = len(decoder.decoders), attention.h, attention.d_k
    memory = tuple(
        spec.Tensor(f"{prefix}_{kind}_{layer}", ("batch", heads, frames, size))
        for prefix, frames, _ in decoder.sources
        for kind in ("key", "value")
        for layer in range(layers)
    )
    start = spec.Component(
        name="decoder_start",
        method="start",
        inputs=tuple(spec.Tensor(name, ("batch", frames, decoder.size)) for _, frames, name in decoder.sources),
        outputs=memory,
    )
    lengths = (
        spec.Tensor(f"{prefix}_lengths", ("batch",), "int64", length_of=frames) for prefix, frames, _ in decoder.sources
    )
    step = spec.Component(
        name="decoder_step",
        method="step",
        inputs=(*decoder.hypotheses(), *memory, *lengths),
        outputs=(spec.Tensor("log_probs", ("batch", "beam", decoder.vocab_size)),),
        states=decoder.states(),
        initial=decoder.initial,
    )
    return start, step
