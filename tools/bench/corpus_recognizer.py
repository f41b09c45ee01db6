"""A recogniser of a list of utterances that answers requests of `corpus.py`, of upstream or of this project.

    PYTHON corpus_recognizer.py {upstream,fp32,int8} FILES [SETTINGS]     as JSON: the model's files; threads, batch

A request names the utterances (.npz), the numbers of those to recognise, and the recogniser's options. The answer has
the seconds of all, their texts as tokens by number, and the peak of the memory.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from contender import Answer, forget_peak, peak_mb, serve, timed
from recognizer import upstream

Recognize = Callable[[list[np.ndarray]], list[Any]]


def one_by_one(files: Mapping[str, str], threads: int, options: Mapping[str, Any]) -> Recognize:
    """Upstream's Speech2Text on PyTorch."""
    recognizer = upstream(files, threads, options)["search"]
    return lambda speeches: [recognizer(speech) for speech in speeches]


def together(
    files: Mapping[str, str], settings: Mapping[str, Any], options: Mapping[str, Any], quantized: bool
) -> Recognize:
    """This project's runtime on an exported bundle."""
    from espnet2.runtime import Speech2Text

    made = {"num_threads": settings["threads"], "batch_size": settings["batch_size"], "quantized": quantized}
    recognizer = Speech2Text(files["bundle"], **made, **options)
    if settings.get("gatherings"):
        recognizer.gatherings = settings["gatherings"]
    return recognizer.batch


class Recognizer:
    """Answers requests; the model is loaded by the first one."""

    def __init__(self, kind: str, files: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        self._kind, self._files, self._settings = kind, files, settings
        self._recognize: Recognize | None = None

    def __call__(
        self, utterances: str, numbers: Sequence[int], options: Mapping[str, Any], threads: int = 1, batch_size: int = 1
    ) -> Answer:
        known = np.load(utterances)
        speeches = [known[str(number)] for number in numbers]
        if self._recognize is None:
            if self._kind == "upstream":
                self._recognize = one_by_one(self._files, threads, options)
            else:
                self._recognize = together(self._files, self._settings, options, self._kind == "int8")
            self._recognize([speech[: len(speech) // 4] for speech in speeches[:2]])
        forget_peak()
        seconds, found = timed({"recognize": self._recognize}, speeches)
        texts = {str(number): list(map(int, nbest[0][2])) for number, nbest in zip(numbers, found, strict=True)}
        return {"seconds": {"whole": seconds["whole"]}, "texts": texts, "peak_mb": peak_mb()}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    kind, files, *settings = sys.argv[1:]
    serve(Recognizer(kind, json.loads(files), json.loads(settings[0]) if settings else {}))
