"""Encoder and decoder whose texts begin with a language and a task (OWSM; Peng et al. 2023, after Radford et al. 2022).

A text of training is `<language><task>` and `<notimestamps>`, or times around its utterances. Before it may stand the
text before the recording, which the decoder reads, and is not trained to write.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder, last_output
from espnet2.asr.espnet_model import ESPnetASRModel, token_id
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.training import Stats, statistics, teacher_forcing
from espnet2.interface.spec import Component
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.s2t.intermediate import flat, with_layers


class ESPnetS2TModel(ESPnetASRModel):
    """Recogniser and translator of front end, normalisation, encoder, decoder and CTC, whose texts have prompts.

    `sop` is the index of the symbol before a previous text, and `na` that of the symbol in its place where there is
    none. Other arguments are those of `ESPnetASRModel`.

    Raises:
        ValueError: a submodule is missing that `ctc_weight` or the encoder needs.
    """

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
        postencoder: AbsPostEncoder | None,
        decoder: AbsDecoder | None,
        ctc: CTC,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        sym_sos: str = "<sos>",
        sym_eos: str = "<eos>",
        sym_sop: str = "<sop>",
        sym_na: str = "<na>",
        extract_feats_in_collect_stats: bool = True,
    ):
        super().__init__(
            vocab_size=vocab_size,
            token_list=token_list,
            frontend=frontend,
            specaug=specaug,
            normalize=normalize,
            preencoder=preencoder,
            encoder=encoder,
            postencoder=postencoder,
            decoder=decoder,
            ctc=ctc,
            joint_network=None,
            ctc_weight=ctc_weight,
            interctc_weight=interctc_weight,
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            sym_sos=sym_sos,
            sym_eos=sym_eos,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
        )
        self.sop = token_id(self.token_list, sym_sop)
        self.na = token_id(self.token_list, sym_na)

    def encode_speech(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """`encode` as a graph: (B, T', D), lengths (B,), then, without post-encoder, outputs of intermediate CTC."""
        encoded, lengths = self.encode(speech, speech_lengths)
        return flat(encoded if self.postencoder is None else last_output(encoded), lengths)

    def _encoder_component(self) -> Component:
        """Component of the encoder, which gives outputs of intermediate layers."""
        return with_layers(super()._encoder_component(), self)

    def forward(  # type: ignore[override]
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        text_prev: Tensor,
        text_prev_lengths: Tensor,
        text_ctc: Tensor,
        text_ctc_lengths: Tensor,
        **kwargs: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, C) features without a front end.
            speech_lengths: (B,) int64.
            text: (B, U) int64, padded by -1: language, task, and the text with its times.
            text_lengths: (B,) int64.
            text_prev: (B, P) int64, padded by -1: the text before the recording; `na` among it: there is none.
            text_prev_lengths: (B,) int64.
            text_ctc: (B, C) int64, padded by -1: the text that CTC is trained with; `na` among it: there is none.
            text_ctc_lengths: (B,) int64.
            kwargs: not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.
        """
        encoded, lengths = self.encode(speech, speech_lengths)
        output, between = encoded if isinstance(encoded, tuple) else (encoded, [])
        targets = self.texts(text_ctc, text_ctc_lengths), text_ctc_lengths
        head = functools.partial(
            prompted_head,
            text=self.texts(text, text_lengths),
            previous=self.texts(text_prev, text_prev_lengths),
        )
        loss, stats = self.mixed(output, between, lengths, targets, kwargs, head)
        return loss, statistics({**stats, "loss": loss}, loss), torch.tensor(len(text), device=loss.device)

    def ctc_loss(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Any]:
        """Compute the CTC loss of one layer's output (B, T, D), and the character error rate.

        Both are means over the utterances without `na` in their text, which have no transcript; 0 where there is none.
        """
        known = (text != self.na).all(dim=1)
        if not known.any():
            return output.new_zeros(()), None
        return super().ctc_loss(output[known], lengths[known], text[known], text_lengths[known])


def prompted_head(
    model: Any, output: Tensor, lengths: Tensor, *ctc_text: Tensor, text: Tensor, previous: Tensor
) -> tuple[Tensor, Stats]:
    """Compute the cross-entropy of the decoder behind a previous text, and its best token at each position."""
    ignored = model.loss_options.ignore_id
    read, written = [], []
    for one, before in zip(text, previous, strict=True):
        one, before = one[one != ignored], before[before != ignored]
        prefix = before[:0] if (before == model.na).any() else torch.cat([before.new_tensor([model.sop]), before])
        read.append(torch.cat([prefix, one.new_tensor([model.sos]), one]))
        written.append(torch.cat([torch.full_like(prefix, ignored), one, one.new_tensor([model.eos])]))
    counts = torch.tensor([len(one) for one in read], device=text.device)
    inputs = torch.nn.utils.rnn.pad_sequence(read, batch_first=True, padding_value=model.eos)
    targets = torch.nn.utils.rnn.pad_sequence(written, batch_first=True, padding_value=ignored)
    return teacher_forcing(model, (output, lengths), (inputs, counts), targets, targets)
