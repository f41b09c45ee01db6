"""A synthesiser that answers requests of a benchmark (see `contender`), of upstream or of this project.

    PYTHON synthesizer.py {upstream,onnxruntime,int8,stream} FILES       as JSON: the options of the model's files

A request names the number of tokens and the synthesiser's options. The answer has the seconds of the whole and, of
`stream`, of the first samples; the number of samples, and the peak of the memory.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from contender import Answer, forget_peak, peak_mb, serve
from random_synthesizers import TOKENS

Speak = Callable[[np.ndarray], Iterable[np.ndarray]]


def text_of(tokens: int) -> np.ndarray:
    """Ids of so many tokens, without the special ones."""
    return np.random.default_rng(0).integers(2, TOKENS - 1, tokens)


def upstream(files: Mapping[str, str], options: Mapping[str, Any]) -> Speak:
    """Upstream's Text2Speech on PyTorch, with its HiFi-GAN, which the package parallel_wavegan has too, as vocoder."""
    import torch

    from espnet2.bin.tts_inference import Text2Speech
    from espnet2.gan_tts.hifigan import HiFiGANGenerator

    torch.set_num_threads(1)
    synthesizer = Text2Speech(files["tts_train_config"], files["tts_model_file"], **options)
    if "vocoder_file" in files:
        vocoder = HiFiGANGenerator()
        vocoder.load_state_dict(torch.load(files["vocoder_file"], weights_only=True)["model"]["generator"])
        vocoder.remove_weight_norm()
        synthesizer.vocoder = _Vocoder(vocoder.eval())
    return lambda ids: [synthesizer(torch.from_numpy(ids))["wav"].numpy()]


class _Vocoder:
    """A generator, as the package parallel_wavegan offers it."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __call__(self, feats: Any) -> Any:
        return self.generator.inference(feats)[:, 0]


def onnxruntime(files: Mapping[str, str], options: Mapping[str, Any]) -> Speak:
    """This project's runtime on an exported bundle."""
    from espnet2.runtime import Text2Speech

    synthesizer = Text2Speech(files["bundle"], num_threads=1, **options)
    return lambda ids: [synthesizer(ids)["wav"]]


def int8(files: Mapping[str, str], options: Mapping[str, Any]) -> Speak:
    """The same with the bundle's int8 graphs."""
    return onnxruntime(files, {**options, "quantized": True})


def stream(files: Mapping[str, str], options: Mapping[str, Any]) -> Speak:
    """This project's runtime, in pieces."""
    from espnet2.runtime import Text2Speech

    return Text2Speech(files["bundle"], num_threads=1, **options).stream


SYNTHESIZERS = {"upstream": upstream, "onnxruntime": onnxruntime, "int8": int8, "stream": stream}


class Synthesizer:
    """Answers requests; models are loaded once for all that have the same options."""

    def __init__(self, kind: str, files: Mapping[str, str]) -> None:
        self._kind, self._files = kind, files
        self._known: tuple[str, Any] = ("", None)

    def __call__(self, tokens: int, options: Mapping[str, Any]) -> Answer:
        speak = self._speak(options)
        forget_peak()
        start, times, samples = time.perf_counter(), [], 0
        for piece in speak(text_of(tokens)):
            times.append(time.perf_counter() - start)
            samples += len(piece)
        return {"seconds": {"first": times[0], "whole": times[-1]}, "samples": samples, "peak_mb": peak_mb()}

    def _speak(self, options: Mapping[str, Any]) -> Speak:
        key = json.dumps(options)
        if self._known[0] != key:
            self._known = ("", None)  # before others are loaded
            self._known = key, SYNTHESIZERS[self._kind](self._files, options)
            list(self._known[1](text_of(10)))  # the first run plans its memory
        speak: Speak = self._known[1]
        return speak


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    serve(Synthesizer(sys.argv[1], json.loads(sys.argv[2])))
