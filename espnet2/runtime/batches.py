"""Recognition of many utterances, several of them together.

The encoder takes utterances of similar length as a batch. Their searches run side by side, so that decoder and language
model read their weights once per step for all; where one ends, the next one enters.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from espnet.nets.together import Outcome, outcome_of
from espnet2.interface.errors import GraphError
from espnet2.runtime.long_recording import LongRecognizer, Progress
from espnet2.runtime.loop import UNCOMPUTABLE
from espnet2.runtime.results import Results
from espnet2.runtime.side_by_side import Numbered, side_by_side

# Gives the outcomes of checked utterances by a recogniser, in order.
Each = Callable[["BatchRecognizer", Sequence[np.ndarray]], Iterator[Outcome[Results]]]


class BatchRecognizer(LongRecognizer):
    """Base of recognisers of several utterances, `batch_size` of them at once.

    Attributes:
        gatherings: Among which the searches that run side by side are shared out, see `side_by_side`.
    """

    gatherings = 1

    @abstractmethod
    def search(self, encoder_out: np.ndarray) -> Results:
        """The n-best results for the encoder output of one utterance."""

    def each(
        self,
        speeches: Sequence[np.ndarray],
        progress: Callable[[int], AbstractContextManager[Progress]] = lambda number: nullcontext(_unseen),
    ) -> Iterator[Outcome[Results]]:
        """The results, or the error, of each utterance, speech as `check` gives it, in order.

        Those that are cut are recognised by themselves; `progress` makes what they report to, by their
        number, whose block ends with them.
        """
        whole = [number for number, speech in enumerate(speeches) if not self.long_form.cuts(len(speech))]
        if self.batch_size > 1:  # those that run at last are short, and end nearly at once
            whole.sort(key=lambda number: len(speeches[number]), reverse=True)
        tasks = self._searches([speeches[number] for number in whole])
        running = side_by_side(tasks, self.batch_size, self.gatherings) if self.batch_size > 1 else one_by_one(tasks)
        waiting, known = set(whole), dict[int, Outcome[Results]]()
        for number, speech in enumerate(speeches):
            if number not in waiting:
                with progress(number) as report:
                    known[number] = outcome_of(functools.partial(self.recognize_long, speech, report))
            while number not in known:
                place, outcome = next(running)
                known[whole[place]] = outcome
            yield known.pop(number)

    def _searches(self, speeches: Sequence[np.ndarray]) -> Iterator[Callable[[], Results]]:
        """The search of each utterance, which a batch of the encoder precedes."""
        for group in self.long_form.groups(speeches):
            for encoded in self._encoded(group):
                yield functools.partial(self._search, encoded)

    def _search(self, encoded: Outcome[np.ndarray]) -> Results:
        return self.search(encoded.value())

    def _encoded(self, group: Sequence[np.ndarray]) -> list[Outcome[np.ndarray]]:
        """Encoder outputs of a batch; where it fails, of each utterance alone, or the error."""
        try:
            found = self.forward(group)
            if len(found) != len(group):
                raise GraphError(f"encoder: expected outputs of {len(group)} utterances, found those of {len(found)}")
            return [Outcome(encoder_out) for encoder_out in found]
        except UNCOMPUTABLE as error:
            if len(group) == 1:
                return [Outcome(error=error)]
        return [encoded for speech in group for encoded in self._encoded([speech])]


def by_itself(recognizer: BatchRecognizer, speeches: Sequence[np.ndarray]) -> Iterator[Outcome[Results]]:
    """The outcomes that the recogniser itself finds, see `BatchRecognizer.each`."""
    return recognizer.each(speeches)


def _unseen(steps: float) -> None:
    """No progress is shown."""


def one_by_one(tasks: Iterable[Callable[[], Results]]) -> Iterator[Numbered[Results]]:
    """As `side_by_side`, one after the other."""
    return enumerate(map(outcome_of, tasks))
