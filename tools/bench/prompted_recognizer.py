"""A model of many tasks that answers requests of a benchmark (see `contender`), of upstream or of this project.

    PYTHON prompted_recognizer.py {upstream,onnxruntime,int8} FILES       as JSON: the options of the model's files

A request names a recording (.npy, 16 kHz), its length in seconds (it is repeated to that), and options of the class.
With `batch_size` it is decoded in buffers, greedily by CTC; else the first window is decoded. The answer has the
seconds of the processor for the encoder, for the search and for the whole, which other work on the machine changes
less than the clock's, the n-best token sequences or words, and the peaks of the memory: while the model was loaded,
and while it decoded.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from contender import Answer, forget_peak, peak_mb, serve

RATE = 16000
CONTEXT = 4.0  # seconds of a buffer at either end
Stages = dict[str, Callable[[Any], Any]]


def upstream(files: Mapping[str, str], options: Mapping[str, Any], batch_size: int) -> Stages:
    """Upstream's classes on PyTorch. The whole of a window encodes again, which is taken off."""
    import torch

    torch.set_num_threads(1)
    if batch_size:
        from espnet2.bin.s2t_inference_ctc import Speech2TextGreedySearch

        return buffered(Speech2TextGreedySearch(**files, **options), batch_size)
    from espnet2.bin.s2t_inference import Speech2Text

    recognizer = Speech2Text(**files, **options)

    def encode(speech: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            recognizer.s2t_model.encode(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
        return speech

    return {"encoder": encode, "search": recognizer}


def onnxruntime(
    files: Mapping[str, str], options: Mapping[str, Any], batch_size: int, quantized: bool = False
) -> Stages:
    """This project's runtime on an exported bundle."""
    from espnet2.runtime import Speech2Text

    own = {"ctc_greedy": True, "keep_prompt_frames": True} if batch_size else {}
    recognizer: Any = Speech2Text(files["bundle"], num_threads=1, quantized=quantized, **own, **options)
    if batch_size:
        return buffered(recognizer, batch_size)
    return {"encoder": lambda speech: recognizer.encode([speech])[0], "search": recognizer.search}


def int8(files: Mapping[str, str], options: Mapping[str, Any], batch_size: int) -> Stages:
    """`onnxruntime` with the int8 graphs of the bundle."""
    return onnxruntime(files, options, batch_size, quantized=True)


def buffered(recognizer: Any, batch_size: int) -> Stages:
    """Greedy decoding in buffers."""

    def decode(speech: np.ndarray) -> str:
        text: str = recognizer.decode_long_batched_buffered(speech, batch_size, CONTEXT, "<eng>", "<asr>")
        return text

    return {"decode": decode}


def measured(stages: Stages, value: Any) -> tuple[dict[str, float], Any]:
    """Seconds of each stage, which gets the result of the one before, of the whole, and the last result."""
    seconds = {}
    for name, stage in stages.items():
        start = time.process_time()
        value = stage(value)
        seconds[name] = time.process_time() - start
    return {**seconds, "whole": sum(seconds.values())}, value


RECOGNIZERS = {"upstream": upstream, "onnxruntime": onnxruntime, "int8": int8}


class Recognizer:
    """Answers requests; the model is loaded once."""

    def __init__(self, kind: str, files: Mapping[str, str]) -> None:
        self._kind, self._files = kind, files
        self._stages: Stages = {}
        self._loaded = 0.0

    def __call__(
        self, recording: str, seconds: float, options: Mapping[str, Any], batch_size: int = 0, warm: bool = True
    ) -> Answer:
        speech = np.resize(np.load(recording), round(seconds * RATE))
        if not self._stages:
            self._stages = RECOGNIZERS[self._kind](self._files, options, batch_size)
            self._loaded = peak_mb()
            if warm:  # the first run plans its memory
                next(iter(self._stages.values()))(speech)
        forget_peak()
        times, found = measured(self._stages, speech)
        if self._kind == "upstream" and "search" in times:
            times["whole"] = times["search"]
            times["search"] -= times["encoder"]
        rows = [found.split()] if isinstance(found, str) else [list(map(int, result[2])) for result in found]
        return {"seconds": times, "tokens": rows, "peak_mb": peak_mb(), "loading_mb": self._loaded}


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the length of hypotheses is limited on purpose
    serve(Recognizer(sys.argv[1], json.loads(sys.argv[2])))
