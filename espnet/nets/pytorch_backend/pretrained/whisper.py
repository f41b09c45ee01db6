"""Whisper (Radford et al. 2022): encoder and decoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.pretrained.dimensions import WhisperDimensions
from espnet.nets.pytorch_backend.pretrained.layer import NamedLayer, PretrainedLayer
from espnet.nets.pytorch_backend.pretrained.names import WHISPER
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.interface.spec import Length


class WhisperAttention(MultiHeadedAttention):
    """Scaled dot-product attention as Whisper names its projections, of which that of keys has no bias."""

    names = ("query", "key", "value", "out")
    key_bias = False


class AudioEncoder(nn.Module):
    """Two convolutions, the second of which halves the frames, positions from a table, layers.

    The table holds 1500 positions, which is 30 s; later input is dropped.
    """

    positional_embedding: Tensor
    length = Length.conv(3, 2, 1)

    def __init__(self, sizes: WhisperDimensions, dropout_rate: float = 0.0):
        super().__init__()
        size = sizes.n_audio_state
        self.dropout = nn.Dropout(dropout_rate)
        self.conv1 = nn.Conv1d(sizes.n_mels, size, 3, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(sizes.n_audio_ctx, size))
        self.blocks = nn.ModuleList(
            PretrainedLayer(size, WhisperAttention(sizes.n_audio_head, size, 0.0), 4 * size, WHISPER, True)
            for _ in range(sizes.n_audio_layer)
        )
        self.ln_post = nn.LayerNorm(size)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F), zero behind each utterance, lengths (B,) → (B, T', D), lengths (B,)."""
        x = gelu(self.conv1(features.transpose(1, 2)))
        x = x.masked_fill(make_pad_mask(lengths, x.shape[-1]).unsqueeze(1), 0.0)
        x = gelu(self.conv2(x)).transpose(1, 2)
        limit = self.positional_embedding.shape[0]
        lengths = self.length(lengths).clamp(min=0, max=limit)
        frames = torch.sym_min(x.shape[1], limit)
        x = self.dropout(x.narrow(1, 0, frames) + self.positional_embedding.narrow(0, 0, frames))
        bias = attention_bias(~make_pad_mask(lengths, frames).unsqueeze(1), x.dtype)
        for block in self.blocks:
            x = block(x, bias)
        return self.ln_post(x), lengths


def sinusoids(length: int, channels: int) -> Tensor:
    """Sines, then cosines, of frequencies from 1 down to 1/10000 (Vaswani et al. 2017): (T, C)."""
    scales = torch.exp(-math.log(10000.0) / max(channels // 2 - 1, 1) * torch.arange(channels // 2))
    angles = torch.outer(torch.arange(length), scales)
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class TextLayer(NamedLayer):
    """A layer of the decoder: among the tokens, to the encoder's output, feed-forward network."""

    def __init__(self, size: int, heads: int):
        super().__init__(size, WhisperAttention(heads, size, 0.0), 4 * size, WHISPER, True)
        self.attach_source(WhisperAttention(heads, size, 0.0), size)

    @property
    def src_attn(self) -> WhisperAttention:
        """Attention to the encoder's output."""
        return self.part(self.names.source)

    def forward(self, x: Tensor, bias: Tensor, memory: Tensor, memory_bias: Tensor | None) -> Tensor:
        """Process known targets x (B, U, D), `bias` (B or 1, 1, U, U), memory (B, T, D) → (B, U, D)."""
        return self.step(x, (), bias, *self.src_attn.project_memory(memory, memory), memory_bias)[0]

    def step(
        self,
        x: Tensor,
        known: Sequence[Tensor],
        bias: Tensor | None,
        memory_key: Tensor,
        memory_value: Tensor,
        memory_bias: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Process the tokens of a text, or the newest token of hypotheses whose others are known.

        Args:
            x: (B, U, D), U tokens of a text, or one of each of U hypotheses.
            known: of hypotheses, keys and values (rows, B, H, D/H) of known tokens; of a text nothing.
            bias: (B or 1, 1, U, U) for a text; for hypotheses (B or 1, 1, U, rows + 1), the last for the token itself.
            memory_key, memory_value: (B, H, T, D/H), the projected encoder output.
            memory_bias: (B, 1, 1, T) or None.

        Returns:
            (B, U, D), and keys and values (U, B, H, D/H) of the tokens.
        """
        names, source = self.names, self.src_attn

        def attend(y: Tensor) -> Tensor:
            nonlocal known
            attended, known = self.part(names.attention).advance(y, known, bias)
            return attended

        def attend_source(y: Tensor) -> Tensor:
            query = source.project_query(y.reshape(memory_key.shape[0], -1, y.shape[-1]))
            return source.attend(query, memory_key, memory_value, memory_bias).reshape(y.shape)

        x = self.residual(x, names.attention_norm, attend)
        x = self.residual(x, names.source_norm, attend_source)
        return self.feed(x), tuple(known)


class ExpandedEmbedding(nn.Module):
    """Embedding of the original tokens, followed by that of added ones."""

    def __init__(self, original: int, added: int, size: int):
        super().__init__()
        self.ori_emb = nn.Embedding(original, size)
        self.add_emb = nn.Embedding(added, size)

    @property
    def weight(self) -> Tensor:
        """(V, D)."""
        return torch.cat((self.ori_emb.weight, self.add_emb.weight))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of any shape → (..., D)."""
        return nn.functional.embedding(tokens, self.weight)


class TextDecoder(nn.Module):
    """Tokens, positions from a table, layers; the output layer is the embedding of tokens.

    The table holds 448 positions; tokens after that get the last one.

    Args:
        sizes: sizes of the published model.
        vocab_size: V.
        expand: keep the published model's tokens and add to them.
    """

    def __init__(self, sizes: WhisperDimensions, vocab_size: int, expand: bool = False, dropout_rate: float = 0.0):
        super().__init__()
        self.dropout = nn.Dropout(dropout_rate)
        size = sizes.n_text_state
        self.token_embedding = (
            ExpandedEmbedding(sizes.n_vocab, vocab_size - sizes.n_vocab, size)
            if expand and vocab_size != sizes.n_vocab
            else nn.Embedding(vocab_size, size)
        )
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(sizes.n_text_ctx, size))
        self.blocks = nn.ModuleList(TextLayer(size, sizes.n_text_head) for _ in range(sizes.n_text_layer))
        self.ln = nn.LayerNorm(size)

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.blocks)

    def active(self) -> Iterator[tuple[int, nn.Module]]:
        """All layers, each with its number."""
        return enumerate(self.blocks)

    def at(self, tokens: Tensor, offset: int) -> Tensor:
        """Embed tokens (B, U) that follow `offset` known ones: → (B, U, D)."""
        positions = torch.arange(tokens.shape[1], device=tokens.device) + offset
        table = self.positional_embedding
        return self.dropout(self.token_embedding(tokens) + table[positions.clamp(max=table.shape[0] - 1)])

    def logits(self, x: Tensor) -> Tensor:
        """x (..., D) → (..., V)."""
        return nn.functional.linear(x, self.token_embedding.weight)
