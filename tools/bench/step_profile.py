"""Time of a step inside and outside of products with weights, by operator, from onnxruntime's profile.

    python tools/bench/step_profile.py BUNDLE [--component decoder_step] [--beam 10 20] [--known 60 300] [--top 8]

The feeds are drawn from the component's declaration. `--known` is the number of tokens before the step: the size of the
axis `past`, or of the axis `rows`, where hypotheses share what they have in common (`--apart` rows for each hypothesis
are its own). Other axes are set by name, as in `--sizes frames=287 batch=1`. Products are MatMul, Gemm and Conv with
constant weights, in fp32, int8 or blocks; all else, also attention's products, is the rest.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from graph_profile import Node, profile
from machine import Machine, measured

from espnet2.export.examples import axes_of, draw
from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--component", nargs="+", default=["decoder_step"], help="components, such as encoder, lm_step")
    parser.add_argument("--beam", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--known", type=int, nargs="+", default=[60, 300], help="tokens before the step")
    parser.add_argument("--apart", type=int, default=3, help="rows of a shared cache that are a hypothesis's own")
    parser.add_argument("--sizes", nargs="*", default=[], metavar="AXIS=SIZE", help="sizes of other axes")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--top", type=int, default=8, help="operators listed of the rest")
    args = parser.parse_args()
    machine, bundle = measured(), Bundle.load(args.bundle)
    print(machine)
    for name in args.component:
        component = bundle.components[name]
        stepwise = bool({"beam"} & set(axes_of(component)))
        for beam in args.beam if stepwise else [0]:
            for known in args.known if stepwise else [0]:
                sizes = sizes_of(component, beam, known, args)
                feeds = feeds_of(component, sizes, known)
                for kind, quantized in {"fp32": False, "int8": True}.items():
                    path = graph_of(bundle, name, quantized)
                    if path is not None:
                        where = f"{name} {kind}" + (f", beam {beam}, {known} tokens known" if stepwise else "")
                        report(where, profile(path, component, feeds, args.runs), machine, args.top)


def graph_of(bundle: Bundle, name: str, quantized: bool) -> Path | None:
    """File of a component's graph; None where the bundle has no int8 graph of it."""
    entries = bundle.manifest.quantized.get("int8", {}) if quantized else bundle.manifest.components
    return bundle.file(entries[name]) if name in entries else None


def sizes_of(component: Component, beam: int, known: int, args: argparse.Namespace) -> dict[str, int]:
    """A size for each axis of the component's feeds."""
    rows = known + beam * args.apart
    sizes = {"batch": 1, "beam": beam, "parent": beam, "past": known, "rows": rows, "frames": 287, "samples": 184000}
    for item in args.sizes:
        axis, _, size = item.partition("=")
        sizes[axis] = int(size)
    unknown = [axis for axis in axes_of(component) if axis not in sizes]
    if unknown:
        raise SystemExit(f"--sizes: expected the size of {', '.join(unknown)}, found none")
    return sizes


def feeds_of(component: Component, sizes: Mapping[str, int], known: int) -> dict[str, np.ndarray]:
    """Random feeds; where hypotheses share rows, each sees the first `known`, and its part of the others."""
    feeds = draw(component, sizes)
    if "visible" in feeds:
        others = np.arange(sizes["rows"]) - known
        owner = others * sizes["beam"] // max(sizes["rows"] - known, 1)
        visible = (others < 0) | (owner == np.arange(sizes["beam"])[:, None])
        feeds["visible"] = np.broadcast_to(visible, feeds["visible"].shape)
    return feeds


def limits(
    path: str | Path, machine: Machine, beam: int, known: int, recording: Path, quantized: bool = False
) -> tuple[float, float]:
    """Seconds that the encoder takes at least on a recording (.npy), and a step with `known` tokens before it.

    Products with weights take the longer of reading the weights and multiplying; what a step reads beside them, caches
    and the encoder's output, and attention's multiply-adds are added.
    """
    bundle, samples = Bundle.load(path), len(np.load(recording, mmap_mode="r"))
    found = []
    for name in ("encoder", "decoder_step"):
        component = bundle.components[name]
        options = argparse.Namespace(apart=3, sizes=[f"samples={samples}"])
        feeds = feeds_of(component, sizes_of(component, beam, known, options), known)
        graph = graph_of(bundle, name, quantized) or graph_of(bundle, name, False)
        assert graph is not None
        nodes = profile(graph, component, feeds, runs=1, warmup=1)
        products = sum(node.limit(machine) for node in nodes if node.product)
        others = sum(node.multiply_adds for node in nodes if not node.product)
        read = sum(feeds[tensor.name].nbytes for tensor in component.feeds) / machine.bandwidth
        found.append(products + read + others / machine.fp32)
    return found[0], found[1]


def report(where: str, nodes: list[Node], machine: Machine, top: int) -> None:
    """Print the times of a graph, and its limit on this machine."""
    products, rest = [[n for n in nodes if n.product is kind] for kind in (True, False)]
    inside, outside = (1e3 * sum(n.seconds for n in part) for part in (products, rest))
    weights, adds = sum(n.weights for n in products), sum(n.multiply_adds for n in products)
    print(
        f"\n{where}: {inside + outside:.2f} ms, products with weights {inside:.2f} ms, "
        f"the rest {outside:.2f} ms ({outside / (inside + outside):.0%})"
    )
    limit = 1e3 * sum(node.limit(machine) for node in products)
    print(f"  {weights / 1e6:.1f} MB of weights, {adds / 1e9:.2f} * 10^9 multiply-adds: limit {limit:.2f} ms")
    for title, part in (("products", products), ("the rest", rest)):
        times: Counter[str] = Counter()
        for node in part:
            times[node.operator] += 1e3 * node.seconds
        listed = ", ".join(f"{name} {time:.2f}" for name, time in times.most_common(top))
        print(f"  {title}: {listed}")


if __name__ == "__main__":
    main()
