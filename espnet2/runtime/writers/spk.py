"""Results of speaker models: embeddings as a file of arrays, or as lines, and scores of trials."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.runtime.loop import print_line
from espnet2.runtime.spk import cosine
from espnet2.runtime.trials import Trial, equal_error_rate
from espnet2.runtime.writers.arrays import ArrayFile
from espnet2.utils.atomic import write_text

EMBEDDINGS, SCORES = "embeddings.npz", "scores"

_log = logging.getLogger(__name__)


class Scores:
    """Cosines of trials, of embeddings that `add` gave."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.trials = trials
        self._wanted = {name for trial in trials for name in (trial.first, trial.second)}
        self._embeddings: dict[str, np.ndarray] = {}

    def add(self, name: str, embedding: np.ndarray) -> None:
        """Keep the embedding of a recording that is part of a trial."""
        if name in self._wanted:
            self._embeddings[name] = embedding

    def lines(self) -> list[str]:
        """`NAME NAME SCORE` of each trial, as the list wrote the names; trials without embeddings are left out.

        The equal error rate is logged, where the list has labels.
        """
        known = [trial for trial in self.trials if {trial.first, trial.second} <= self._embeddings.keys()]
        scores = [cosine(self._embeddings[trial.first], self._embeddings[trial.second]) for trial in known]
        if len(known) < len(self.trials):
            _log.warning(
                "scored %d of %d trials: the others' recordings have no embedding", len(known), len(self.trials)
            )
        rate = equal_error_rate(known, scores)
        if rate is not None:
            _log.info("equal error rate of %d trials: %.2f %%", len(known), rate)
        return [f"{trial.shown} {score:.6f}" for trial, score in zip(known, scores, strict=True)]


class EmbeddingFiles:
    """`embeddings.npz`, an array (D,) for each recording under its name, and with trials `scores`, a line for each."""

    def __init__(self, directory: Path, trials: Sequence[Trial] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.scores = Scores(trials)
        self.outdated: set[Path] = set()
        self._embeddings = ArrayFile(directory / EMBEDDINGS)

    def __enter__(self) -> EmbeddingFiles:
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        earlier = self._embeddings.path.exists()
        if not self._embeddings.finish(kind is None):
            return
        if self.scores.trials:
            write_text(self.directory / SCORES, "".join(f"{line}\n" for line in self.scores.lines()))
        elif earlier:
            self.outdated.add(self.directory / SCORES)

    def __call__(self, name: str, result: np.ndarray | None) -> None:
        """Write the embedding (D,) of a recording; raises `FileNameError` for a name that leads elsewhere."""
        if result is None:
            return
        self._embeddings.add(name, result)
        self.scores.add(name, result)


class EmbeddingLines:
    """A line of numbers on stdout for each recording; with trials, a line for each of them instead.

    The line is empty where there is no embedding, so that lines and recordings correspond.
    """

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.scores = Scores(trials)

    def __call__(self, name: str, result: np.ndarray | None) -> None:
        """Print the embedding (D,) of a recording."""
        if self.scores.trials:
            if result is not None:
                self.scores.add(name, result)
        else:
            print_line("" if result is None else " ".join(f"{value:.6g}" for value in result))

    def finish(self) -> None:
        """Print the scores of trials, after the last recording."""
        if self.scores.trials:
            for line in self.scores.lines():
                print_line(line)
