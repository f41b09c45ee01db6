"""A recogniser that is one graph, `recognizer.onnx`: a run for each batch, and texts by joining pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from espnet2.interface.errors import BundleError, GraphError, OptionError, reason_of
from espnet2.interface.foreign_file import require_file
from espnet2.runtime.interfaces import read_interface
from espnet2.runtime.option_fields import is_finite
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.section import is_list_of, is_mapping, require, require_rate
from espnet2.runtime.session import open_session, require_same
from espnet2.runtime.speech import floating_point, padded, require_shape

FILE, SMALL_FILE = "recognizer.onnx", "recognizer.int8.onnx"
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
EXPECTED = "a recogniser that is one graph"
RESULTS = ("token_ids", "token_lengths", "scores")  # outputs of every such graph


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
        require_file(file, EXPECTED, BundleError, "GRAPH_BYTES")
        self.session = open_session(file, num_threads, providers)
        known = self.session.get_modelmeta().custom_metadata_map
        try:
            self.component = read_interface(json.loads(known["interface"]))
            defaults, self.sample_rate = json.loads(known["options"]), int(known["sample_rate"])
            pieces = json.loads(known["tokens"]) if "tokens" in known else None
        except Exception as error:  # whatever a stranger's metadata lead to
            raise BundleError(f"{file}: expected {EXPECTED}, found other metadata: {reason_of(error)}") from error
        try:
            self._require_usable(defaults, pieces)
        except BundleError as error:
            raise BundleError(f"{file}: {error}") from error
        require_same(file, "inputs", self.component.feeds, self.session.get_inputs())
        require_same(file, "outputs", self.component.results, self.session.get_outputs())
        for name, value in options.items():
            if name not in defaults:
                raise OptionError(f"{name}: expected some of {', '.join(defaults) or 'no options'}, found another name")
            if not isinstance(value, bool) and not is_finite(value):
                raise OptionError(f"{name}: expected a finite number, or True or False, found {value!r}")
        self.options = {**defaults, **options}
        self.pieces: list[str] | None = pieces

    def _require_usable(self, defaults: Any, pieces: Any) -> None:
        """Raise `BundleError` for metadata that are not those of a recogniser."""
        require_rate(self.sample_rate)
        names = [tensor.name for tensor in self.component.inputs[2:]]
        known = is_mapping(defaults) and sorted(defaults) == sorted(names)
        require(known, "options", f"values of {', '.join(names) or 'no options'}", defaults)
        numbers = all(isinstance(value, bool) or is_finite(value) for value in defaults.values())
        require(numbers, "options", "finite numbers", defaults)
        require(pieces is None or is_list_of(pieces, str), "tokens", "a list of strings", pieces)
        outputs = [tensor.name for tensor in self.component.outputs]
        found = len(self.component.inputs) > 1 and not self.component.states and set(RESULTS) <= set(outputs)
        require(found, "interface", f"speech, lengths, and outputs {', '.join(RESULTS)}", outputs)

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
        feeds: dict[str, Any] = padded([self._checked(speech) for speech in speeches], self.component)
        for tensor in self.component.inputs[2:]:
            feeds[tensor.name] = self._option(tensor.name, tensor.dtype)
        names = [tensor.name for tensor in self.component.outputs]
        try:
            return dict(zip(names, self.session.run(names, feeds), strict=True))
        except Exception as error:  # onnxruntime's errors have no common base but this
            raise GraphError(f"{FILE}: expected what the graph can compute, found: {reason_of(error)}") from error

    def _checked(self, speech: Any) -> np.ndarray:
        """Speech of the right shape; the graph has a status for what else may be wrong with it."""
        array = floating_point(speech, "speech")
        require_shape(array, self.component.inputs[0].axes[1:], "speech")
        return array

    def _option(self, name: str, dtype: str) -> np.ndarray:
        try:
            return np.array([self.options[name]], dtype)
        except (ValueError, OverflowError) as error:
            raise OptionError(f"{name}: expected a number of {dtype}, found {self.options[name]!r}") from error

    def _results(self, results: dict[str, np.ndarray], row: int) -> list[OneGraphResult]:
        found = []
        for place in np.flatnonzero(results["scores"][row] > -np.inf):
            count = results["token_lengths"][row, place]
            ids = results["token_ids"][row, place, :count].tolist()
            times = results["times"][row, place, :count] if "times" in results else None
            found.append(OneGraphResult(self.text(ids), ids, float(results["scores"][row, place]), times))
        return found

    def text(self, ids: Sequence[int]) -> str | None:
        """Text of token ids; raises `BundleError` for one that the file has no piece of."""
        if self.pieces is None:
            return None
        if ids and not 0 <= min(ids) <= max(ids) < len(self.pieces):
            found = f"{min(ids)} to {max(ids)}"
            raise BundleError(f"tokens: expected token ids below {len(self.pieces)} of the graph, found {found}")
        return "".join(self.pieces[index] for index in ids).replace(SPACE, " ").strip()
