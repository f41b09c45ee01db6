"""Error rates of a transducer during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from espnet.nets.beam_search_transducer import BeamSearchTransducer
from espnet.nets.tensors import as_array
from espnet.nets.transducer_options import TransducerOptions
from espnet2.asr.transducer.beam_search_transducer import search_over
from espnet2.train.error_calculator import ErrorCalculator

BEAM = 2  # hypotheses, as upstream's statistics have it


def transducer_search(model: Any, output: Tensor, lengths: Tensor, **options: Any) -> list[list[int]]:
    """Decode encoder output (B, T, D) of lengths (B,) to the best labels of each utterance.

    Args:
        model: a recogniser with a joint network.
        options: those of `TransducerOptions`, besides the model's own.
    """
    known = TransducerOptions(**{**model.generation(), **options, "nbest": 1})
    search = search_over(model.decoder, model.joint_network, BEAM, None, 0.0, known)
    return _best_labels(search, output.float(), lengths.tolist())


def _best_labels(search: BeamSearchTransducer, output: Tensor, lengths: Sequence[int]) -> list[list[int]]:
    """Decode encoder output (B, T, D) to the best labels of each utterance."""
    frames = (as_array(x[:length]) for x, length in zip(output, lengths, strict=True))
    return [search(x)[0].yseq[1:].tolist() for x in frames]


class ErrorCalculatorTransducer:
    """Character and word error rates of a transducer's modules.

    Args:
        decoder: prediction network.
        joint_network: joint network.
        token_list: the tokens in the order of their indices.
        sym_space: the token for a space.
        sym_blank: the blank token.
        report_cer, report_wer: which of the two to compute.
    """

    options = TransducerOptions(search_type="default", score_norm=False, nbest=1)

    def __init__(
        self,
        decoder: torch.nn.Module,
        joint_network: torch.nn.Module,
        token_list: Sequence[str],
        sym_space: str,
        sym_blank: str,
        report_cer: bool = False,
        report_wer: bool = False,
    ) -> None:
        self.rates = ErrorCalculator(token_list, sym_space, sym_blank, report_cer, report_wer)
        self.report_cer, self.report_wer = report_cer, report_wer
        self.search = search_over(decoder, joint_network, BEAM, None, 0.0, self.options)

    def __call__(
        self, encoder_out: Tensor, target: Tensor, encoder_out_lens: Tensor | None = None
    ) -> tuple[float | None, float | None]:
        """Compute both rates, None for one that is not requested.

        Args:
            encoder_out: (B, T, D).
            target: (B, U), labels padded by the blank.
            encoder_out_lens: (B,), T each by default.
        """
        if not self.report_cer and not self.report_wer:
            return None, None
        lengths = [encoder_out.shape[1]] * len(encoder_out) if encoder_out_lens is None else encoder_out_lens.tolist()
        return self.rates.rates(_best_labels(self.search, encoder_out, lengths), target.tolist())

    def convert_to_char(self, pred: Any, target: Any) -> tuple[list[str], list[str]]:
        """Convert sequences of indices (B, U) to texts, without blanks."""
        return self.rates.texts(pred), self.rates.texts(target)

    def calculate_cer(self, char_pred: Sequence[str], char_target: Sequence[str]) -> float | None:
        """Character error rate: edits per character of the target texts, without spaces."""
        return self.rates.cer(char_pred, char_target)

    def calculate_wer(self, char_pred: Sequence[str], char_target: Sequence[str]) -> float | None:
        """Word error rate: edits per word of the target texts."""
        return self.rates.wer(char_pred, char_target)
