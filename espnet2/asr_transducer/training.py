"""Training of stand-alone transducers: the transducer loss, and two auxiliary losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.transducer.loss import transducer_loss
from espnet2.asr.training import LossOptions, Stats, TrainableRecogniser
from espnet2.asr.transducer.error_calculator import transducer_search
from espnet2.interface.errors import TrainingError


@dataclass(frozen=True)
class TransducerLossOptions(LossOptions):
    """Options of the training loss, named as in `model_conf`.

    Attributes:
        transducer_weight: weight of the transducer's loss.
        fastemit_lambda: see `transducer_loss`.
        auxiliary_ctc_weight: weight of the CTC loss on the encoder's output.
        auxiliary_ctc_dropout_rate: dropout before CTC.
        auxiliary_lm_loss_weight: weight of the cross-entropy of the next label, predicted by the decoder alone.
        auxiliary_lm_loss_smoothing: label smoothing there.
        validation_nstep: expansions per frame of the search that gives error rates.
        use_k2_pruned_loss: upstream's pruned loss, which is not supported.
    """

    transducer_weight: float = 1.0
    fastemit_lambda: float = 0.0
    auxiliary_ctc_weight: float = 0.0
    auxiliary_ctc_dropout_rate: float = 0.0
    auxiliary_lm_loss_weight: float = 0.0
    auxiliary_lm_loss_smoothing: float = 0.05
    validation_nstep: int = 2
    use_k2_pruned_loss: bool = False


class TrainableTransducer(TrainableRecogniser):
    """Training methods of stand-alone transducers; the submodules are those of `ESPnetASRTransducerModel`."""

    ctc_lin: Any
    lm_lin: Any
    loss_options: TransducerLossOptions

    def losses(
        self,
        output: Tensor,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        text: tuple[Tensor, Tensor],
        fields: Mapping[str, Tensor],
    ) -> tuple[Tensor, Stats]:
        """See the base class; intermediate outputs and other fields of the batch are not used."""
        options = self.loss_options
        if options.use_k2_pruned_loss:
            raise TrainingError(
                "use_k2_pruned_loss: expected False in training, which has the exact loss only, found True"
            )
        labels = text[0].masked_fill(text[0] == options.ignore_id, 0)
        predicted = self.decoder(torch.nn.functional.pad(labels, (1, 0)))
        scores = self.joint_network(output.unsqueeze(2), predicted.unsqueeze(1))
        loss = transducer_loss(scores, labels, lengths, text[1], fastemit_lambda=options.fastemit_lambda).mean()
        stats: Stats = {"loss_transducer": loss}
        loss = options.transducer_weight * loss
        if options.auxiliary_ctc_weight > 0:
            stats["loss_aux_ctc"] = self.auxiliary_ctc(output, lengths, labels, text[1])
            loss = loss + options.auxiliary_ctc_weight * stats["loss_aux_ctc"]
        if options.auxiliary_lm_loss_weight > 0:
            stats["loss_aux_lm"] = self.auxiliary_lm(predicted, labels)
            loss = loss + options.auxiliary_lm_loss_weight * stats["loss_aux_lm"]
        if self.reports():
            hypotheses = transducer_search(self, output, lengths, search_type="maes", nstep=options.validation_nstep)
            rates = self.error_calculator().rates(hypotheses, labels.tolist())
            stats["cer_transducer"], stats["wer_transducer"] = rates
        return loss, stats

    def auxiliary_ctc(self, output: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
        """Compute the CTC loss of encoder output (B, T, D)."""
        rate = self.loss_options.auxiliary_ctc_dropout_rate
        scores = self.ctc_lin(torch.nn.functional.dropout(output, rate, self.training))
        log_probs = scores.float().log_softmax(dim=-1).transpose(0, 1)
        losses = torch.nn.functional.ctc_loss(
            log_probs, labels, lengths, label_lengths, reduction="none", zero_infinity=True
        )
        return losses.mean()

    def auxiliary_lm(self, predicted: Tensor, labels: Tensor) -> Tensor:
        """Compute the divergence of the predicted next labels from smoothed targets, per utterance.

        As in upstream, the target probabilities of a label add up to more than 1, by the amount of smoothing.

        Args:
            predicted: (B, U + 1, D) decoder output.
            labels: (B, U) int64, padded by the blank.
        """
        smoothing = self.loss_options.auxiliary_lm_loss_smoothing
        log_probs = self.lm_lin(predicted[:, :-1]).float().log_softmax(dim=-1)
        rest = smoothing / (self.vocab_size - 1)
        wanted = torch.full_like(log_probs, rest).scatter(-1, labels.unsqueeze(-1), 1.0 - smoothing + rest)
        divergence = (torch.special.xlogy(wanted, wanted) - wanted * log_probs).sum(dim=-1)
        return divergence.masked_fill(labels == 0, 0.0).sum() / len(labels)
