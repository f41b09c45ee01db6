"""Encoder and decoder that translate texts (Vaswani et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from typeguard import typechecked

from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.text_model import TextModel, share_embeddings
from espnet2.asr.training import LossOptions, Stats


class ESPnetMTModel(TextModel):
    """Translator of texts: front end of tokens, encoder and decoder. Only the training loss reads options of losses.

    The start and end symbol of a language is the last of its tokens.

    Args:
        vocab_size: V, of translations.
        token_list: tokens of translations.
        frontend: embedding of source tokens.
        preencoder, encoder, postencoder: encoder with the modules before and after it, which may be None.
        decoder: attention decoder.
        src_vocab_size, src_token_list: the same of source texts.
        ignore_id: padding of texts in batches.
        lsm_weight: label smoothing.
        length_normalized_loss: the loss is per token, rather than per text.
        report_bleu: compute BLEU in evaluation.
        sym_space, sym_blank: space and blank of translations.
        patch_size: tokens of which the front end makes one frame.
        extract_feats_in_collect_stats: collect statistics of embeddings rather than of tokens.
        share_decoder_input_output_embed: the decoder's embedding and its output layer have the same weights.
        share_encoder_decoder_input_embed: front end and decoder have the same embedding.

    Raises:
        ValueError: a submodule is missing, or weights of different shape are to be shared.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        preencoder: AbsPreEncoder | None,
        encoder: AbsEncoder,
        postencoder: AbsPostEncoder | None,
        decoder: AbsDecoder,
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
            ctc_weight=0.0,
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=False,
            report_wer=False,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
        )
        parts = {
            "frontend": frontend,
            "preencoder": preencoder,
            "postencoder": postencoder,
            "encoder": encoder,
            "decoder": decoder,
        }
        super().__init__(vocab_size, token_list, src_vocab_size, src_token_list, parts, losses, patch_size)
        self.report_bleu = report_bleu
        share_embeddings(self, share_decoder_input_output_embed, share_encoder_decoder_input_embed)

    def losses(self, *batch: Any) -> tuple[Tensor, Stats]:
        """Compute loss and statistics; see `TrainableRecogniser.losses`."""
        loss, stats = super().losses(*batch)
        return loss, {name: value for name, value in stats.items() if name != "loss_att"}

    def reports(self) -> bool:
        """Whether BLEU is computed now."""
        return not self.training and self.report_bleu

    def rates(self, best: Sequence[Sequence[int]], texts: Sequence[Sequence[int]]) -> Stats:
        """Compute BLEU of the decoder's best token at each position."""
        return {"bleu": self.error_calculator().bleu(best, texts)}
