"""Beam searches over the modules of a stand-alone transducer, with upstream's interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet.nets.beam_search_transducer import BeamSearchTransducer as Search
from espnet.nets.beam_search_transducer import BeamSearchTransducerOnline
from espnet.nets.tensors import as_array
from espnet2.asr.transducer.beam_search_transducer import hypotheses, options_of, search_over


@dataclass
class Hypothesis:
    """Label sequence that starts with the blank, its log-probability, and states (None in searches without states).

    `frames` are those of its labels, if known.
    """

    score: float
    yseq: list[int]
    dec_state: Any = None
    lm_state: Any = None
    frames: Sequence[tuple[int, int]] = ()


@dataclass
class ExtendedHypothesis(Hypothesis):
    """A hypothesis with the decoder's output and the language model's scores."""

    dec_out: Tensor | None = None
    lm_score: Tensor | None = None


class BeamSearchTransducer:
    """Search over a stand-alone transducer.

    Args:
        decoder: prediction network.
        joint_network: joint network.
        beam_size: hypotheses kept, at most V.
        lm: language model.
        lm_weight: its weight.
        search_type: `default`, `tsd`, `alsd` or `maes`.
        nbest: hypotheses returned.
        streaming: encoder output arrives in pieces.
        others: see `TransducerOptions`.

    Raises:
        AssertionError: An option has an invalid value.
    """

    def __init__(
        self,
        decoder: torch.nn.Module,
        joint_network: torch.nn.Module,
        beam_size: int,
        lm: Any = None,
        lm_weight: float = 0.1,
        search_type: str = "default",
        max_sym_exp: int = 3,
        u_max: int = 50,
        nstep: int = 2,
        expansion_gamma: float = 2.3,
        expansion_beta: int = 2,
        score_norm: bool = False,
        nbest: int = 1,
        streaming: bool = False,
    ) -> None:
        vocab_size: Any = decoder.vocab_size
        if beam_size > vocab_size:
            raise AssertionError(f"beam_size: expected at most {vocab_size}, the number of labels, found {beam_size}")
        if search_type == "tsd" and max_sym_exp < 2:
            raise AssertionError(f"max_sym_exp: expected at least 2, found {max_sym_exp}")
        options = options_of({**locals(), "standalone": True})
        self.beam_size, self.nbest, self.score_norm, self.streaming = beam_size, nbest, score_norm, streaming
        kind = BeamSearchTransducerOnline if streaming else Search
        self.search = search_over(decoder, joint_network, beam_size, lm, lm_weight, options, kind)

    def reset_cache(self) -> None:
        """Start another stream."""
        if isinstance(self.search, BeamSearchTransducerOnline):
            self.search.reset()

    def __call__(self, enc_out: Tensor, is_final: bool = True) -> list[Hypothesis]:
        """Decode encoder output (T, D), in a stream all of it so far, to the n-best hypotheses, best first."""
        found = [Hypothesis(h.score, h.yseq) for h in hypotheses(self.search(as_array(enc_out)))]
        if is_final:
            self.reset_cache()
        return found

    def sort_nbest(self, hyps: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Return the `nbest` best hypotheses, by score, or by score per label."""
        return sorted(hyps, key=self._rank, reverse=True)[: self.nbest]

    def recombine_hyps(self, hyps: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Merge hypotheses with equal label sequences, and add up their probabilities."""
        together: dict[tuple[int, ...], Hypothesis] = {}
        for hypothesis in hyps:
            same = together.setdefault(tuple(hypothesis.yseq), hypothesis)
            if same is not hypothesis:
                same.score = float(np.logaddexp(same.score, hypothesis.score))
        return list(together.values())

    def _rank(self, hypothesis: Hypothesis) -> float:
        return hypothesis.score / len(hypothesis.yseq) if self.score_norm else hypothesis.score
