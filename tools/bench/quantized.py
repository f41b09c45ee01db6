"""int8 graphs of a bundle against its fp32 graphs, per component: processor time, ratio, share outside of products.

    OMP_NUM_THREADS=1 python tools/bench/quantized.py BUNDLE [--component encoder] [--beam 10 20 160] [--known 60]
        [--seconds 11.5 60]

One thread; fp32 and int8 take turns, medians of `--runs` (encoders a third of it). Products are MatMul and Gemm with
constant weights, with the quantisation of their inputs where onnxruntime fused it, by its profile of another few runs.
Feeds are drawn from the component's declaration (`step_profile.py`).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np
from graph_profile import profile
from machine import processor
from step_profile import feeds_of, graph_of, sizes_of

from espnet2.export.examples import axes_of
from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import OnnxGraph

SHIFT = 160  # samples of a feature frame
SUBSAMPLING = 4  # feature frames of an encoder frame
APART = 3  # rows of a shared cache that are a hypothesis's own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="made with --quantize int8")
    parser.add_argument("--component", nargs="+", help="default: all that have int8 graphs")
    parser.add_argument("--beam", type=int, nargs="+", default=[10, 20, 160], help="rows of a step")
    parser.add_argument("--known", type=int, default=60, help="tokens before the step")
    parser.add_argument("--seconds", type=float, nargs="+", default=[11.5], help="length of speech at 16 kHz")
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    bundle = Bundle.load(args.bundle)
    names = args.component or list(bundle.manifest.quantized.get("int8", {}))
    print(processor())
    print(f"{'component':15} {'case':14} {'fp32':>10} {'int8':>10} {'ratio':>6}   outside products: fp32, int8")
    for name in names:
        component = bundle.components[name]
        for case, feeds in cases(component, args):
            runs = max(3, args.runs // 3) if "samples" in axes_of(component) else args.runs
            fp32, int8 = in_turns([bundle.graph(name, quantized) for quantized in (False, True)], feeds, runs)
            outside = ", ".join(
                f"{share_outside(bundle, name, quantized, feeds, runs):.0%}" for quantized in (False, True)
            )
            print(f"{name:15} {case:14} {1e3 * fp32:7.2f} ms {1e3 * int8:7.2f} ms {fp32 / int8:6.2f}   {outside}")


def cases(component: Component, args: argparse.Namespace) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Feeds of a component, by the number of its rows or by the length of speech."""
    axes = axes_of(component)
    for seconds in args.seconds:
        samples = int(16000 * seconds)
        for beam in args.beam if "beam" in axes else [0]:
            options = argparse.Namespace(
                apart=APART,
                sizes=[f"samples={samples}", f"frames={samples // (SHIFT * SUBSAMPLING)}", f"past={args.known}"],
            )
            feeds = feeds_of(component, sizes_of(component, beam, args.known, options), args.known)
            yield (f"{beam} rows" if beam else f"{seconds:g} s"), feeds


def in_turns(graphs: list[OnnxGraph], feeds: dict[str, np.ndarray], runs: int) -> list[float]:
    """Processor time of a call of each graph, in seconds: medians."""
    times: list[list[float]] = [[] for _ in graphs]
    for _ in range(runs + 1):
        for graph, measured in zip(graphs, times, strict=True):
            start = time.process_time()
            graph(feeds)
            measured.append(time.process_time() - start)
    return [statistics.median(measured[1:]) for measured in times]


def share_outside(bundle: Bundle, name: str, quantized: bool, feeds: dict[str, np.ndarray], runs: int) -> float:
    """Share of a call's time that is outside of products with weights."""
    path = graph_of(bundle, name, quantized)
    assert path is not None  # as the component has an int8 graph
    nodes = profile(path, bundle.components[name], feeds, runs=runs)
    return sum(node.seconds for node in nodes if not node.product) / sum(node.seconds for node in nodes)


if __name__ == "__main__":
    main()
