"""Beam searches over a transducer, of whole utterances and of streams; `transducer_searches` holds them one by one.

Shapes: T frames, J size of the joint space, D of the decoder's output, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from espnet.nets.beam_search import Hypothesis
from espnet.nets.merged_graph import MergedGraph
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import answers_in_kind
from espnet.nets.transducer_options import TransducerOptions
from espnet.nets.transducer_prefixes import Prefixes
from espnet.nets.transducer_searches import BLANK, SEARCHES
from espnet.nets.transducer_utterance import TransducerUtterance
from espnet2.interface.graph import Graph

WHOLE = ("alsd",)  # searches that need the whole utterance


class BeamSearchTransducer:
    """All searches over one model; it holds nothing of an utterance, so that threads may share it.

    Args:
        decoder: see `Prefixes`.
        joint_start: projects encoder_out (1, T, ·) to joint_frames (1, T, J).
        joint_step: joint_frame (1, H, J) and decoder_out (1, H, D) to log-probabilities (1, H, V).
        beam_size: hypotheses kept; 1 makes the search greedy.
        vocab_size: V.
        sos: what a language model's sentence starts with.
        lm: language model, or a mixture of scorers.
        lm_weight: its weight.
        options: of the search.

    Raises:
        ValueError: an unknown `search_type`, or an option that does not fit it.
    """

    def __init__(
        self,
        decoder: Graph,
        joint_start: Graph,
        joint_step: Graph,
        beam_size: int,
        vocab_size: int,
        sos: int,
        lm: BatchScorerInterface | None = None,
        lm_weight: float = 0.0,
        options: TransducerOptions | None = None,
    ) -> None:
        self.options = options or TransducerOptions()
        name = self.options.search_type
        if name not in SEARCHES:
            raise ValueError(f"search_type: expected one of {', '.join(SEARCHES)}, found {name!r}")
        self.search = SEARCHES["greedy" if beam_size == 1 and name != "mbg" and not self.options.standalone else name]
        self.joint_start: Graph = joint_start
        self.joint_step: Graph = MergedGraph(joint_step)
        self.beam_size = min(beam_size, vocab_size)
        self.expansions = min(beam_size, vocab_size - 1)
        self.lm, self.lm_weight = lm if lm_weight else None, lm_weight
        blanks = self.options.multi_blank_indices
        if len(blanks) != len(self.options.multi_blank_durations) or (name == "mbg" and not blanks):
            raise ValueError("multi_blank_indices: expected a label for each of multi_blank_durations, found others")
        if any(blank >= vocab_size for blank in blanks):
            raise ValueError(f"multi_blank_indices: expected tokens below {vocab_size}, found {max(blanks)}")
        if len(blanks) > 1 and name != "mbg":
            raise ValueError(f"search_type: expected mbg, since the model has several blanks, found {name!r}")
        self.durations: Mapping[int, int] = dict(zip(blanks, self.options.multi_blank_durations, strict=True))
        self.blank = blanks[-1] if name == "mbg" else BLANK
        # Upstream's other searches let a language model's sentence start with the blank.
        lm_start = sos if name == "default" or self.options.standalone else self.blank
        self.new_prefixes: Callable[[], Prefixes] = functools.partial(
            Prefixes, MergedGraph(decoder), self.blank, self.lm, lm_start
        )

    @property
    def is_greedy(self) -> bool:
        """Whether the search takes the best symbol, without a beam."""
        return self.search in (SEARCHES["greedy"], SEARCHES["mbg"])

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """Hypotheses for the encoder output x (T, ·), best first; their sequences start with the blank.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        utterance = TransducerUtterance(self)
        utterance.advance(x)
        return utterance.nbest()


class BeamSearchTransducerOnline(BeamSearchTransducer):
    """`BeamSearchTransducer` for a stream whose encoder output comes in pieces.

    However the frames are cut, the hypotheses are those for all of them at once. It keeps the beam, with the states
    of its hypotheses and of their last few prefixes.

    Raises:
        ValueError: a search that needs the whole utterance, too.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        if self.search in (SEARCHES[name] for name in WHOLE):
            others = ", ".join(name for name in SEARCHES if name not in WHOLE)
            raise ValueError(
                f"search_type: expected one that works on a stream ({others}), found {self.options.search_type!r}"
            )
        self.reset()

    @answers_in_kind
    def __call__(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """Hypotheses for all frames so far, T new ones x (T, ·) included, best first; T may be 0."""
        if len(x):
            self._utterance.advance(x)
        return self._utterance.nbest()

    def reset(self) -> None:
        """Begin another stream."""
        self._utterance = TransducerUtterance(self)
