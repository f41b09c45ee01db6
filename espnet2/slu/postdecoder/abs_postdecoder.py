"""Base class of encoders of transcripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from espnet2.text.transcript_tokenizer import TranscriptTokenizer


class AbsPostDecoder(torch.nn.Module, ABC):
    """Base class of encoders of transcripts, whose tokens are those of a tokenizer of its own.

    Attributes:
        vocab_size: number of these tokens.
        tokenizer: the tokenizer.
    """

    vocab_size: int
    tokenizer: TranscriptTokenizer

    @abstractmethod
    def output_size(self) -> int:
        """D, size of a vector."""

    @abstractmethod
    def forward(
        self,
        transcript_input_ids: Tensor,
        transcript_attention_mask: Tensor,
        transcript_token_type_ids: Tensor,
        transcript_position_ids: Tensor,
    ) -> Tensor:
        """Tokens (B, U), 1 on those of a transcript and 0 behind it, kinds and positions (B, U), all int64, to
        (B, U, D)."""

    @abstractmethod
    def encode(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, U) int64 of transcripts of these lengths (B,) to vectors (B, U, D)."""

    @abstractmethod
    def convert_examples_to_features(self, data: Sequence[str], max_seq_length: int) -> tuple[Any, ...]:
        """Tokenize transcripts.

        Returns:
            The arguments of `forward` as lists, padded to `max_seq_length`, and the numbers of tokens (B,).
        """
