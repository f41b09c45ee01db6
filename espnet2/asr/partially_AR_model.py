"""Partially autoregressive decoding on PyTorch, with upstream's interface (see
`espnet.nets.beam_search_partially_AR`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from espnet.nets.beam_search import Hypothesis
from espnet.nets.beam_search_partially_AR import PartiallyARInference as Search
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder


class PartiallyARInference(torch.nn.Module):
    """Greedy CTC decoding whose segments of low probability are decoded again by beam search.

    Args:
        ctc: output layer.
        decoder: decoder.
        threshold_probability: CTC tokens of lower probability are decoded again.
        sos, eos: start and end symbol.
        mask_token: index with which hypotheses begin and end.
        token_list: the vocabulary.
        scorers: scorers by name; by default the decoder alone.
        weights: weights by scorer name; by default 1 for the decoder.
        beam_size: hypotheses kept at each step of a segment.
        max_seq_len: longest segment in tokens.
        max_mask_parallel: not used: segments are searched one after the other.
    """

    def __init__(
        self,
        ctc: CTC,
        decoder: AbsDecoder,
        threshold_probability: float,
        sos: int,
        eos: int,
        mask_token: int,
        token_list: Sequence[Any],
        scorers: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
        beam_size: int = 10,
        max_seq_len: int = 5,
        max_mask_parallel: int = -1,
    ) -> None:
        super().__init__()
        self.ctc, self.decoder = ctc, decoder
        self.mask_token = mask_token
        self.search = Search(
            ctc,
            {"decoder": decoder} if scorers is None else scorers,
            {"decoder": 1.0} if weights is None else weights,
            beam_size,
            len(token_list),
            sos,
            eos,
            threshold_probability=threshold_probability,
            max_seq_len=max_seq_len,
        )

    @torch.no_grad()
    def forward(self, enc_out: torch.Tensor, *args: Any, **kwargs: Any) -> list[Hypothesis]:
        """Decode encoder output (T, D) to one hypothesis, between `mask_token`s."""
        (found,) = self.search(enc_out)
        yseq = found.yseq.clone()
        yseq[[0, -1]] = self.mask_token
        return [found._replace(yseq=yseq)]
