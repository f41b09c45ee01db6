"""Speech to text of many tasks by CTC alone with PyTorch: classes with the names and arguments of upstream's."""

from __future__ import annotations

import argparse
from typing import Any, ClassVar

from espnet2.inference import s2t_inference
from espnet2.inference.s2t_inference import OfCheckpoint
from espnet2.runtime.prompted import NO_HYPOTHESIS
from espnet2.runtime.results import TaggedResult
from espnet2.runtime.s2t_ctc import S2TCTCRecognizer


class Speech2Text(OfCheckpoint, S2TCTCRecognizer):
    """Recognises or translates speech with a trained model, on PyTorch, by a prefix beam search.

    For the arguments see `OfCheckpoint`; others are those of `S2TCTCOptions`.
    """

    task: ClassVar[str] = "s2t_ctc"


class Speech2TextGreedySearch(Speech2Text):
    """As `Speech2Text`, by greedy CTC; results have None in the place of the hypothesis, as upstream's."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "ctc_greedy": True})

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """The result for one recording, see `S2TCTCRecognizer`; the arguments are those of that class."""
        return _without_hypotheses(super().__call__(*arguments, **keywords))


def _without_hypotheses(found: Any) -> Any:
    """Results, in lists and pairs, with None in the place of their hypotheses."""
    if isinstance(found, TaggedResult):
        return found._replace(hypothesis=NO_HYPOTHESIS)
    return type(found)(map(_without_hypotheses, found)) if isinstance(found, list | tuple) else found


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name by a prefix beam search; returns the exit status."""
    return s2t_inference.recognize(args, Speech2Text)
