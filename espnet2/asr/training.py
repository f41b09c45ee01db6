"""Training of recognisers: losses of CTC, decoders and transducers, and training statistics.

The forward pass is that of recognition; this module only adds the losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.transducer.loss import transducer_loss
from espnet.nets.pytorch_backend.transformer.add_sos_eos import add_sos_eos
from espnet.nets.pytorch_backend.transformer.label_smoothing_loss import LabelSmoothingLoss
from espnet2.asr.decoder.linear_decoder import BEFORE, LinearDecoder
from espnet2.asr.transducer.error_calculator import transducer_search
from espnet2.interface.errors import TrainingError
from espnet2.train.error_calculator import ErrorCalculator

PADDING = -1  # padding of texts in batches, whatever a model's `ignore_id` is

Stats = dict[str, Any]  # tensors and numbers; None if not computed in this mode
Head = Callable[[Any, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Stats]]


@dataclass(frozen=True)
class LossOptions:
    """Options of the training loss, named as in `model_conf`.

    Attributes:
        ctc_weight: weight of CTC in the loss; the decoder has the rest; a transducer's loss always has weight 1.
        interctc_weight: share of intermediate CTC in the CTC loss.
        aux_ctc: layer, as text → name of the batch's field with the target text of its CTC.
        ignore_id: padding of texts.
        lsm_weight: label smoothing.
        length_normalized_loss: the decoder's loss is per token, rather than per utterance.
        report_cer, report_wer: error rates, in evaluation mode.
        sym_space, sym_blank: space and blank for error rates.
        extract_feats_in_collect_stats: collect statistics of features rather than of samples.
        lang_token_id: token after the start symbol in attention decoders; -1 for none.
        transducer_multi_blank_sigma: subtracted from all log-probabilities of multi-blank transducers.
    """

    ctc_weight: float = 0.5
    interctc_weight: float = 0.0
    aux_ctc: Mapping[Any, str] | None = None
    ignore_id: int = -1
    lsm_weight: float = 0.0
    length_normalized_loss: bool = False
    report_cer: bool = True
    report_wer: bool = True
    sym_space: str = "<space>"
    sym_blank: str = "<blank>"
    extract_feats_in_collect_stats: bool = True
    lang_token_id: int = -1
    transducer_multi_blank_sigma: float = 0.05


class TrainableRecogniser:
    """Training methods of recognisers; the submodules are those of `ESPnetASRModel`."""

    vocab_size: int
    token_list: list[str]
    sos: int
    eos: int
    training: bool
    frontend: Any
    ctc: Any
    decoder: Any
    joint_network: Any
    blanks: Mapping[int, int]
    encode: Callable[[Tensor, Tensor], tuple[Any, Tensor]]
    loss_options: LossOptions

    def forward(
        self, speech: Tensor, speech_lengths: Tensor, text: Tensor, text_lengths: Tensor, **kwargs: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, C) features without a front end.
            speech_lengths: (B,) int64.
            text: (B, U) int64, padded by -1.
            text_lengths: (B,) int64.
            kwargs: fields of the batch that `aux_ctc` names, with their lengths; others are not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.

        Raises:
            TrainingError: an option needs an output of the encoder or a field of the batch that is missing.
        """
        encoded, lengths = self.encode(speech, speech_lengths)
        return self.outcome(encoded, lengths, text, text_lengths, kwargs)

    def outcome(
        self, encoded: Any, lengths: Tensor, text: Tensor, text_lengths: Tensor, fields: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Compute what `forward` returns from the encoder output, as `encode` gives it, and its lengths (B,)."""
        text = self.texts(text, text_lengths)
        output, between = encoded if isinstance(encoded, tuple) else (encoded, [])
        loss, stats = self.losses(output, between, lengths, (text, text_lengths), fields)
        return loss, statistics({**stats, "loss": loss}, loss), torch.tensor(len(text), device=loss.device)

    def texts(self, text: Tensor, text_lengths: Tensor) -> Tensor:
        """Cut texts (B, U) of a batch to the longest, and pad them by `ignore_id`."""
        text = text[:, : int(text_lengths.max())]
        return text.masked_fill(text == PADDING, self.loss_options.ignore_id)

    def losses(
        self,
        output: Tensor,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        text: tuple[Tensor, Tensor],
        fields: Mapping[str, Tensor],
    ) -> tuple[Tensor, Stats]:
        """Compute loss and statistics from the encoder's `output` (B, T, D), those of layers `between`, and lengths."""
        return self.mixed(output, between, lengths, text, fields, type(self).head_loss)

    def mixed(
        self,
        output: Tensor,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        text: tuple[Tensor, Tensor],
        fields: Mapping[str, Tensor],
        head: Head,
    ) -> tuple[Tensor, Stats]:
        """Compute `losses`, of which `head` computes those of the output head other than CTC."""
        options, stats = self.loss_options, Stats()
        if self.ctc is not None:
            loss_ctc, stats["cer_ctc"] = self.ctc_loss(output, lengths, *text)
            stats["loss_ctc"] = loss_ctc
        if options.interctc_weight:
            inner, inner_stats = self.intermediate_loss(between, lengths, text, fields)
            stats.update(inner_stats)
            loss_ctc = (1 - options.interctc_weight) * loss_ctc + options.interctc_weight * inner
        if options.ctc_weight == 1.0 and self.joint_network is None:
            return loss_ctc, stats
        loss, head_stats = head(self, output, lengths, *text)
        stats.update(head_stats)
        if self.joint_network is not None:
            loss = loss if self.ctc is None else loss + options.ctc_weight * loss_ctc
        elif self.ctc is not None:
            loss = options.ctc_weight * loss_ctc + (1 - options.ctc_weight) * loss
        return loss, stats

    def ctc_loss(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Any]:
        """Compute the CTC loss of one layer's output (B, T, D), and the character error rate in hybrid models."""
        loss = self.ctc(output, lengths, text, text_lengths).sum()
        if not self.reports() or self.joint_network is not None:
            return loss, None
        best = [row[:length] for row, length in zip(self.ctc.argmax(output).tolist(), lengths.tolist(), strict=True)]
        return loss, self.error_calculator()(best, text.tolist(), is_ctc=True)[0]

    def intermediate_loss(
        self,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        text: tuple[Tensor, Tensor],
        fields: Mapping[str, Tensor],
    ) -> tuple[Tensor, Stats]:
        """Compute the mean of intermediate CTC losses (Lee and Watanabe 2021), and statistics of each."""
        auxiliary = {str(layer): name for layer, name in (self.loss_options.aux_ctc or {}).items()}
        if not between or self.ctc is None:
            missing = "an encoder without interctc_layer_idx" if self.ctc is not None else "a model without CTC"
            raise TrainingError(f"interctc_weight: expected 0 in {missing}, found {self.loss_options.interctc_weight}")
        unknown = sorted(auxiliary.keys() - {str(layer) for layer, _ in between})
        if unknown:
            raise TrainingError(f"aux_ctc: expected layers of interctc_layer_idx, found {unknown[0]}")
        losses, stats = [], Stats()
        for layer, output in between:
            targets = text
            if str(layer) in auxiliary:
                name = auxiliary[str(layer)]
                if name not in fields:
                    raise TrainingError(
                        f"aux_ctc: expected {name!r} in the data, found {', '.join(fields) or 'nothing'}"
                    )
                targets = self.texts(fields[name], fields[f"{name}_lengths"]), fields[f"{name}_lengths"]
            loss, rate = self.ctc_loss(output, lengths, *targets)
            losses.append(loss)
            stats |= {f"loss_interctc_layer{layer}": loss, f"cer_interctc_layer{layer}": rate}
        return torch.stack(losses).mean(), stats

    def head_loss(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Stats]:
        """Compute loss and statistics of the output head other than CTC."""
        if self.joint_network is not None:
            return transducer_head(self, output, lengths, text, text_lengths)
        head = classifier_head if isinstance(self.decoder, LinearDecoder) else attention_head
        return head(self, output, lengths, text, text_lengths)

    def reports(self) -> bool:
        """Whether error rates are computed now."""
        return not self.training and (self.loss_options.report_cer or self.loss_options.report_wer)

    def rates(self, best: Sequence[Sequence[int]], texts: Sequence[Sequence[int]]) -> Stats:
        """Compute error rates of a decoder's best token at each position."""
        return dict(zip(("cer", "wer"), self.error_calculator()(best, texts), strict=True))

    def error_calculator(self) -> ErrorCalculator:
        """Calculator of error rates."""
        options = self.loss_options
        symbols = options.sym_space, options.sym_blank
        return ErrorCalculator(self.token_list, *symbols, options.report_cer, options.report_wer, options.ignore_id)

    def collect_feats(
        self, speech: Tensor, speech_lengths: Tensor, text: Tensor, text_lengths: Tensor, **kwargs: Tensor
    ) -> dict[str, Tensor]:
        """Compute the features before normalisation, and their lengths, for statistics of the training data."""
        if self.frontend is not None and self.loss_options.extract_feats_in_collect_stats:
            speech, speech_lengths = self.frontend(speech, speech_lengths)
        return {"feats": speech, "feats_lengths": speech_lengths}


def statistics(stats: Stats, like: Tensor) -> dict[str, Tensor]:
    """Convert statistics to scalars on the device of `like`, without those that were not computed."""
    known = {name: value for name, value in stats.items() if value is not None}
    return {name: torch.as_tensor(value, device=like.device).detach() for name, value in known.items()}


def attention_head(
    model: Any, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor
) -> tuple[Tensor, Stats]:
    """Compute the cross-entropy of a decoder with teacher forcing, and its best token at each position."""
    options: LossOptions = model.loss_options
    if options.lang_token_id != -1:
        text = torch.nn.functional.pad(text, (1, 0), value=options.lang_token_id)
        text_lengths = text_lengths + 1
    inputs, targets = add_sos_eos(text, model.sos, model.eos, options.ignore_id)
    return teacher_forcing(model, (output, lengths), (inputs, text_lengths + 1), targets, text)


def teacher_forcing(
    model: Any, memory: tuple[Tensor, Tensor], inputs: tuple[Tensor, Tensor], targets: Tensor, text: Tensor
) -> tuple[Tensor, Stats]:
    """Compute the cross-entropy of a decoder that reads `inputs` with their lengths, and error rates from `text`."""
    options: LossOptions = model.loss_options
    scores, _ = model.decoder(*memory, *inputs)
    smoothed = options.lsm_weight, options.length_normalized_loss
    loss = LabelSmoothingLoss(model.vocab_size, options.ignore_id, *smoothed)(scores, targets)
    stats: Stats = {"loss_att": loss, "acc": accuracy(scores, targets, options.ignore_id)}
    if model.reports():
        before = (text != options.ignore_id).int().argmax(dim=1).tolist()  # tokens that are read, and not written
        best = [row[start:] for row, start in zip(scores.argmax(dim=-1).tolist(), before, strict=True)]
        stats |= model.rates(best, text.tolist())
    return loss, stats


def classifier_head(
    model: Any, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor
) -> tuple[Tensor, Stats]:
    """Compute the cross-entropy of the class named by a text of one token; the unknown token is ignored."""
    if text.shape[1] != 1:
        raise TrainingError(f"text: expected one token, which names a class, found {text.shape[1]}")
    classes = text.squeeze(1) - BEFORE
    scores = model.decoder(output, lengths, None, None)
    loss = torch.nn.functional.cross_entropy(scores, classes, ignore_index=PADDING)
    return loss, {"acc": accuracy(scores, classes, PADDING)}


def transducer_head(
    model: Any, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor
) -> tuple[Tensor, Stats]:
    """Compute the transducer's loss, and error rates with a small beam search."""
    labels = text.masked_fill(text == model.loss_options.ignore_id, model.blank_id)
    predicted = model.decoder(torch.nn.functional.pad(labels, (1, 0), value=model.blank_id))
    scores = model.joint_network(output.unsqueeze(2), predicted.unsqueeze(1))
    sigma = model.loss_options.transducer_multi_blank_sigma if len(model.blanks) > 1 else 0.0
    blanks = {"blank": model.blank_id, "long_blanks": model.blanks, "sigma": sigma}
    loss = transducer_loss(scores, labels, lengths, text_lengths, **blanks).mean()
    stats: Stats = {"loss_transducer": loss}
    if model.reports():
        hypotheses = transducer_search(model, output, lengths, score_norm=False)
        rates = model.error_calculator().rates(hypotheses, labels.tolist())
        stats["cer_transducer"], stats["wer_transducer"] = rates
    return loss, stats


def accuracy(scores: Tensor, targets: Tensor, ignore_id: int) -> Tensor:
    """Share of tokens `targets` (...), except `ignore_id`, with the best score (..., V)."""
    counts = targets != ignore_id
    return ((scores.argmax(dim=-1) == targets) & counts).sum() / counts.sum().clamp(min=1)
