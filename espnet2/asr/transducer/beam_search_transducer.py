"""Beam searches of `espnet.nets.beam_search_transducer` over PyTorch modules, with upstream's interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from espnet.nets.beam_search import Hypothesis as Found
from espnet.nets.beam_search_transducer import BeamSearchTransducer as Search
from espnet.nets.pytorch_backend.step_scorer import step_scorer
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.tensors import as_array
from espnet.nets.transducer_options import TransducerOptions

GRAPHS = ("decoder_step", "joint_start", "joint_step")


@dataclass
class Hypothesis:
    """Label sequence that starts with the blank, its log-probability, and states (None in searches without states)."""

    score: float
    yseq: list[int]
    dec_state: Any
    lm_state: Any = None


@dataclass
class ExtendedHypothesis(Hypothesis):
    """A hypothesis with the decoder's outputs and the language model's scores."""

    dec_out: list[Tensor] | None = None
    lm_scores: Tensor | None = None


def search_over(
    decoder: torch.nn.Module,
    joint_network: torch.nn.Module,
    beam_size: int,
    lm: Any,
    lm_weight: float,
    options: TransducerOptions,
    kind: type[Search] = Search,
) -> Search:
    """Make a search of the given type over a decoder, a joint network and a language model (a module or another
    scorer).

    Raises:
        AssertionError: An option has an invalid value (upstream's searches raise the same).
    """
    modules: tuple[Any, ...] = (decoder, joint_network)
    graphs = {part.name: TorchGraph(module, part) for module in modules for part in module.components()}
    vocab_size = modules[0].vocab_size
    if isinstance(lm, torch.nn.Module):
        lm = step_scorer(lm)
    decoder_step, joint_start, joint_step = (graphs[name] for name in GRAPHS)
    try:
        return kind(
            decoder_step, joint_start, joint_step, beam_size, vocab_size, vocab_size - 1, lm, lm_weight, options
        )
    except ValueError as error:
        raise AssertionError(str(error)) from error


def options_of(arguments: Mapping[str, Any]) -> TransducerOptions:
    """Select a search's options from its constructor's arguments.

    Raises:
        AssertionError: An option has an invalid value (upstream's searches raise the same).
    """
    names = {option.name for option in fields(TransducerOptions)}
    try:
        return TransducerOptions(**{name: value for name, value in arguments.items() if name in names})
    except ValueError as error:
        raise AssertionError(str(error)) from error


def hypotheses(found: Sequence[Found]) -> list[Hypothesis]:
    """Convert hypotheses to upstream's classes."""
    return [Hypothesis(float(hypothesis.score), hypothesis.yseq.tolist(), None) for hypothesis in found]


class BeamSearchTransducer:
    """Search over a transducer of `espnet2.asr`.

    Args:
        decoder: prediction network.
        joint_network: joint network.
        beam_size: hypotheses kept; 1 makes the search greedy.
        lm: language model.
        lm_weight: its weight.
        search_type: `default`, `greedy`, `tsd`, `alsd`, `nsc`, `maes` or `mbg`.
        nbest: hypotheses returned.
        token_list: not used.
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
        max_sym_exp: int = 2,
        u_max: int = 50,
        nstep: int = 1,
        prefix_alpha: int = 1,
        expansion_gamma: float = 2.3,
        expansion_beta: int = 2,
        multi_blank_durations: Sequence[int] = (),
        multi_blank_indices: Sequence[int] = (),
        score_norm: bool = True,
        score_norm_during: bool = False,
        nbest: int = 1,
        token_list: Sequence[str] | None = None,
    ) -> None:
        options = options_of(locals())
        self.beam_size, self.nbest, self.token_list = beam_size, nbest, token_list
        self.search = search_over(decoder, joint_network, beam_size, lm, lm_weight, options)

    def __call__(self, enc_out: Tensor) -> list[Hypothesis]:
        """Decode encoder output (T, D) to the n-best hypotheses, best first."""
        return hypotheses(self.search(as_array(enc_out)))
