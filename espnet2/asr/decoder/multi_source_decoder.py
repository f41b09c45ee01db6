"""Transformer decoder with attention to speech beside that to a recognised text (Dalmia et al. 2021)."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer, TwoSourceDecoderLayer
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet2.asr.decoder.base_transformer_decoder import BaseTransformerDecoder

BOTH = (("memory", "frames", "encoder_out"), ("speech", "speech_frames", "speech_out"))


class TransformerMDDecoder(BaseTransformerDecoder):
    """Decoder of a multi-decoder model: layers attend to the encoder output of speech, then to the encoded text.

    Args:
        use_speech_attn: attend to the encoder output of speech, too; without it, this is a `TransformerDecoder`.
        others: as of `TransformerDecoder`.
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
        use_speech_attn: bool = True,
    ):
        require_positive(num_blocks=num_blocks, linear_units=linear_units)
        super().__init__(
            vocab_size,
            encoder_output_size,
            dropout_rate,
            positional_dropout_rate,
            input_layer,
            use_output_layer,
            pos_enc_class,
            normalize_before,
        )
        size = encoder_output_size
        self.use_speech_attn = use_speech_attn
        self.sources = BOTH if use_speech_attn else BOTH[:1]

        def attention() -> MultiHeadedAttention:
            return MultiHeadedAttention(attention_heads, size, src_attention_dropout_rate)

        def build(_: int) -> DecoderLayer:
            further: dict[str, Any] = {"sequential_attn": attention()} if use_speech_attn else {}
            return (TwoSourceDecoderLayer if use_speech_attn else DecoderLayer)(
                size,
                MultiHeadedAttention(attention_heads, size, self_attention_dropout_rate),
                attention(),
                PositionwiseFeedForward(size, linear_units, dropout_rate),
                dropout_rate=dropout_rate,
                normalize_before=normalize_before,
                concat_after=concat_after,
                **further,
            )

        self.decoders = repeat(num_blocks, build)

    def forward(  # type: ignore[override]
        self,
        hs_pad: Tensor,
        hlens: Tensor,
        ys_in_pad: Tensor,
        ys_in_lens: Tensor,
        speech: Tensor | None = None,
        speech_lens: Tensor | None = None,
        return_hs: bool = False,
    ) -> Any:
        """Score known targets.

        Args:
            hs_pad: (B, T, D) encoded text.
            hlens: (B,) int64, its lengths.
            ys_in_pad: (B, U) int64, the start symbol and the targets.
            ys_in_lens: (B,) int64, their lengths.
            speech: (B, S, D) encoder output of speech, with `use_speech_attn`.
            speech_lens: (B,) int64, its lengths.
            return_hs: also return the hidden vectors (B, U, D) before the output layer, as the last of three.

        Returns:
            (B, U, V) scores before softmax, and `ys_in_lens`.
        """
        x = self.embed.at(ys_in_pad, 0)
        given = [hs_pad] if speech is None else [hs_pad, speech]
        lengths = [hlens] if speech_lens is None else [hlens, speech_lens]
        memory, _, _ = self._sorted(self.start(*given), 0)
        biases = self._biases(lengths, memory)
        x = self._normed(self._advance(x, self.context(x, ys_in_lens), (), memory, *biases)[0])
        scores = x if self.output_layer is None else self.output_layer(x)
        return (scores, ys_in_lens, x) if return_hs else (scores, ys_in_lens)

    def start(self, encoder_out: Tensor, *speech_out: Tensor) -> tuple[Tensor, ...]:
        """Project what all layers attend to, once per utterance.

        Args:
            encoder_out: (B, T, D) encoded text.
            speech_out: (B, S, D) encoder output of speech, with `use_speech_attn`.

        Returns:
            keys of each layer for the text, then values of each, and the same for speech: (B, H, T, D/H).
        """
        projected = super().start(encoder_out)
        for speech in speech_out:
            attentions: list[Any] = [layer.sequential_attn for layer in self.layers]
            pairs = [attention.project_memory(speech, speech) for attention in attentions]
            projected = *projected, *(key for key, _ in pairs), *(value for _, value in pairs)
        return projected
