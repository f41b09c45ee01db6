"""Trials of speaker verification: pairs of recordings, whose embeddings are compared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from espnet2.interface.errors import DataError
from espnet2.utils.eer import tuneThresholdfromScore
from espnet2.utils.text_file import lines_of

BETWEEN = "*"  # of two names in upstream's lists of trials
LABELS = {"1": 1, "0": 0, "target": 1, "nontarget": 0}
FORM = "lines 'NAME NAME', or 'NAME*NAME', with or without a label 0 or 1 behind them"


class Trial(NamedTuple):
    """A pair of recordings; `label`: 1 for the same speaker, 0 for two, None where it is not known.

    `shown` is how the file wrote the pair.
    """

    first: str
    second: str
    label: int | None
    shown: str


def read_trials(path: str | Path, names: Collection[str]) -> list[Trial]:
    """The trials of a file, of recordings that have these names.

    Lines are `NAME NAME`, or `NAME*NAME` as upstream's recipes write them, and may end in a label: 1 or 0, `target` or
    `nontarget`.

    Raises:
        DataError: The file cannot be read, has no trials, or a line is no trial of these recordings.
    """
    trials = []
    for number, line in enumerate(lines_of(path, "trials", DataError), 1):
        if line.strip():
            trial = _trial(line.split(), f"{path}:{number}")
            unknown = [name for name in (trial.first, trial.second) if name not in names]
            if unknown:
                raise DataError(f"{path}:{number}: expected names of the {len(names)} recordings, found {unknown[0]!r}")
            trials.append(trial)
    if not trials:
        raise DataError(f"{path}: expected {FORM}, found no lines")
    return trials


def _trial(words: Sequence[str], place: str) -> Trial:
    joined = BETWEEN in words[0] and (len(words) == 1 or words[1] in LABELS)
    names = words[0].split(BETWEEN) if joined else words[:2]
    labels = words[1:] if joined else words[2:]
    if len(names) != 2 or not all(names) or len(labels) > 1 or any(label not in LABELS for label in labels):
        raise DataError(f"{place}: expected {FORM}, found {' '.join(words)!r}")
    shown = words[0] if joined else " ".join(names)
    return Trial(names[0], names[1], LABELS[labels[0]] if labels else None, shown)


def equal_error_rate(trials: Sequence[Trial], scores: Sequence[float]) -> float | None:
    """Equal error rate in per cent of scored trials; None unless all have labels, of both kinds."""
    labels = [trial.label for trial in trials if trial.label is not None]
    if len(labels) != len(trials) or len(set(labels)) != 2:
        return None
    return tuneThresholdfromScore(scores, labels, [])[1]
