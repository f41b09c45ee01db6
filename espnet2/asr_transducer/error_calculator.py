"""Error rates of a stand-alone transducer during training."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from espnet.nets.transducer_options import TransducerOptions
from espnet2.asr.transducer.error_calculator import ErrorCalculatorTransducer


class ErrorCalculator(ErrorCalculatorTransducer):
    """Character and word error rates of a stand-alone transducer, with the search `maes`.

    Args:
        decoder: prediction network.
        joint_network: joint network.
        token_list: the tokens in the order of their indices.
        sym_space: the token for a space.
        sym_blank: the blank token.
        nstep: expansions per frame of the search.
        report_cer, report_wer: which of the two to compute.
    """

    def __init__(
        self,
        decoder: torch.nn.Module,
        joint_network: torch.nn.Module,
        token_list: Sequence[str],
        sym_space: str,
        sym_blank: str,
        nstep: int = 2,
        report_cer: bool = False,
        report_wer: bool = False,
    ) -> None:
        self.options = TransducerOptions(
            search_type="maes", nstep=nstep, max_sym_exp=3, score_norm=False, standalone=True, nbest=1
        )
        super().__init__(decoder, joint_network, token_list, sym_space, sym_blank, report_cer, report_wer)
