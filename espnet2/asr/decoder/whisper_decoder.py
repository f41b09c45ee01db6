"""Whisper's decoder (Radford et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, require_rates
from espnet.nets.pytorch_backend.pretrained import dimensions
from espnet.nets.pytorch_backend.pretrained.whisper import TextDecoder
from espnet2.asr.decoder.base_transformer_decoder import CachedDecoder

TOKENS = "token_embedding.weight"


class OpenAIWhisperDecoder(CachedDecoder):
    """Whisper's decoder over ESPnet's tokens or Whisper's own; tokens after the 448th get the last position.

    If the file `whisper_model`.pt exists in `download_dir`, it gives sizes and initial weights, which training or a
    checkpoint replaces. Nothing is downloaded.

    Args:
        vocab_size: V; if it differs from the published model's, the embedding is new.
        encoder_output_size: D, which must equal the published model's.
        dropout_rate: dropout of the input of the layers.
        whisper_model: name of a published model.
        download_dir: directory of its file; by default that of OpenAI's package.
        load_origin_token_embedding: keep the embedding of the published model's tokens, which come first in the token
            list, and add one for the tokens after them.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        dropout_rate: float = 0.0,
        whisper_model: str = "small",
        download_dir: str | None = None,
        load_origin_token_embedding: bool = False,
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate)
        sizes, weights = dimensions.whisper_model(whisper_model, download_dir)
        if encoder_output_size != sizes.n_text_state:
            raise ValueError(
                f"encoder_output_size: expected {sizes.n_text_state} for Whisper {whisper_model}, "
                f"found {encoder_output_size}"
            )
        if load_origin_token_embedding and vocab_size < sizes.n_vocab:
            raise ValueError(
                f"load_origin_token_embedding: expected a token list of at least the {sizes.n_vocab} tokens "
                f"of Whisper {whisper_model}, found {vocab_size}"
            )
        self.vocab_size, self.size = vocab_size, encoder_output_size
        self.decoders = TextDecoder(sizes, vocab_size, load_origin_token_embedding, dropout_rate)
        if weights is not None:
            self._load(dimensions.weights_of(weights, "decoder."))

    def forward(
        self,
        hs_pad: Tensor,
        hlens: Tensor | None,
        ys_in_pad: Tensor,
        ys_in_lens: Tensor | None,
        return_hs: bool = False,
        return_all_hs: bool = False,
    ) -> tuple[Any, Tensor]:
        """Score known targets: see `CachedDecoder.forward`; lengths of None are those of the tensors."""
        hlens = full_lengths(hs_pad) if hlens is None else hlens
        ys_in_lens = full_lengths(ys_in_pad) if ys_in_lens is None else ys_in_lens
        return super().forward(hs_pad, hlens, ys_in_pad, ys_in_lens, return_hs, return_all_hs)

    def _load(self, weights: dict[str, Tensor]) -> None:
        """Load a published model's weights, as far as its tokens are those of this one."""
        state = self.decoders.state_dict()
        original = weights.pop(TOKENS)
        name = TOKENS if TOKENS in state else TOKENS.replace(".", ".ori_emb.")
        if state[name].shape == original.shape:
            weights[name] = original
        self.decoders.load_state_dict({**state, **weights})

    @property
    def embed(self) -> TextDecoder:
        """The input layer."""
        return self.decoders

    @property
    def after_norm(self) -> nn.Module:
        """Normalisation of the last layer's output."""
        return self.decoders.ln

    @property
    def output_layer(self) -> Callable[[Tensor], Tensor]:
        """Output layer over the vocabulary."""
        return self.decoders.logits
