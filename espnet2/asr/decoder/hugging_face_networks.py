"""Networks of the package transformers as decoders: they read the encoder's output, and step token by token from cached
keys and values. Masks, positions and caches are made here and passed to the network."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask
from espnet2.utils.hugging_face import transformers

Past = Sequence[Tensor]  # each layer's keys or values, (R, H, past, D/H)


class CrossNetwork:
    """Decoder of an encoder-decoder model, whose layers attend to the encoder's output.

    Args:
        decoder: transformers' network.
        start_token: token that replaces every first token, as upstream does; None: no replacement.
    """

    def __init__(self, decoder: Any, start_token: int | None):
        self.decoder = decoder
        self.start_token = start_token
        self._cache = cache_option(decoder)

    def forward(self, tokens: Tensor, memory: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, U), memory (B, T, D) and its lengths (B,) → hidden vectors (B, U, D)."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return self.decoder(
            input_ids=self._started(tokens, positions),
            attention_mask=attention_bias(subsequent_mask(tokens.shape[1], tokens.device).unsqueeze(0)),
            encoder_hidden_states=memory,
            encoder_attention_mask=_bias(lengths, memory.shape[1]),
            use_cache=False,
        ).last_hidden_state

    def start(self, memory: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Memory (B, T, D) → keys and values of the cross-attention of all layers (layers, B, H, T, D/H)."""
        # One token is run through the network; the exported graph keeps only the projections of the memory.
        package = transformers()
        cache = package.EncoderDecoderCache(package.DynamicCache(), package.DynamicCache())
        visible = memory.new_zeros(1, 1, 1, 1)
        token = torch.zeros(memory.shape[0], 1, dtype=torch.long, device=memory.device)
        everything = {"encoder_hidden_states": memory, "encoder_attention_mask": visible, self._cache: cache}
        self.decoder(input_ids=token, attention_mask=visible, use_cache=True, **everything)
        return _stacked(cache.cross_attention_cache)

    def step(self, tokens: Tensor, past: tuple[Past, Past], memory: tuple[Past, Past], lengths: Tensor) -> Any:
        """Tokens (R,), memory of each layer (R, H, T, D/H), its lengths (R,) → hidden (R, D), next keys and values."""
        known = past[0][0].shape[2]
        position = torch.full((1,), known, device=tokens.device)
        own = _filled(*past)
        frames = memory[0][0].shape[2]
        hidden = self.decoder(
            input_ids=self._started(tokens.unsqueeze(1), position),
            attention_mask=memory[0][0].new_zeros(1, 1, 1, known + 1),
            encoder_hidden_states=memory[0][0].new_zeros(tokens.shape[0], 1, self.decoder.config.hidden_size),
            encoder_attention_mask=_bias(lengths, frames),
            use_cache=True,
            **{self._cache: transformers().EncoderDecoderCache(own, _filled(*memory))},
        ).last_hidden_state
        return hidden.squeeze(1), [layer.keys for layer in own.layers], [layer.values for layer in own.layers]

    def _started(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Tokens (B, U) at positions (U,), with `start_token` at position 0."""
        return tokens if self.start_token is None else torch.where(positions == 0, self.start_token, tokens)


class CausalNetwork:
    """Language model prompted with a text, the encoder's output in place of embedded tokens, and another text.

    The first token is replaced by the last vector of the prompt, which predicts the first word.

    Args:
        decoder: transformers' network.
        embeddings: its embeddings of tokens.
        prefix, postfix: vectors (1, U, D) of the texts.
    """

    def __init__(self, decoder: Any, embeddings: Any, prefix: Tensor, postfix: Tensor):
        self.decoder, self.embeddings = decoder, embeddings
        self.prefix, self.postfix = prefix, postfix
        self._cache = cache_option(decoder)

    def forward(self, tokens: Tensor, memory: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, U), memory (B, T, D) and its lengths (B,) → hidden vectors (B, U, D)."""
        prompt, lengths, last = self._prompt(memory, lengths)
        size, device = prompt.shape[1], tokens.device
        new = torch.arange(tokens.shape[1], device=device).expand(tokens.shape[0], -1)
        real = torch.cat([make_non_pad_mask(lengths, size), new >= 0], dim=1)
        mask = real.unsqueeze(1) & subsequent_mask(size + tokens.shape[1], device)
        before = torch.arange(size, device=device).expand(tokens.shape[0], -1)
        hidden = self.decoder(
            inputs_embeds=torch.cat([prompt, last.unsqueeze(1), self.embeddings(tokens[:, 1:])], dim=1),
            attention_mask=attention_bias(mask),
            position_ids=torch.cat([before, lengths.unsqueeze(1) + new], dim=1),
            use_cache=False,
        ).last_hidden_state
        return hidden[:, size:]

    def start(self, memory: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Memory (B, T, D) and lengths (B,) → keys and values (layers, B, H, P, D/H) of prompts without their last
        vectors, lengths (B,) of these, and the last vectors (B, D)."""
        prompt, lengths, last = self._prompt(memory, lengths)
        size, device = prompt.shape[1], memory.device
        mask = make_non_pad_mask(lengths, size).unsqueeze(1) & subsequent_mask(size, device)
        cache = transformers().DynamicCache()
        self.decoder(
            inputs_embeds=prompt,
            attention_mask=attention_bias(mask),
            position_ids=torch.arange(size, device=device).unsqueeze(0),
            use_cache=True,
            **{self._cache: cache},
        )
        return *_stacked(cache), lengths, last

    def step(
        self, tokens: Tensor, past: tuple[Past, Past], memory: tuple[Past, Past], lengths: Tensor, last: Tensor
    ) -> Any:
        """Tokens (R,), prompts of each layer (R, H, P, D/H), the other results of `start` → hidden (R, D), next keys
        and values."""
        size, known = memory[0][0].shape[2], past[0][0].shape[2]
        cache = _filled(*(map(_joined, kind, after) for kind, after in zip(memory, past, strict=True)))
        visible = torch.zeros(tokens.shape[0], 1, 1, known + 1, device=tokens.device)
        position = torch.full((1,), known, device=tokens.device)
        vectors = torch.where(position == 0, last, self.embeddings(tokens))
        hidden = self.decoder(
            inputs_embeds=vectors.unsqueeze(1),
            attention_mask=torch.cat([_bias(lengths, size), visible], dim=3),
            position_ids=lengths.unsqueeze(1) + known,
            use_cache=True,
            **{self._cache: cache},
        ).last_hidden_state
        keys, values = ([getattr(layer, kind)[:, :, size:] for layer in cache.layers] for kind in ("keys", "values"))
        return hidden.squeeze(1), keys, values

    def _prompt(self, memory: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Memory (B, T, D) and lengths (B,) → prompts (B, P, D), padded behind their ends; how many vectors come
        before the last one of each (B,); and that one (B, D)."""
        parts = self.prefix.expand(memory.shape[0], -1, -1), memory, self.postfix.expand(memory.shape[0], -1, -1)
        everything = torch.cat(parts, dim=1)
        # The postfix of each utterance lies behind the padding of the frames.
        own, padding = lengths.unsqueeze(1) + self.prefix.shape[1], memory.shape[1] - lengths.unsqueeze(1)
        place = torch.arange(everything.shape[1], device=memory.device)
        source = torch.where(place < own, place, place + padding).clamp(max=everything.shape[1] - 1)
        prompt = _picked(everything, source)
        before = lengths + self.prefix.shape[1] + self.postfix.shape[1] - 1
        return prompt, before, _picked(prompt, before.unsqueeze(1)).squeeze(1)


def cache_option(decoder: Any) -> str:
    """Name of the network's argument for cached keys and values, which changed in transformers 5.24."""
    return "cache" if "cache" in inspect.signature(decoder.forward).parameters else "past_key_values"


def _picked(vectors: Tensor, places: Tensor) -> Tensor:
    """Select vectors (B, T, D) at positions (B, U) → (B, U, D)."""
    return vectors.gather(1, places.unsqueeze(2).expand(-1, -1, vectors.shape[2]))


def _bias(lengths: Tensor, size: int) -> Tensor:
    """Lengths (B,) → bias (B, 1, 1, T) that hides padding."""
    return attention_bias(make_non_pad_mask(lengths, size).unsqueeze(1))


def _joined(before: Tensor, after: Tensor) -> Tensor:
    return torch.cat([before, after], dim=2)


def _filled(keys: Any, values: Any) -> Any:
    """transformers' cache with these keys and values (R, H, U, D/H) of each layer."""
    cache = transformers().DynamicCache()
    for key, value in zip(keys, values, strict=True):
        layer = transformers().cache_utils.DynamicLayer()
        layer.lazy_initialization(key, value)
        layer.keys, layer.values = key, value
        cache.layers.append(layer)
    return cache


def _stacked(cache: Any) -> tuple[Tensor, Tensor]:
    return torch.stack([layer.keys for layer in cache.layers]), torch.stack([layer.values for layer in cache.layers])
