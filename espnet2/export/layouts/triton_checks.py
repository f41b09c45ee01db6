"""A model repository of Triton as its server runs it, against PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.hypothesis import Hypothesis
from espnet.nets.tensors import as_array
from espnet2.export.layouts.triton import MODEL, BatchedRecognizer, BatchedStream
from espnet2.export.whole import OPTIONS as SEARCHES
from espnet2.inference.trained import Trained
from espnet2.interface.check import Check
from espnet2.runtime.compare import difference
from espnet2.runtime.families.search import GENERATED_TOKENS, compare_nbest
from espnet2.runtime.results import Result
from espnet2.runtime.session import OnnxGraph
from espnet2.runtime.stream_encoder import StreamEncoder

ODD = 997  # samples of a piece of a stream
NBEST = (3, 1)  # of the utterances of a batch, in turns, as are their weights
WEIGHTS = (0.3, 0.5)


def verify(trained: Trained, module: BatchedRecognizer | BatchedStream, directory: Path) -> list[Check]:
    """Compare what the graph gives for drawn signals, as a batch that Triton makes, with PyTorch."""
    component = module.component()
    graph = OnnxGraph(directory / component.name / MODEL, component)
    signals = trained.signals()
    if isinstance(module, BatchedStream):
        return _verify_stream(trained, module, graph, signals)
    return _verify_recognizer(trained, module, graph, signals)


def _verify_recognizer(
    trained: Trained, module: BatchedRecognizer, graph: OnnxGraph, signals: Mapping[str, Any]
) -> list[Check]:
    known = [option.name for option in module.one.options]
    speeches = [np.asarray(signal, np.float32) for signal in signals.values()]
    lengths = np.array([[len(speech)] for speech in speeches])
    padded = np.zeros((len(speeches), lengths.max(), *speeches[0].shape[1:]), np.float32)
    for row, speech in zip(padded, speeches, strict=True):
        row[: len(speech)] = speech
    references, options = [], []
    for place in range(len(speeches)):
        own: dict[str, Any] = {**SEARCHES[module.one.kind], "maxlenratio": -float(GENERATED_TOKENS), "minlenratio": 0.0}
        own |= {"nbest": NBEST[place % 2], "penalty": 0.0, "normalize_length": bool(place % 2), "lm_weight": 0.3}
        if "ctc_weight" in known:
            own["ctc_weight"] = WEIGHTS[place % 2]
        reading = own if known else SEARCHES[module.one.kind]
        read = trained.family.read_options({**reading, "beam_size": module.one.beam_size, "ngram_weight": 0.0})
        references.append(trained.run(read))
        options.append(own)
    feeds: dict[str, Any] = {"speech": padded, graph.component.inputs[1].name: lengths}
    for tensor in graph.component.inputs[2:]:
        feeds[tensor.name] = np.array([[own[tensor.name]] for own in options], tensor.dtype)
    results = {name: as_array(value) for name, value in graph(feeds).items()}
    checks = []
    for place, (name, reference) in enumerate(zip(signals, references, strict=True)):
        expected = [_bare(result.token_int, result.hypothesis.score) for result in reference(signals[name])]
        found = [
            _bare(results["token_ids"][place, rank, : results["token_lengths"][place, rank]].tolist(), score)
            for rank, score in enumerate(results["scores"][place])
            if score > -np.inf
        ]
        check = compare_nbest(expected, found, name)
        checks.append(Check(graph.component.name, check.case, check.difference, check.tolerance))
    return checks


def _bare(tokens: Any, score: Any) -> Result:
    return Result(None, [], list(tokens), Hypothesis(np.array(tokens, np.int64), float(score)))


def _verify_stream(
    trained: Trained, module: BatchedStream, graph: OnnxGraph, signals: Mapping[str, Any]
) -> list[Check]:
    reference = StreamEncoder(trained.graphs["encoder_step"], trained.section.streaming)
    candidate = StreamEncoder(_AsStep(module, graph), trained.section.streaming)
    checks = []
    for name, signal in signals.items():
        speech = np.asarray(signal, np.float32)
        (expected, *_), _ = reference.advance([reference.begin()], [speech], [True])
        state, found = candidate.begin(), []
        for piece in np.array_split(speech, len(speech) // ODD + 1):
            (frames,), (state,) = candidate.advance([state], [piece], [False])
            found.append(frames)
        (frames,), _ = candidate.advance([state], [speech[:0]], [True])
        found.append(frames)
        checks.append(Check(graph.component.name, name, difference(expected, np.concatenate(found))))
    return checks


class _AsStep:
    """The graph of Triton with the interface of `encoder_step`; the states are passed on as its server does."""

    def __init__(self, module: BatchedStream, graph: OnnxGraph) -> None:
        self.component, self._graph = module.step, graph

    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: as_array(value) for name, value in feeds.items()}
        results = self._graph({name: value[:, None] if value.ndim == 1 else value for name, value in given.items()})
        scalars = {tensor.name for tensor in self.component.results if len(tensor.axes) == 1}
        return {name: as_array(value)[:, 0] if name in scalars else as_array(value) for name, value in results.items()}
