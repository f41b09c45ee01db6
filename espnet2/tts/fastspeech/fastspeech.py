"""FastSpeech (Ren et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from typeguard import typechecked

from espnet2.tts.fastspeech.loss import FastSpeechLoss
from espnet2.tts.regulated_parts import options_of
from espnet2.tts.regulated_tts import RegulatedTTS


class FastSpeech(RegulatedTTS):
    """Text to features, all frames at once, with durations that a teacher, such as Tacotron 2, gives in training.

    Args:
        idim: V, number of tokens, the last of which ends texts.
        odim: F, size of the features.
        adim: D.
        aheads: H.
        elayers, eunits: layers of the encoder, and the size between their feed-forward layers.
        dlayers, dunits: the same of the decoder.
        postnet_layers, postnet_chans, postnet_filts, postnet_dropout_rate, use_batch_norm: see `Postnet`; 0: none.
        positionwise_layer_type, positionwise_conv_kernel_size: "linear", "conv1d" or "conv1d-linear", and its kernel.
        use_scaled_pos_enc: positional encodings of Transformers have a trained factor.
        encoder_normalize_before, decoder_normalize_before: normalise before (True) or after (False) each branch.
        encoder_concat_after, decoder_concat_after: combine attention's input and output by a linear layer.
        reduction_factor: frames that one step of the decoder gives.
        encoder_type, decoder_type: "transformer" or "conformer".
        transformer_*_rate: dropout rates, of Conformers as well.
        conformer_rel_pos_type, conformer_pos_enc_layer_type, conformer_self_attn_layer_type, conformer_activation_type,
            use_macaron_style_in_conformer, use_cnn_in_conformer, conformer_enc_kernel_size,
            conformer_dec_kernel_size: see `espnet.nets.pytorch_backend.conformer.encoder.Encoder`.
        zero_triu: without effect on models of this kind.
        duration_predictor_*: see `DurationPredictor`.
        spks, langs, spk_embed_dim, spk_embed_integration_type: see `ConditionedTTS`.
        use_gst, gst_*: speak in the style of a reference, see `StyleEncoder`.
        init_type: weights that training starts from, a name in `INITIALIZERS`; "pytorch": those of the layers.
        init_enc_alpha, init_dec_alpha: the factors of positional encodings at first.
        use_masking, use_weighted_masking: see `MaskedLoss`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    loss = FastSpeechLoss

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        adim: int = 384,
        aheads: int = 4,
        elayers: int = 6,
        eunits: int = 1536,
        dlayers: int = 6,
        dunits: int = 1536,
        postnet_layers: int = 5,
        postnet_chans: int = 512,
        postnet_filts: int = 5,
        postnet_dropout_rate: float = 0.5,
        positionwise_layer_type: str = "conv1d",
        positionwise_conv_kernel_size: int = 1,
        use_scaled_pos_enc: bool = True,
        use_batch_norm: bool = True,
        encoder_normalize_before: bool = True,
        decoder_normalize_before: bool = True,
        encoder_concat_after: bool = False,
        decoder_concat_after: bool = False,
        duration_predictor_layers: int = 2,
        duration_predictor_chans: int = 384,
        duration_predictor_kernel_size: int = 3,
        duration_predictor_dropout_rate: float = 0.1,
        reduction_factor: int = 1,
        encoder_type: str = "transformer",
        decoder_type: str = "transformer",
        transformer_enc_dropout_rate: float = 0.1,
        transformer_enc_positional_dropout_rate: float = 0.1,
        transformer_enc_attn_dropout_rate: float = 0.1,
        transformer_dec_dropout_rate: float = 0.1,
        transformer_dec_positional_dropout_rate: float = 0.1,
        transformer_dec_attn_dropout_rate: float = 0.1,
        conformer_rel_pos_type: str = "legacy",
        conformer_pos_enc_layer_type: str = "rel_pos",
        conformer_self_attn_layer_type: str = "rel_selfattn",
        conformer_activation_type: str = "swish",
        use_macaron_style_in_conformer: bool = True,
        use_cnn_in_conformer: bool = True,
        conformer_enc_kernel_size: int = 7,
        conformer_dec_kernel_size: int = 31,
        zero_triu: bool = False,
        spks: int | None = None,
        langs: int | None = None,
        spk_embed_dim: int | None = None,
        spk_embed_integration_type: str = "add",
        use_gst: bool = False,
        gst_tokens: int = 10,
        gst_heads: int = 4,
        gst_conv_layers: int = 6,
        gst_conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        gst_conv_kernel_size: int = 3,
        gst_conv_stride: int = 2,
        gst_gru_layers: int = 1,
        gst_gru_units: int = 128,
        init_type: str = "xavier_uniform",
        init_enc_alpha: float = 1.0,
        init_dec_alpha: float = 1.0,
        use_masking: bool = False,
        use_weighted_masking: bool = False,
    ):
        super().__init__()
        self.build(options_of({**locals(), "zero_triu": False}))

    def forward(
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        durations: Tensor,
        durations_lengths: Tensor,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        joint_training: bool = False,
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """The losses of a batch, with given durations.

        Args:
            text, text_lengths: tokens (B, U) int64, without the end symbol, and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,).
            durations, durations_lengths: steps of the decoder for each token and the end symbol, (B, U + 1) int64.
            spembs, sids, lids: (B, E), (B, 1), (B, 1), as `conditions` says.
            joint_training: give features, (B, T, F), in place of the weight of the batch, and losses as numbers.

        Returns:
            The loss, statistics by name, and the weight of the batch.
        """
        return self.teach(
            (text, text_lengths),
            (feats, feats_lengths),
            (durations, durations_lengths),
            [],
            spembs=spembs,
            sids=sids,
            lids=lids,
            joint_training=joint_training,
        )

    def inference(
        self,
        text: Tensor,
        feats: Tensor | None = None,
        durations: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        alpha: float = 1.0,
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Features of one text.

        Args:
            text: (U,) int64 tokens, without the end symbol.
            feats: (T, F) of a reference, for `use_gst`.
            durations: (U + 1,) int64, used with `use_teacher_forcing`.
            spembs, sids, lids: (E,), (1,), (1,), as `conditions` says.
            alpha: factor of predicted durations; above 1 is slower.
            use_teacher_forcing: speak with the given durations.

        Returns:
            `feat_gen` (T, F), and `duration` (U + 1,), steps, or with teacher forcing their predicted logarithms.

        Raises:
            ValueError: a value that is needed is missing, or `alpha` is not positive.
        """
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        return self.speak(text, feats, conditions, durations, {}, alpha, use_teacher_forcing)
