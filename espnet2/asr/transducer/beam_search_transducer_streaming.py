"""Streaming beam searches over PyTorch transducers, with upstream's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from espnet.nets.beam_search_transducer import WHOLE, BeamSearchTransducerOnline
from espnet.nets.beam_search_transducer import BeamSearchTransducer as Search
from espnet.nets.tensors import as_array
from espnet2.asr.transducer.beam_search_transducer import (
    ExtendedHypothesis,
    Hypothesis,
    hypotheses,
    options_of,
    search_over,
)

__all__ = ["BeamSearchTransducerStreaming", "ExtendedHypothesis", "Hypothesis"]


class BeamSearchTransducerStreaming:
    """Search over a transducer of `espnet2.asr` for a stream whose encoder output arrives in pieces.

    The result does not depend on how the frames are cut; `alsd` searches all frames again for each piece.

    Args:
        penalty, hold_n: must be 0.
        others: those of `BeamSearchTransducer`.

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
        max_sym_exp: int = 2,
        u_max: int = 50,
        nstep: int = 1,
        prefix_alpha: int = 1,
        expansion_gamma: float = 2.3,
        expansion_beta: int = 2,
        score_norm: bool = True,
        score_norm_during: bool = False,
        nbest: int = 1,
        penalty: float = 0.0,
        token_list: Sequence[str] | None = None,
        hold_n: int = 0,
    ) -> None:
        for name, value in {"penalty": penalty, "hold_n": hold_n}.items():
            if value:
                raise AssertionError(f"{name}: expected 0, found {value}")
        options = options_of(locals())
        self.beam_size, self.nbest, self.token_list = beam_size, nbest, token_list
        kind = Search if search_type in WHOLE and beam_size > 1 else BeamSearchTransducerOnline
        self.search = search_over(decoder, joint_network, beam_size, lm, lm_weight, options, kind)
        self.reset()

    def reset(self) -> None:
        """Start another stream."""
        self._frames: list[Tensor] = []
        if isinstance(self.search, BeamSearchTransducerOnline):
            self.search.reset()

    def __call__(
        self, enc_out: Tensor, start_idx: int = 0, is_final: bool = False, incremental_decode: bool = False
    ) -> list[Hypothesis]:
        """The n-best hypotheses for all frames so far, best first.

        Args:
            enc_out: (T, D), the next frames of the encoder output.
            start_idx: frames at the beginning of enc_out that an earlier call has processed.
            is_final: the stream ends with these, and the next call begins another.
            incremental_decode: not used: hypotheses are always those of all frames.
        """
        new = enc_out[start_idx:]
        if not isinstance(self.search, BeamSearchTransducerOnline):
            self._frames.append(new)
            new = torch.cat(self._frames)
        found = hypotheses(self.search(as_array(new)))
        if is_final:
            self.reset()
        return found
