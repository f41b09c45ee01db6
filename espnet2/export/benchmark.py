"""Latency and real-time factor of one model on several back ends, over the same recordings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from espnet2.fileio.recording import recording_of_file
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import DecodeOptions


@dataclass(frozen=True)
class Row:
    """Average seconds per recording, of the encoder and of the whole; `factor` is seconds per second of speech."""

    backend: str
    encoder: float
    latency: float
    factor: float


def benchmark_bundle(
    bundle: str | Path,
    recordings: Sequence[str | Path],
    num_threads: int,
    repeat: int,
    options: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Measure a bundle, and the trained model whose files `model` names; of `repeat` runs the fastest counts."""
    if repeat < 1 or num_threads < 1:
        raise OptionError(f"--repeat, --num_threads: expected at least 1, found {repeat}, {num_threads}")
    loaded = Bundle.load(bundle, family_of("asr"))
    rate, axes = loaded.section.sample_rate, len(loaded.components["encoder"].inputs[0].axes) - 1
    speeches = [recording_of_file(str(path)).read(rate, axes) for path in recordings]
    options = {**options, "ngram_weight": 0.0}  # the same code whatever runs the graphs, so it is left out
    backends: dict[str, Callable[[], Recognizer]] = {}
    if model:
        backends["PyTorch"] = lambda: _pytorch(model, num_threads, options)
    backends["ONNX fp32"] = lambda: Speech2Text(loaded, num_threads=num_threads, **options)
    if loaded.manifest.quantized:
        backends["ONNX int8"] = lambda: Speech2Text(loaded, num_threads=num_threads, quantized=True, **options)
    seconds_of_speech = sum(map(len, speeches)) / loaded.section.sample_rate
    return [_measure(name, make(), speeches, seconds_of_speech, repeat) for name, make in backends.items()]


def _pytorch(model: Mapping[str, Any], num_threads: int, options: Mapping[str, Any]) -> Recognizer:
    torch.set_num_threads(num_threads)
    return load_trained(**model).run(DecodeOptions(**options))


def _measure(backend: str, recognizer: Recognizer, speeches: Sequence[np.ndarray], audio: float, repeat: int) -> Row:
    recognizer(speeches[0])  # the first run of a graph plans its memory
    totals = []
    for _ in tqdm(range(repeat), desc=backend, unit="run"):
        encoding = searching = 0.0
        for speech in speeches:
            start = time.perf_counter()
            (encoder_out,) = recognizer.encode([speech])
            middle = time.perf_counter()
            recognizer.search(encoder_out)
            encoding, searching = encoding + middle - start, searching + time.perf_counter() - middle
        totals.append((encoding + searching, encoding))
    whole, encoder = min(totals)
    return Row(backend, encoder / len(speeches), whole / len(speeches), whole / audio)


def table(rows: Sequence[Row]) -> str:
    """The rows as lines of text, with the ratio of latencies to the first."""
    lines = [f"{'':10} {'encoder ms':>10} {'latency ms':>10} {'real-time factor':>16} {'times faster':>12}"]
    for row in rows:
        lines.append(
            f"{row.backend:10} {1e3 * row.encoder:10.1f} {1e3 * row.latency:10.1f} {row.factor:16.4f} "
            f"{rows[0].latency / row.latency:12.2f}"
        )
    return "\n".join(lines)
