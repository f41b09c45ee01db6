"""A recogniser that is one graph, `recognizer.onnx`: a run for each batch, and texts by joining pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.spec import Component
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.session import session_options

FILE, SMALL_FILE = "recognizer.onnx", "recognizer.int8.onnx"
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
# Reasons why there is no hypothesis, by values of the output `status`.
STATUS = ("recognized", "too short", "not finite numbers", "no hypothesis ended")


class OneGraphResult(NamedTuple):
    """One hypothesis: its text (None where the file has no pieces), token ids, score, and times (U, 2) in seconds, None
    where the search gives none."""

    text: str | None
    token_int: list[int]
    score: float
    times: np.ndarray | None


class OneGraphRecognizer:
    """Runs a graph that holds encoder and search.

    Args:
        path: The graph, or a bundle with one.
        num_threads: Threads of one operator.
        providers: Execution providers of onnxruntime, most wanted first.
        quantized: Run the int8 graph of a bundle.
        options: Inputs of the graph, such as `nbest=3`; others have the file's defaults.

    Attributes:
        sample_rate: Hz.
        options: All of them by name.

    Raises:
        BundleError: The file is no such graph.
        OptionError: An option that the graph does not have.
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        providers: Sequence[str] = PROVIDERS,
        quantized: bool = False,
        **options: Any,
    ) -> None:
        file = Path(path) / (SMALL_FILE if quantized else FILE) if Path(path).is_dir() else Path(path)
        try:
            self.session = onnxruntime.InferenceSession(str(file), session_options(num_threads), list(providers))
            known = self.session.get_modelmeta().custom_metadata_map
            self.component = Component.from_dict(json.loads(known["interface"]))
            defaults, self.sample_rate = json.loads(known["options"]), int(known["sample_rate"])
        except Exception as error:  # onnxruntime's errors have no common base but this
            raise BundleError(f"{file}: expected a recogniser that is one graph, found: {error}"[:400]) from error
        for name in options:
            if name not in defaults:
                raise OptionError(f"{name}: expected some of {', '.join(defaults) or 'no options'}")
        self.options = {**defaults, **options}
        self.pieces: list[str] | None = json.loads(known["tokens"]) if "tokens" in known else None

    def __call__(self, speech: np.ndarray) -> list[OneGraphResult]:
        """The hypotheses for one utterance, best first: samples (N,), floating point in [-1, 1)."""
        return self.batch([speech])[0]

    def batch(self, speeches: Sequence[np.ndarray]) -> list[list[OneGraphResult]]:
        """The hypotheses for each of several utterances; none for one that cannot be recognised."""
        if not speeches:
            return []
        results = self.run(speeches)
        return [self._results(results, row) for row in range(len(speeches))]

    def run(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of the graph for a batch, by name."""
        lengths = np.array([len(speech) for speech in speeches])
        padded = np.zeros((len(speeches), lengths.max(), *speeches[0].shape[1:]), np.float32)
        for row, speech in zip(padded, speeches, strict=True):
            row[: len(speech)] = speech
        feeds = {"speech": padded, "speech_lengths": lengths}
        for tensor in self.component.inputs[2:]:
            feeds[tensor.name] = np.array([self.options[tensor.name]], tensor.dtype)
        names = [tensor.name for tensor in self.component.outputs]
        return dict(zip(names, self.session.run(names, feeds), strict=True))

    def _results(self, results: dict[str, np.ndarray], row: int) -> list[OneGraphResult]:
        found = []
        for place in np.flatnonzero(results["scores"][row] > -np.inf):
            count = results["token_lengths"][row, place]
            ids = results["token_ids"][row, place, :count].tolist()
            times = results["times"][row, place, :count] if "times" in results else None
            found.append(OneGraphResult(self.text(ids), ids, float(results["scores"][row, place]), times))
        return found

    def text(self, ids: Sequence[int]) -> str | None:
        """Text of token ids."""
        if self.pieces is None:
            return None
        return "".join(self.pieces[index] for index in ids).replace(SPACE, " ").strip()
