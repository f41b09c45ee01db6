"""A recogniser that answers requests of a benchmark (see `contender`), of upstream or of this project.

    PYTHON recognizer.py KIND FILES     upstream, onnxruntime, int8, one_graph, ...; as JSON: the options of the files

A request names a recording (.npy, 16 kHz), its length in seconds (it is repeated to that), the number of threads, and
the recogniser's options. The answer has the seconds of the encoder, of the search, and of the whole, the n-best token
sequences with their scores, and the peak of the memory.
"""

from __future__ import annotations

import json
import logging
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from contender import Answer, forget_peak, peak_mb, serve, timed

RATE = 16000
Stages = dict[str, Callable[[Any], Any]]


def upstream(files: Mapping[str, str], threads: int, options: Mapping[str, Any]) -> Stages:
    """Upstream's Speech2Text on PyTorch. Its whole encodes again, which is taken off."""
    import torch

    # Transducers want a loss of another package, which decoding does not compute.
    loss = types.ModuleType("warprnnt_pytorch")
    loss.RNNTLoss = lambda **_: torch.nn.Identity()
    sys.modules.setdefault(loss.__name__, loss)
    from espnet2.bin.asr_inference import Speech2Text

    recognizer = Speech2Text(**files, **options)
    torch.set_num_threads(threads)

    def encode(speech: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            recognizer.asr_model.encode(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
        return speech

    return {"encoder": encode, "search": recognizer}


def onnxruntime(files: Mapping[str, str], threads: int, options: Mapping[str, Any], quantized: bool = False) -> Stages:
    """This project's runtime on an exported bundle."""
    from espnet2.runtime import Speech2Text

    recognizer = Speech2Text(files["bundle"], num_threads=threads, quantized=quantized, **options)
    return {
        "encoder": lambda speech: recognizer.encode([speech])[0],
        "search": recognizer.search,
    }


def int8(files: Mapping[str, str], threads: int, options: Mapping[str, Any]) -> Stages:
    """`onnxruntime` with the int8 graphs of the bundle."""
    return onnxruntime(files, threads, options, quantized=True)


def one_graph(
    files: Mapping[str, str], threads: int, options: Mapping[str, Any], file: str = "recognizer.onnx"
) -> Stages:
    """A file that holds encoder and search, which are one stage. Its beam was chosen at export."""
    from espnet2.runtime import OneGraphRecognizer

    path = Path(files["one_graph"]) / file
    known = OneGraphRecognizer(path, threads).options
    recognizer = OneGraphRecognizer(path, threads, **{name: options[name] for name in known if name in options})

    def search(speech: np.ndarray) -> list[tuple[Any, ...]]:
        results = recognizer(speech)
        return [(found.text, None, found.token_int, types.SimpleNamespace(score=found.score)) for found in results]

    return {"encoder": lambda speech: speech, "search": search}


def one_graph_int8(files: Mapping[str, str], threads: int, options: Mapping[str, Any]) -> Stages:
    """`one_graph` in int8."""
    return one_graph(files, threads, options, "recognizer.int8.onnx")


RECOGNIZERS = {
    "upstream": upstream,
    "onnxruntime": onnxruntime,
    "int8": int8,
    "one_graph": one_graph,
    "one_graph_int8": one_graph_int8,
}


class Recognizer:
    """Answers requests; models are loaded once for all that have the same options."""

    def __init__(self, kind: str, files: Mapping[str, str]) -> None:
        self._kind, self._files = kind, files
        self._known: tuple[str, Stages] = ("", {})

    def __call__(self, recording: str, threads: int, options: Mapping[str, Any], seconds: float = 0.0) -> Answer:
        speech = np.load(recording)
        size = round(seconds * RATE) or len(speech)
        stages = self._stages(threads, options, np.resize(speech, size))
        forget_peak()
        times, nbest = timed(stages, np.resize(speech, size))
        if self._kind == "upstream":
            times["whole"] = times["search"]
            times["search"] -= times["encoder"]
        return {
            "seconds": times,
            "tokens": [list(map(int, hypothesis[2])) for hypothesis in nbest],
            "scores": [float(hypothesis[3].score) for hypothesis in nbest],
            "peak_mb": peak_mb(),
        }

    def _stages(self, threads: int, options: Mapping[str, Any], speech: np.ndarray) -> Stages:
        key = json.dumps([threads, options])
        if self._known[0] != key:
            self._known = ("", {})  # before others are loaded
            self._known = key, RECOGNIZERS[self._kind](self._files, threads, options)
            self._known[1]["encoder"](speech[: max(len(speech) // 2, RATE)])  # the first run plans its memory
        return self._known[1]


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the length of hypotheses is limited on purpose
    serve(Recognizer(sys.argv[1], json.loads(sys.argv[2])))
