"""Time of an encoder by length of audio, fp32 and int8, with the share of the machine's limit and the growth.

    OMP_NUM_THREADS=1 python tools/bench/encoder.py BUNDLE [--seconds 5 11.5 30 60] [--runs 5] [--rate 16000]

One thread; both graphs take turns, and the fastest call counts. The limit is all multiply-adds, attention's too, at the
speed that the machine shows for products of that precision. `exponent` is that of time over length, from the shortest
to the longest; `--component` takes another graph that reads `samples`. Time by operator: `step_profile.py`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping

import numpy as np
import onnxruntime
from graph_profile import profile
from machine import Machine, measured
from step_profile import graph_of

from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import disabled_optimizers, session_options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--component", default="encoder")
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.0, 11.5, 30.0, 60.0], help="lengths of audio")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rate", type=int, default=16000, help="samples a second")
    args = parser.parse_args()
    machine, bundle = measured(), Bundle.load(args.bundle)
    print(machine)
    component = bundle.components[args.component]
    found = {kind: graph_of(bundle, args.component, kind == "int8") for kind in ("fp32", "int8")}
    paths = {kind: str(path) for kind, path in found.items() if path is not None}
    sessions = {kind: opened(path) for kind, path in paths.items()}
    times: dict[str, list[float]] = {kind: [] for kind in sessions}
    for seconds in args.seconds:
        feeds = feeds_of(component, round(seconds * args.rate))
        row = fastest(sessions, feeds, args.runs)
        for kind, path in paths.items():
            times[kind].append(row[kind])
            limit = limit_of(path, component, feeds, machine)
            ratio = f", {row['fp32'] / row[kind]:.2f} times as fast as fp32" if kind != "fp32" else ""
            print(f"{seconds:6.1f} s {kind}: {row[kind]:.3f} s, limit {limit:.3f} s ({limit / row[kind]:.0%}){ratio}")
    longer = math.log(args.seconds[-1] / args.seconds[0]) if len(args.seconds) > 1 else 0
    if longer:
        grown = ", ".join(f"{kind} {math.log(t[-1] / t[0]) / longer:.2f}" for kind, t in times.items())
        print(f"exponent from {args.seconds[0]:g} to {args.seconds[-1]:g} s: {grown}")


def opened(path: str) -> onnxruntime.InferenceSession:
    """The graph in a file, as the runtime opens it, on one thread."""
    return onnxruntime.InferenceSession(path, session_options(1), disabled_optimizers=disabled_optimizers())


def feeds_of(component: Component, samples: int) -> dict[str, np.ndarray]:
    """One signal of noise, and its length."""
    signal = 0.1 * np.random.default_rng(0).standard_normal((1, samples), np.float32)
    audio, lengths = (tensor.name for tensor in component.feeds)
    return {audio: signal, lengths: np.array([samples])}


def fastest(
    sessions: Mapping[str, onnxruntime.InferenceSession], feeds: Mapping[str, np.ndarray], runs: int
) -> dict[str, float]:
    """Seconds of the fastest of some calls of each graph, which take turns, after one call each."""
    best = dict.fromkeys(sessions, math.inf)
    for run in range(runs + 1):
        for kind, session in sessions.items():
            start = time.perf_counter()
            session.run(None, dict(feeds))
            if run:
                best[kind] = min(best[kind], time.perf_counter() - start)
    return best


def limit_of(path: str, component: Component, feeds: Mapping[str, np.ndarray], machine: Machine) -> float:
    """Seconds that the multiply-adds of all products take at least."""
    nodes = profile(path, component, feeds, runs=1, warmup=0)
    return sum(node.limit(machine) if node.product else node.multiply_adds / machine.fp32 for node in nodes)


if __name__ == "__main__":
    main()
