"""Encoder of transcripts from a pretrained text model, as BERT (Devlin et al. 2019).

S. Arora et al., "Two-pass low latency end-to-end spoken language understanding", 2022.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.layers.hugging_face import new_network, pretrained_network, read_config, require_type
from espnet2.slu.postdecoder.abs_postdecoder import AbsPostDecoder
from espnet2.text.transcript_tokenizer import TranscriptTokenizer

MODEL_TYPES = ("bert", "electra")  # whose tokenizers have the symbols that upstream puts around a transcript


class HuggingFaceTransformersPostDecoder(AbsPostDecoder):
    """Encoder of a pretrained text model over the tokens of a transcript, and a linear layer.

    Args:
        model_name_or_path: directory, or name in the hub's cache, of a model of one of `MODEL_TYPES` with its
            tokenizer; nothing is downloaded. Weights come from the checkpoint.
        output_size: D.

    Raises:
        ValueError: the model is not there, or is of another type.
        MissingPackageError: transformers is not installed.
    """

    @typechecked
    def __init__(self, model_name_or_path: str, output_size: int = 256):
        super().__init__()
        config = read_config("model_name_or_path", model_name_or_path)
        require_type("model_name_or_path", config, MODEL_TYPES)
        self.model_name_or_path = model_name_or_path
        self.vocab_size = config.vocab_size
        self.model: Any = new_network("AutoModel", config)
        self.out_linear = nn.Linear(config.hidden_size, output_size)

    @functools.cached_property
    def tokenizer(self) -> TranscriptTokenizer:  # type: ignore[override]
        """The model's tokenizer; raises `OptionError` where there is none."""
        return TranscriptTokenizer(self.model_name_or_path)

    def reload_pretrained_parameters(self) -> None:
        """Load the published weights, from which training starts; raises `ValueError` if they are missing."""
        published = pretrained_network("AutoModel", self.model_name_or_path, self.model.config)
        self.model.load_state_dict(published.state_dict())

    def output_size(self) -> int:
        """D."""
        return self.out_linear.out_features

    def forward(
        self,
        transcript_input_ids: Tensor,
        transcript_attention_mask: Tensor,
        transcript_token_type_ids: Tensor,
        transcript_position_ids: Tensor,
    ) -> Tensor:
        """See the base class."""
        mask = transcript_attention_mask.bool()
        return self._encode(transcript_input_ids, mask, transcript_token_type_ids, transcript_position_ids)

    def encode(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the base class."""
        positions = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        return self._encode(tokens, make_non_pad_mask(lengths, tokens.shape[1]), torch.zeros_like(tokens), positions)

    def _encode(self, tokens: Tensor, mask: Tensor, kinds: Tensor, positions: Tensor) -> Tensor:
        """Tokens (B, U), True on those of a transcript, kinds and positions (B, U) to (B, U, D)."""
        bias = attention_bias(mask.unsqueeze(1), self.out_linear.weight.dtype)
        found = self.model(
            input_ids=tokens, attention_mask=bias, token_type_ids=kinds, position_ids=positions
        ).last_hidden_state
        return self.out_linear(found)

    def convert_examples_to_features(self, data: Sequence[str], max_seq_length: int) -> tuple[Any, ...]:
        """See the base class."""
        rows = [self.tokenizer.indices(text, max_seq_length) for text in data]
        missing = [max_seq_length - len(row) for row in rows]
        tokens = [[*row, *[self.tokenizer.padding] * more] for row, more in zip(rows, missing, strict=True)]
        mask = [[1] * len(row) + [0] * more for row, more in zip(rows, missing, strict=True)]
        kinds = [[0] * max_seq_length for _ in rows]
        positions = [list(range(max_seq_length)) for _ in rows]
        return tokens, mask, kinds, positions, [len(row) for row in rows]
