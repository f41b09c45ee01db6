"""Translation of speech by an encoder and a decoder, with CTC and decoders of the source language beside them.

H. Inaguma et al., "ESPnet-ST: All-in-one speech translation toolkit", 2020; S. Dalmia et al., "Searchable hidden
intermediates for end-to-end models of decomposable sequence tasks", 2021; B. Yan et al., "CTC alignments improve
autoregressive translation", 2023.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_rates
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.decoder.multi_source_decoder import TransformerMDDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder, last_output
from espnet2.asr.espnet_model import token_id
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.speech_model import SpeechModel
from espnet2.asr.training import LossOptions, Stats, statistics
from espnet2.interface import spec
from espnet2.interface.errors import TrainingError
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.st.components import between, further, recognising
from espnet2.st.head import Head, SpeechAttending, TranslationHead, hidden_vectors, started


class ESPnetSTModel(SpeechModel):
    """Translator of speech, with CTC and decoders of the source language beside it.

    The loss is `1 - asr_weight - mt_weight` of translation, `asr_weight` of recognition and `mt_weight` of translation
    of texts, which `extra_mt_encoder` encodes and the decoder of speech translates. A multi-decoder model
    (`md_encoder`) recognises with `extra_asr_decoder`, and its decoder reads what `md_encoder` makes of the recognising
    decoder's hidden vectors.

    Args:
        vocab_size, token_list: tokens of translations.
        frontend, specaug, normalize, preencoder, encoder, postencoder: as of `ESPnetASRModel`.
        hier_encoder: further encoder between CTC of the source language and the decoder, or None.
        md_encoder: encoder of a recognising decoder's hidden vectors, or None.
        extra_mt_encoder: encoder of texts of the source language, which reads token ids, or None.
        extra_mt_decoder: not used, as in upstream; its weights are part of the model with `mt_weight`.
        decoder: decoder of translations.
        extra_asr_decoder: decoder of the source language, or None.
        ctc: CTC of the source language.
        st_ctc: CTC of translations, or None.
        st_joint_network: of a transducer, or None.
        src_vocab_size, src_token_list: tokens of the source language.
        asr_weight, mt_weight: shares of the losses.
        mtlalpha, st_mtlalpha: share of CTC in the loss of recognition, and in that of translation.
        ignore_id, tgt_ignore_id: padding of texts of the source language, and of translations.
        report_cer, report_wer: error rates of recognition in evaluation.
        report_bleu: BLEU of translations in evaluation.
        sym_space, sym_blank, tgt_sym_space, tgt_sym_blank: space and blank of the source language and of translations.
        ctc_sample_rate: refused, unless 0.
        tgt_sym_sos, tgt_sym_eos: start and end symbol; one that is not in `token_list` stands for its last token.
        others: as of `ESPnetASRModel`.

    Raises:
        ValueError: a submodule is missing that a weight needs, or weights that are no shares.
    """

    md_encoder: Any

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        preencoder: AbsPreEncoder | None,
        encoder: AbsEncoder,
        hier_encoder: AbsEncoder | None,
        md_encoder: AbsEncoder | None,
        extra_mt_encoder: AbsEncoder | None,
        postencoder: AbsPostEncoder | None,
        decoder: AbsDecoder,
        extra_asr_decoder: AbsDecoder | None,
        extra_mt_decoder: AbsDecoder | None,
        ctc: CTC | None,
        st_ctc: CTC | None,
        st_joint_network: nn.Module | None,
        src_vocab_size: int | None,
        src_token_list: list[str] | tuple[str, ...] | None,
        asr_weight: float = 0.0,
        mt_weight: float = 0.0,
        mtlalpha: float = 0.0,
        st_mtlalpha: float = 0.0,
        ignore_id: int = -1,
        tgt_ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        report_bleu: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        tgt_sym_space: str = "<space>",
        tgt_sym_blank: str = "<blank>",
        extract_feats_in_collect_stats: bool = True,
        ctc_sample_rate: float = 0.0,
        tgt_sym_sos: str = "<sos/eos>",
        tgt_sym_eos: str = "<sos/eos>",
        lang_token_id: int = -1,
    ):
        super().__init__()
        require_rates(asr_weight=asr_weight, mt_weight=mt_weight, mtlalpha=mtlalpha, st_mtlalpha=st_mtlalpha)
        if ctc_sample_rate:
            raise ValueError(f"ctc_sample_rate: expected 0, as nothing here uses it, found {ctc_sample_rate}")
        self.vocab_size, self.src_vocab_size = vocab_size, src_vocab_size
        self.token_list, self.src_token_list = list(token_list), list(src_token_list or [])
        self.blank_id = 0
        self.sos, self.eos = token_id(self.token_list, tgt_sym_sos), token_id(self.token_list, tgt_sym_eos)
        self.src_sos = self.src_eos = None if src_vocab_size is None else src_vocab_size - 1
        self.asr_weight, self.mt_weight = asr_weight, mt_weight
        self.mtlalpha, self.st_mtlalpha = mtlalpha, st_mtlalpha
        self.frontend, self.specaug, self.normalize = frontend, specaug, normalize
        self.preencoder, self.postencoder = preencoder, postencoder
        self.hier_encoder = hier_encoder
        self.encoder = encoder
        self.st_use_transducer_decoder = st_joint_network is not None
        self.decoder = decoder
        self.md_encoder = md_encoder
        self.st_joint_network = st_joint_network
        self.st_ctc = st_ctc if st_mtlalpha > 0.0 else None
        self.ctc = ctc if asr_weight > 0.0 and mtlalpha > 0.0 else None
        self.extra_asr_decoder = extra_asr_decoder if asr_weight > 0.0 and mtlalpha < 1.0 else None
        self.extra_mt_encoder = extra_mt_encoder if mt_weight > 0.0 else None
        self.extra_mt_decoder = extra_mt_decoder if mt_weight > 0.0 else None
        self.use_multidecoder = md_encoder is not None
        self._require_parts()
        self.use_speech_attn = isinstance(decoder, TransformerMDDecoder) and decoder.use_speech_attn
        self.loss_options = LossOptions(
            ctc_weight=st_mtlalpha,
            ignore_id=tgt_ignore_id,
            report_cer=report_bleu,
            report_wer=False,
            sym_space=tgt_sym_space,
            sym_blank=tgt_sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
            lang_token_id=lang_token_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
        )
        self.source_losses = LossOptions(
            ctc_weight=mtlalpha,
            ignore_id=ignore_id,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
        )

    def _require_parts(self) -> None:
        """Raise `ValueError` for a part that a weight, or another part, needs and that is missing."""
        needs = {
            "src_token_list": (self.asr_weight > 0.0 or self.md_encoder is not None, self.src_token_list),
            "extra_asr_decoder": (self.asr_weight > 0.0 and self.mtlalpha < 1.0, self.extra_asr_decoder),
            "extra_mt_encoder": (self.mt_weight > 0.0, self.extra_mt_encoder),
            "a decoder that reads one source, token by token,": (self.mt_weight > 0.0, self._reads_texts()),
            "extra_asr_decoder, asr_weight above 0 and mtlalpha below 1": (
                self.md_encoder is not None,
                self.extra_asr_decoder,
            ),
        }
        for name, (needed, found) in needs.items():
            if needed and not found:
                raise ValueError(f"expected {name} in a model of these weights and parts, found none")

    @property
    def joint_network(self) -> Any:
        """A transducer's, or None."""
        return self.st_joint_network

    def _reads_texts(self) -> bool:
        """Whether the decoder may read an encoded text in place of speech."""
        return self.joint_network is None and not getattr(self.decoder, "use_speech_attn", False)

    def _behind(self) -> list[Any]:
        """Parts that the encoder output goes through for translation, and not for recognition."""
        return [part for part in (self.hier_encoder, self.postencoder) if part is not None]

    def _chain(self) -> list[Any]:
        """Parts that inputs go through up to the decoder, or up to a recognising one."""
        parts = self.frontend, self.preencoder, self.encoder, *([] if self.use_multidecoder else self._behind())
        return [part for part in parts if part is not None]

    def encode(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode samples (B, N) of lengths (B,) for translation: (B, T, D), and lengths (B,)."""
        return self.encode_further(*self._recognised(speech, speech_lengths))

    def encode_speech(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode samples (B, N) of lengths (B,) as the decoder, or a recognising one, reads them: (B, T, D), (B,)."""
        encode = self._recognised if self.use_multidecoder else self.encode
        return encode(speech, speech_lengths)

    def _recognised(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode samples (B, N) of lengths (B,) for recognition: (B, T, D), and lengths (B,)."""
        encoded, lengths = self.encode_before_postencoder(speech, speech_lengths)
        return last_output(encoded), lengths

    def encode_further(self, encoder_out: Tensor, encoder_out_lens: Tensor) -> tuple[Tensor, Tensor]:
        """Encode what recognition reads, (B, T, D) with lengths (B,), for translation: the same."""
        for part in self._behind():
            encoder_out, encoder_out_lens, *_ = part(last_output(encoder_out), encoder_out_lens)
        return last_output(encoder_out), encoder_out_lens

    def encode_recognised(
        self, encoder_out: Tensor, encoder_out_lens: Tensor, tokens: Tensor, token_lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode what a multi-decoder model recognised.

        Args:
            encoder_out: (B, T, D) of speech.
            encoder_out_lens: (B,) int64.
            tokens: (B, U) int64, recognised tokens behind the start symbol.
            token_lengths: (B,) int64.

        Returns:
            (B, U', D) and lengths (B,).
        """
        hidden = hidden_vectors(self.extra_asr_decoder, (encoder_out, encoder_out_lens), tokens, token_lengths)
        encoded, lengths, _ = self.md_encoder(hidden, token_lengths)
        return last_output(encoded), lengths

    def parts(self) -> tuple[tuple[nn.Module, spec.Component], ...]:
        """Return the parts of the model: those of a recogniser, and in multi-decoder models those that recognise."""
        heads: Sequence[Any] = [one for one in (self.st_ctc, self.decoder, self.joint_network) if one is not None]
        found: list[tuple[nn.Module, spec.Component]] = [(self, self._encoder_component())]
        found += [(head, component) for head in heads for component in head.components()]
        if self.md_encoder is not None:
            first = [one for one in (self.ctc, self.extra_asr_decoder) if one is not None]
            found += [(head, recognising(component)) for head in first for component in head.components()]
            found.append((self, between(found[0][1], self.md_encoder, self.src_vocab_size or 0)))
            behind = self._behind() if self.use_speech_attn else []
            found += [(self, further(found[0][1], behind))] if behind else []
        return tuple(found)

    def unfit_for_streams(self) -> str | None:
        """Return the reason why the model needs whole utterances; None if it can stream."""
        for part in (self.hier_encoder, self.postencoder, self.md_encoder):
            if part is not None:
                return f"{type(part).__name__} behind it, which needs whole utterances"
        return super().unfit_for_streams()

    def forward(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        src_text: Tensor | None = None,
        src_text_lengths: Tensor | None = None,
        **kwargs: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, C) features without a front end.
            speech_lengths: (B,) int64.
            text: (B, U) int64, padded by -1: translations.
            text_lengths: (B,) int64.
            src_text: (B, S) int64, padded by -1: texts of the source language, where a loss needs them.
            src_text_lengths: (B,) int64.
            kwargs: not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.

        Raises:
            TrainingError: a loss needs texts of the source language, and there are none.
        """
        encoded, lengths = self._recognised(speech, speech_lengths)
        source = None
        if src_text is not None and src_text_lengths is not None:
            source = self._source().texts(src_text, src_text_lengths), src_text_lengths
        if source is None and (self.asr_weight or self.mt_weight or self.use_multidecoder):
            raise TrainingError("src_text: expected texts of the source language in the data, found none")
        stats = Stats()
        loss_asr = self._loss_of_recognition((encoded, lengths), source, stats) if self.asr_weight else 0.0
        loss_mt = self._loss_of_texts(source, (text, text_lengths), stats) if self.mt_weight else 0.0
        loss_st = self._loss_of_translation((encoded, lengths), source, (text, text_lengths), stats)
        share = 1.0 - self.asr_weight - self.mt_weight
        loss = share * loss_st + self.asr_weight * loss_asr + self.mt_weight * loss_mt
        stats |= {"loss": loss, "loss_asr": loss_asr, "loss_mt": loss_mt, "loss_st": loss_st}
        return loss, statistics(stats, loss), torch.tensor(len(text), device=loss.device)

    def _source(self) -> Head:
        """Output layers of the source language."""
        ends = self.src_sos or 0, self.src_eos or 0
        return Head(self.training, self.src_token_list, ends, self.source_losses, self.extra_asr_decoder, self.ctc)

    def _loss_of_recognition(self, speech: tuple[Tensor, Tensor], source: Any, stats: Stats) -> Tensor:
        """The loss of CTC and decoder of the source language, whose statistics are added to `stats`."""
        loss, found = self._source().of(*speech, *source)
        names = {"acc": "acc_asr", "cer": "cer", "wer": "wer", "cer_ctc": "cer_ctc"}
        stats |= {name: found.get(key) for key, name in names.items()}
        return loss

    def _loss_of_texts(self, source: Any, target: tuple[Tensor, Tensor], stats: Stats) -> Tensor:
        """The loss of the decoder where it reads the encoded text of the source language, in place of speech."""
        tokens, lengths = source
        tokens = tokens.masked_fill(tokens == self.source_losses.ignore_id, self.src_eos)
        encoder: Any = self.extra_mt_encoder
        encoded, encoded_lengths, _ = encoder(tokens, lengths)
        options = dataclasses.replace(self.loss_options, ctc_weight=0.0, report_cer=False)
        head = TranslationHead(self.training, self.token_list, (self.sos, self.eos), options, self.decoder)
        loss, found = head.of(last_output(encoded), encoded_lengths, head.texts(*target), target[1])
        stats |= {"acc_mt": found["acc"]}
        return self.mt_weight * loss  # once more, as in upstream

    def _loss_of_translation(
        self, speech: tuple[Tensor, Tensor], source: Any, target: tuple[Tensor, Tensor], stats: Stats
    ) -> Tensor:
        """The loss of CTC and decoder of translations, whose statistics are added to `stats`."""
        memory, decoder = self.encode_further(*speech), self.decoder
        heads = TranslationHead(
            self.training,
            self.token_list,
            (self.sos, self.eos),
            self.loss_options,
            decoder,
            self.st_ctc,
            self.joint_network,
        )
        text = heads.texts(*target), target[1]
        if self.md_encoder is None:
            loss, found = heads.of(*memory, *text)
        else:
            loss, found = self._of_recognised(heads, (speech, memory), source, text)
        names = {"acc": "acc", "bleu": "bleu", "cer_ctc": "bleu_ctc"}
        stats |= {name: found.get(key) for key, name in names.items()}
        losses = {"loss_st_ctc": "loss_ctc", "loss_st_trans": "loss_transducer", "loss_st_att": "loss_att"}
        stats |= {name: found.get(key, 0.0) for name, key in losses.items()}
        return loss

    def _of_recognised(
        self, heads: TranslationHead, speech: Sequence[Any], source: Any, text: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Stats]:
        """Losses of a multi-decoder model, which is trained on the right text of the source language.

        `speech` is what recognition reads of it, and what translation does.
        """
        (recognised, recognised_lengths), (output, lengths) = speech
        tokens = started(source[0], self.src_sos or 0, self.src_eos or 0, self.source_losses.ignore_id)
        memory = self.encode_recognised(recognised, recognised_lengths, tokens, source[1] + 1)
        if self.use_speech_attn:
            heads.decoder = SpeechAttending(self.decoder, output, lengths)
        return heads.mixed(output, [], lengths, text, {}, lambda head, _, __, *of: head.head_loss(*memory, *of))

    def collect_feats(
        self, speech: Tensor, speech_lengths: Tensor, text: Tensor, text_lengths: Tensor, **kwargs: Tensor
    ) -> dict[str, Tensor]:
        """Compute the features before normalisation, and their lengths, for statistics of the training data."""
        if self.frontend is not None and self.loss_options.extract_feats_in_collect_stats:
            speech, speech_lengths = self.frontend(speech, speech_lengths)
        return {"feats": speech, "feats_lengths": speech_lengths}
