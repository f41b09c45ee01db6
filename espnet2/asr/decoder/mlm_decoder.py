"""Masked language model over encoder output (Higuchi et al. 2020, "Mask CTC"): a decoder without a causal mask."""

from __future__ import annotations

from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.interface import spec


class MLMDecoder(TransformerDecoder):
    """Transformer decoder without a causal mask, over the vocabulary and a mask symbol behind it.

    It has one graph over all tokens, `mlm`, instead of steps.

    Args:
        vocab_size: V, without the mask symbol, whose index is V.
        others: those of `TransformerDecoder`.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        self_attention_dropout_rate: float = 0.0,
        src_attention_dropout_rate: float = 0.0,
        input_layer: str = "embed",
        use_output_layer: bool = True,
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
    ):
        super().__init__(
            vocab_size + 1,
            encoder_output_size,
            attention_heads,
            linear_units,
            num_blocks,
            dropout_rate,
            positional_dropout_rate,
            self_attention_dropout_rate,
            src_attention_dropout_rate,
            input_layer,
            use_output_layer,
            pos_enc_class,
            normalize_before,
            concat_after,
        )

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Context of the layers for tokens x (B, U, D) of lengths (B,): a bias that hides padding only."""
        return attention_bias(make_non_pad_mask(lengths, x.shape[1]).unsqueeze(1), x.dtype)

    def scores(self, tokens: Tensor, token_lengths: Tensor, encoder_out: Tensor, encoder_out_lens: Tensor) -> Tensor:
        """Score the tokens at every position of a text.

        Args:
            tokens: (B, U) int64, where V marks a masked position.
            token_lengths: (B,) int64.
            encoder_out: (B, T, D).
            encoder_out_lens: (B,) int64.

        Returns:
            (B, U, V + 1) scores before softmax, which decoding compares between positions.
        """
        return self(encoder_out, encoder_out_lens, tokens, token_lengths)[0]

    def components(self) -> tuple[spec.Component, ...]:
        """`mlm`; empty for a decoder without token input or output layer."""
        if self.input_layer != "embed" or self.output_layer is None:
            return ()
        component = spec.Component(
            name="mlm",
            method="scores",
            inputs=(
                spec.Tensor("tokens", ("batch", "tokens"), "int64", below=self.vocab_size),
                spec.Tensor("token_lengths", ("batch",), "int64", length_of="tokens"),
                spec.Tensor("encoder_out", ("batch", "frames", self.size)),
                spec.Tensor("encoder_out_lens", ("batch",), "int64", length_of="frames"),
            ),
            outputs=(spec.Tensor("scores", ("batch", "tokens", self.vocab_size)),),
        )
        return (component,)
