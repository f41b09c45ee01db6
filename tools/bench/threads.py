"""Threads of encoder and of steps: how much faster two are than one, and which number is best.

    python tools/bench/threads.py --work_dir DIR --recordings *.flac [--threads 1 2] [--quantize] [--beam_size 10 20]

The graphs of `librispeech_size`'s model run by themselves, with each number of threads in turn; the fastest of several
runs counts. Then, on paper, what this machine does not have: the limit of 1, 2, 4 and 8 threads, whose products with
weights take the longer of reading the weights, at the bandwidth of all cores that were measured, and of multiplying.
"""

from __future__ import annotations

import argparse
import os
import time

from graph_profile import profile
from machine import Machine, bandwidth, measured
from random_models import add_options, bundled, joined
from step_profile import feeds_of, graph_of, sizes_of

from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import OnnxGraph

ENCODER_RUNS, STEP_RUNS = 5, 40
PAPER = (1, 2, 4, 8)  # threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--beam_size", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--known", type=int, default=60, help="tokens before a step")
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    args = parser.parse_args()
    cores = os.cpu_count() or 1
    if max(args.threads) > cores:
        raise SystemExit(f"--threads: expected at most {cores}, the cores of this machine, found {max(args.threads)}")
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    bundle = Bundle.load(bundled("librispeech", args.work_dir / "librispeech", recording, args.quantize))
    machine = measured()
    together = bandwidth(cores)
    print(f"{machine}; {cores} cores read {together / 1e9:.1f} GB/s")
    for quantized in (False, True) if args.quantize else (False,):
        compare(bundle, "encoder", 1, args, quantized, ENCODER_RUNS)
        for beam in args.beam_size:
            compare(bundle, "decoder_step", beam, args, quantized, STEP_RUNS)
        for name in ("encoder", "decoder_step"):
            on_paper(bundle, name, args, quantized, machine, together)


def compare(bundle: Bundle, name: str, beam: int, args: argparse.Namespace, quantized: bool, runs: int) -> None:
    """Print the time of a graph with each number of threads."""
    component = bundle.components[name]
    options = argparse.Namespace(apart=3, sizes=[])
    feeds = feeds_of(component, sizes_of(component, beam, args.known, options), args.known)
    graphs = {count: bundle.graph(name, quantized, num_threads=count) for count in args.threads}
    seconds = {count: run(graph, feeds) for count, graph in graphs.items()}
    for _ in range(runs):
        seconds = {count: min(seconds[count], run(graph, feeds)) for count, graph in graphs.items()}
    first = seconds[args.threads[0]]
    times = ", ".join(f"{count} {1e3 * value:.2f} ms ({first / value:.2f})" for count, value in seconds.items())
    print(
        f"{name} {'int8' if quantized else 'fp32'}" + f", beam {beam}" * (name != "encoder") + f": {times}", flush=True
    )


def on_paper(
    bundle: Bundle, name: str, args: argparse.Namespace, quantized: bool, machine: Machine, together: float
) -> None:
    """Print the limit of the products with weights for numbers of threads that may not be there."""
    component, path = bundle.components[name], graph_of(bundle, name, quantized)
    if path is None:
        return
    options, beam = argparse.Namespace(apart=3, sizes=[]), args.beam_size[0]
    feeds = feeds_of(component, sizes_of(component, beam, args.known, options), args.known)
    nodes = [node for node in profile(path, component, feeds, runs=1, warmup=1) if node.product]
    limits = {}
    for threads in PAPER:
        many = Machine(
            machine.name,
            machine.bandwidth if threads == 1 else together,
            machine.fp32 * threads,
            machine.int8 * threads,
        )
        limits[threads] = 1e3 * sum(node.limit(many) for node in nodes)
    listed = ", ".join(f"{threads} {limit:.2f} ms" for threads, limit in limits.items())
    print(f"{name} {'int8' if quantized else 'fp32'}, limit on paper: {listed}", flush=True)


def run(graph: OnnxGraph, feeds: dict) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    graph(feeds)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
