"""Acceptance of int8 graphs: by their own results, or by what a recogniser makes of the speech that they synthesise."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from espnet2.export.compare import deviation
from espnet2.fileio.audio import resample
from espnet2.inference.trained import Trained
from espnet2.interface.errors import OptionError, VerificationError
from espnet2.interface.graph import Graph
from espnet2.utils.edit_distance import edit_distance

Graphs = Mapping[str, Graph]
Attempt = tuple[Sequence[str], bool]  # components to quantise, and whether their output projections are among them
Recognize = Callable[[np.ndarray], str]

SILENCE = 0.1  # seconds before and after speech, as recordings have
MOST_ERRORS = 0.5  # of fp32's words: a recogniser that makes more says nothing about int8
WORDS = re.compile(r"[\w']+")

_log = logging.getLogger(__name__)


class Limit(Protocol):
    """Largest deviation that is accepted.

    Attributes:
        most_deviation: The number.
        deviation_unit: What it counts, in messages.
    """

    most_deviation: float
    deviation_unit: str


class Judge(Limit, Protocol):
    """Measures int8 graphs against those in fp32."""

    def attempts(self) -> Iterator[Attempt]:
        """Components to quantise, most wanted first; the first that is accepted is taken."""

    def rate(self, int8: Graphs) -> float:
        """Measure the graphs, those that are not quantised among them."""

    def record(self, rate: float) -> dict[str, float]:
        """Figures for `bundle.yaml`."""


class ByResults:
    """Judge by the difference of results, in the terms of the model's family.

    Args:
        trained: The model.
        graphs: Its graphs in fp32.
        signals: Whose results are compared.
        bounded: They are drawn, see `compare.compare_all`.
    """

    def __init__(self, trained: Trained, graphs: Graphs, signals: Mapping[str, Any], bounded: bool) -> None:
        self.trained, self.graphs, self.signals, self.bounded = trained, graphs, signals, bounded
        self.most_deviation = trained.family.most_deviation
        self.deviation_unit = trained.family.deviation_unit

    def attempts(self) -> Iterator[Attempt]:
        """All components with int8 siblings; output projections stay as they are where results need that."""
        names = present(self.trained, self.trained.family.quantized)
        yield names, True
        yield names, False

    def rate(self, int8: Graphs) -> float:
        """Deviation of results."""
        return deviation(self.trained, self.graphs, int8, self.signals, self.bounded)

    def record(self, rate: float) -> dict[str, float]:
        """The rate, by the name of what it counts."""
        return {self.deviation_unit.removesuffix("s").replace(" ", "_") + "_rate": rate}


class ByRecognizer:
    """Judge by the words that a recogniser makes of synthesised texts, beside those of fp32 graphs.

    Args:
        trained: A synthesiser.
        graphs: Its graphs in fp32.
        signals: Texts to synthesise, with their conditions.
        recognize: Returns the text of samples (N,) at the synthesiser's rate.

    Raises:
        OptionError: The recogniser has too many errors in fp32's speech.
    """

    most_deviation = 0.02
    deviation_unit = "more word errors"

    def __init__(self, trained: Trained, graphs: Graphs, signals: Mapping[str, Any], recognize: Recognize) -> None:
        self.trained, self.signals, self.recognize = trained, signals, recognize
        self.expected = self._errors(graphs)
        if self.expected > MOST_ERRORS:
            raise OptionError(
                f"--recognizer: expected at most {MOST_ERRORS:.0%} word errors in the speech of fp32 graphs, "
                f"found {self.expected:.0%}"
            )

    def attempts(self) -> Iterator[Attempt]:
        """All components that may be quantised; without those that only a recogniser judges, where these are worse."""
        family = self.trained.family
        yield present(self.trained, [*family.quantized, *family.judged_by_recognizer]), True
        if others := present(self.trained, family.quantized):
            _log.warning("int8: %s in fp32, since a recogniser has more errors", ", ".join(family.judged_by_recognizer))
            yield others, True

    def rate(self, int8: Graphs) -> float:
        """Word error rate beyond that of fp32, which may be below 0."""
        return self._errors(int8) - self.expected

    def record(self, rate: float) -> dict[str, float]:
        """The word error rates of both."""
        return {"word_error_rate": self.expected + rate, "fp32_word_error_rate": self.expected}

    def _errors(self, graphs: Graphs) -> float:
        """Word error rate of the recogniser, punctuation and case left out."""
        family, section = self.trained.family, self.trained.section
        speak = self.trained.run(family.read_options({}), graphs)
        errors = words = 0
        for signal in self.signals.values():
            text, samples = family.spoken(signal, speak(signal))
            expected, found = (
                WORDS.findall(one.casefold()) for one in (text, self.recognize(_padded(samples, section)))
            )
            errors += edit_distance(expected, found)
            words += len(expected)
        return errors / max(words, 1)


def judge_of(
    trained: Trained, graphs: Graphs, signals: Mapping[str, Any], bounded: bool, recognize: Recognize | None = None
) -> Judge:
    """The judge of int8 graphs: by a recogniser where there is one."""
    if recognize is not None:
        return ByRecognizer(trained, graphs, signals, recognize)
    return ByResults(trained, graphs, signals, bounded)


def require_accepted(rate: float, limit: Limit, recordings: int) -> None:
    """Raise `VerificationError` where results of int8 graphs deviate from those of fp32 more than is accepted."""
    if rate > limit.most_deviation:
        raise VerificationError(
            f"--quantize int8: expected at most {limit.most_deviation:.1%} {limit.deviation_unit} against fp32 on "
            f"{recordings} recordings, found {rate:.1%}; leave --quantize out for this model"
        )


def open_recognizer(bundle: str | Path | None, rate: int) -> Recognize | None:
    """Return the function from samples (N,) at `rate` Hz to their text by the recogniser of a bundle; None without one.

    Raises:
        BundleError: The bundle has no recogniser.
    """
    if bundle is None:
        return None
    from espnet2.runtime import Speech2Text

    recognize: Any = Speech2Text(bundle, num_threads=1)

    def text_of(samples: np.ndarray) -> str:
        results = recognize(resample(samples, rate, recognize.sample_rate, "speech"))
        return (results[0][0] or "") if results else ""

    return text_of


def require_recognizer(trained: Trained, recognizer: Any, quantize: str | None, texts: int) -> None:
    """Raise `OptionError` where int8 graphs need a recogniser, or a recogniser has nothing to judge.

    Args:
        trained: The model.
        recognizer: A bundle, or None.
        quantize: "int8", or None.
        texts: Number of texts to synthesise.
    """
    family = trained.family
    judged = present(trained, family.judged_by_recognizer)
    if recognizer is None:
        if quantize and judged and not present(trained, family.quantized):
            raise OptionError(
                f"--quantize {quantize}: expected --recognizer with it, which judges the speech of an int8 "
                f"{judged[0]}, found none"
            )
        if quantize and judged:
            _log.info("int8: %s in fp32, since there is no --recognizer to judge the speech", ", ".join(judged))
        return
    if not quantize:
        raise OptionError("--recognizer: expected int8 graphs (--quantize int8), which it judges, found none")
    if not judged:
        raise OptionError(f"--recognizer: expected none for {family.subject}, found {recognizer}")
    if not texts:
        raise OptionError("--recognizer: expected texts to synthesise, found none")


def present(trained: Trained, names: Collection[str]) -> list[str]:
    """The names of which the model has components, in the model's order."""
    return [component.name for _, component in trained.parts if component.name in names]


def _padded(samples: np.ndarray, section: Any) -> np.ndarray:
    """Samples with silence around."""
    return np.pad(samples, round(SILENCE * section.sample_rate))
