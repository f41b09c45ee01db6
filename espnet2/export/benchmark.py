"""Latency and real-time factor of one model on several back ends, over the same signals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.family import Stages
from espnet2.runtime.loading import load
from espnet2.runtime.threads import require_threads

MOST_RUNS = 1000  # over all signals: more take hours
Duration = Callable[[Any, Any], float | None]  # of a signal and its result, in seconds of audio


@dataclass(frozen=True)
class Row:
    """Average times of a back end in seconds.

    Attributes:
        backend: Its name.
        stages: Time per signal of each stage, in their order.
        factor: Time per second of audio; None where the duration of the signals is not known.
    """

    backend: str
    stages: Mapping[str, float]
    factor: float | None

    @property
    def latency(self) -> float:
        """Time per signal of all stages."""
        return sum(self.stages.values())


def benchmark_bundle(
    bundle: str | Path,
    recordings: Sequence[str | Path],
    num_threads: int,
    repeat: int,
    options: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Measure a bundle, and the trained model whose files `model` names; of `repeat` runs the fastest counts.

    Args:
        bundle: Directory of the bundle.
        recordings: Files of the signals; none: signals that the family draws.
        num_threads: Threads of each back end.
        repeat: Runs over all signals.
        options: Of inference, over the family's `benchmark_options`.
        model: Keywords of `espnet2.inference.trained.load_trained`; None: the bundle alone.
    """
    if not 1 <= repeat <= MOST_RUNS:
        raise OptionError(f"--repeat: expected a number from 1 to {MOST_RUNS}, found {repeat}")
    require_threads(num_threads)
    loaded = Bundle.load(bundle)
    family, components = loaded.family, loaded.components
    signals = list(family.signals(components, loaded.section, recordings).values())
    keywords = {**family.benchmark_options, **options}
    entry = next(name for name in family.entries if name in components)

    def on_pytorch() -> Stages:
        torch.set_num_threads(num_threads)
        exported = family.exported_with(loaded.section, loaded.manifest.provenance)
        trained = load_trained(**{**exported, "family": family, **(model or {})})
        read_options = family.read_options(keywords)
        return family.stages(trained.runtime_model(read_options), read_options)

    def on_onnxruntime(quantized: bool = False) -> Stages:
        made = load(loaded, family, entry, keywords, quantized=quantized, num_threads=num_threads)
        return family.stages(made.model, made.options)

    backends: dict[str, Callable[[], Stages]] = {"PyTorch": on_pytorch} if model else {}
    backends["ONNX fp32"] = on_onnxruntime
    if loaded.manifest.quantized:
        backends["ONNX int8"] = lambda: on_onnxruntime(quantized=True)
    seconds = partial(family.duration, components, loaded.section)
    return [_measure(name, make(), signals, seconds, repeat) for name, make in backends.items()]


def _measure(backend: str, stages: Stages, signals: Sequence[Any], duration: Duration, repeat: int) -> Row:
    _run(stages, signals[:1])  # the first run of a graph plans its memory
    runs = [_run(stages, signals) for _ in tqdm(range(repeat), desc=backend, unit="run")]
    times, results = min(runs, key=lambda run: sum(run[0].values()))
    durations = [duration(signal, result) for signal, result in zip(signals, results, strict=True)]
    known = [seconds for seconds in durations if seconds is not None]
    factor = sum(times.values()) / sum(known) if len(known) == len(durations) else None
    return Row(backend, {name: total / len(signals) for name, total in times.items()}, factor)


def _run(stages: Stages, signals: Sequence[Any]) -> tuple[dict[str, float], list[Any]]:
    """Seconds of each stage over all signals, and the results."""
    times, results = dict.fromkeys(stages, 0.0), []
    for signal in signals:
        value = signal
        for name, stage in stages.items():
            start = time.perf_counter()
            value = stage(value)
            times[name] += time.perf_counter() - start
        results.append(value)
    return times, results


def table(rows: Sequence[Row]) -> str:
    """The rows as lines of text: stages but the last, whole latency, and the ratio of latencies to the first row."""
    names = list(rows[0].stages)[:-1]
    heads = [f"{name} ms".rjust(10) for name in (*names, "latency")]
    lines = [f"{'':10} {' '.join(heads)} {'real-time factor':>16} {'times faster':>12}"]
    for row in rows:
        seconds = [*(row.stages[name] for name in names), row.latency]
        times = [f"{1e3 * value:{len(head)}.1f}" for value, head in zip(seconds, heads, strict=True)]
        factor = "-" if row.factor is None else f"{row.factor:.4f}"
        lines.append(f"{row.backend:10} {' '.join(times)} {factor:>16} {rows[0].latency / row.latency:12.2f}")
    return "\n".join(lines)
