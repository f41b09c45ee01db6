"""Recogniser of discrete units of speech (Chang et al. 2023): CTC and attention over embedded units."""

from __future__ import annotations

from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.text_model import TextModel, share_embeddings
from espnet2.asr.training import LossOptions


class ESPnetDiscreteASRModel(TextModel):
    """Recogniser of discrete units: embedding of units, augmentation, encoder, decoder and CTC.

    Args:
        vocab_size, token_list: tokens of texts.
        frontend, preencoder, encoder, postencoder, decoder: as of `ESPnetMTModel`.
        specaug: augmentation of embedded units in training, or None.
        ctc: output layer over the encoder output; dropped if `ctc_weight` is 0.
        ctc_weight: weight of CTC in the loss.
        interctc_weight: share of intermediate CTC in the CTC loss.
        src_vocab_size, src_token_list: units.
        report_cer, report_wer: error rates in evaluation.
        sym_sos, sym_eos: start and end symbol of texts; a symbol that is not in `token_list` stands for its last token.
        others: as of `ESPnetMTModel`.

    Raises:
        ValueError: a submodule is missing, or weights of different shape are to be shared.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        preencoder: AbsPreEncoder | None,
        encoder: AbsEncoder,
        postencoder: AbsPostEncoder | None,
        decoder: AbsDecoder,
        ctc: CTC | None,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        src_vocab_size: int = 0,
        src_token_list: list[str] | tuple[str, ...] = [],  # noqa: B006 - never changed; part of the schema
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_bleu: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        patch_size: int = 1,
        extract_feats_in_collect_stats: bool = True,
        share_decoder_input_output_embed: bool = False,
        share_encoder_decoder_input_embed: bool = False,
    ):
        losses = LossOptions(
            ctc_weight=ctc_weight,
            interctc_weight=interctc_weight,
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=report_bleu,
            report_wer=report_bleu,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
        )
        parts = {
            "frontend": frontend,
            "specaug": specaug,
            "preencoder": preencoder,
            "postencoder": postencoder,
            "encoder": encoder,
            "decoder": decoder,
            "ctc": None if ctc_weight == 0.0 else ctc,
        }
        super().__init__(vocab_size, token_list, src_vocab_size, src_token_list, parts, losses, patch_size)
        share_embeddings(self, share_decoder_input_output_embed, share_encoder_decoder_input_embed)
