"""Numbers of the case studies in `doc/onnx`: nodes, sizes and times of graphs before and after.

    OMP_NUM_THREADS=1 python tools/bench/case_studies.py [masks decoder recurrent frontend] [--runs 15]

One thread; the contenders of a study take turns, medians of the time of the processor. Weights are random.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from machine import processor
from torch import nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.rnn.ragged import run_ragged
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.export.examples import draw
from espnet2.export.quiet import quiet
from espnet2.layers.stft import Stft
from espnet2.runtime.session import disabled_optimizers, session_options

FRAMES, KNOWN, BEAM, LAYERS, SIZE, TOKENS = 250, 30, 10, 6, 512, 5000
Feeds = tuple[torch.Tensor, ...]


class Graph:
    """A module as a graph: its nodes, its bytes, and a call with given inputs."""

    def __init__(self, module: nn.Module, example: Feeds, axes: tuple[Mapping[int, str], ...], feeds: Feeds) -> None:
        with quiet(), tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "model.onnx"
            program = torch.onnx.export(module.eval(), example, dynamic_shapes=axes, dynamo=True, verbose=False)
            assert program is not None
            program.save(str(path), external_data=False)
            self.nodes, self.bytes = len(list(program.model.graph)), path.stat().st_size
            options = session_options(1)
            options.log_severity_level = 3  # nn.LSTM notes the example's length as that of its output
            self.session = onnxruntime.InferenceSession(str(path), options, disabled_optimizers=disabled_optimizers())
        names = [item.name for item in self.session.get_inputs()]
        self.feeds = dict(zip(names, (value.numpy() for value in feeds), strict=True))

    def __call__(self) -> np.ndarray:
        return self.session.run(None, self.feeds)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", default=list(STUDIES), help="default: all")
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    print(processor())
    torch.manual_seed(0)
    for name in args.studies:
        graphs = STUDIES[name]()
        seconds = in_turns(graphs, args.runs)
        for label, graph in graphs.items():
            print(
                f"{name:10} {label:32} {graph.nodes:4} nodes {graph.bytes / 1e6:7.2f} MB {1e3 * seconds[label]:8.2f} ms"
            )


def in_turns(calls: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median seconds of the processor of each call."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for run, (name, call) in itertools.product(range(-2, runs), calls.items()):
        start = time.process_time()
        call()
        if run >= 0:
            times[name].append(time.process_time() - start)
    return {name: statistics.median(found) for name, found in times.items()}


class Masked(nn.Module):
    """12 layers of attention of 4 heads, with two boolean masks in each layer, or with one bias."""

    def __init__(self, additive: bool) -> None:
        super().__init__()
        self.additive = additive
        self.layers = nn.ModuleList(nn.Linear(256, 768) for _ in range(12))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = make_pad_mask(lengths, x.size(1))[:, None, None, :]
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(mask, torch.finfo(x.dtype).min / 2)
        for layer in self.layers:
            query, key, value = layer(x).unflatten(-1, (3, 4, 64)).permute(2, 0, 3, 1, 4)
            scores = query @ key.transpose(-2, -1)
            if self.additive:
                weights = (scores + bias).softmax(dim=-1)
            else:
                scores = scores.masked_fill(mask, torch.finfo(x.dtype).min)
                weights = scores.softmax(dim=-1).masked_fill(mask, 0.0)
            x = x + (weights @ value).transpose(1, 2).flatten(2)
        return x


def masks() -> dict[str, Graph]:
    axes = ({0: "batch", 1: "frames"}, {0: "batch"})
    example = (torch.randn(2, 40, 256), torch.tensor([40, 20]))
    feeds = (torch.randn(2, FRAMES, 256), torch.tensor([FRAMES, 150]))
    kinds = {"two boolean masks in each layer": False, "one additive mask": True}
    return {name: Graph(Masked(additive), example, axes, feeds) for name, additive in kinds.items()}


class Prefix(nn.Module):
    """Scores of the next token from the whole text, without a cache."""

    def __init__(self, decoder: TransformerDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        lengths = torch.full((tokens.size(0),), tokens.size(1))
        frames = torch.full((tokens.size(0),), memory.size(1))
        return self.decoder(memory.expand(tokens.size(0), -1, -1), frames, tokens, lengths)[0][:, -1].log_softmax(-1)


class Step(nn.Module):
    """A step with caches, which reads projections of the encoder output, or makes them of the encoder output."""

    def __init__(self, decoder: TransformerDecoder, copies: int = 0) -> None:
        super().__init__()
        self.decoder, self.copies = decoder, copies

    def forward(self, tokens, positions, visible, memory, lengths, caches):  # type: ignore[no-untyped-def]
        if self.copies:
            memory = [value[:1] for value in self.decoder.start(memory[0].expand(self.copies, -1, -1))]
        return self.decoder.step(tokens, positions, visible, *memory, lengths, *caches)


def decoder() -> dict[str, Graph]:
    model = TransformerDecoder(TOKENS, SIZE, 8, 2048, LAYERS).eval()
    given = {tensor.name: tensor for tensor in model.components()[1].feeds}
    sizes = {"batch": 1, "beam": BEAM, "rows": KNOWN * 2, "frames": FRAMES}
    traced = {"batch": 2, "beam": 3, "rows": 5, "frames": 9}

    def step(copies: int) -> Graph:
        def feeds(of: Mapping[str, int]) -> Feeds:
            drawn = {k: torch.from_numpy(v) for k, v in draw(model.components()[1], of).items()}
            tokens, positions, visible, *others = drawn.values()
            projected, lengths, caches = others[: 2 * LAYERS], others[2 * LAYERS], others[2 * LAYERS + 1 :]
            memory = [torch.randn(of["batch"], of["frames"], SIZE)] if copies else projected
            return tokens, positions, visible, memory, lengths, caches  # type: ignore[return-value]

        names = [dict(enumerate(a if isinstance(a, str) else None for a in t.axes)) for t in given.values()]
        named = [{i: a for i, a in axes.items() if a} for axes in names]
        memory_axes = [{0: "batch", 1: "frames"}] if copies else named[3 : 3 + 2 * LAYERS]
        axes = (*named[:3], memory_axes, named[3 + 2 * LAYERS], named[4 + 2 * LAYERS :])
        example, real = feeds({**traced, "batch": 1} if copies else traced), feeds(sizes)
        if copies:
            axes = tuple(_without(part, "batch") for part in axes)
        flat = tuple(torch.utils._pytree.tree_leaves(real))
        return Graph(Step(model, copies), example, axes, flat)

    prefix = Graph(
        Prefix(model),
        (torch.randint(TOKENS, (3, 7)), torch.randn(1, 9, SIZE)),
        ({0: "beam", 1: "tokens"}, {1: "frames"}),
        (torch.randint(TOKENS, (BEAM, KNOWN)), torch.randn(1, FRAMES, SIZE)),
    )
    return {
        "no cache": prefix,
        "cache, projected for each": step(BEAM),
        "cache, projected at each step": step(1),
        "cache, projected once": step(0),
    }


def _without(axes, name: str):  # type: ignore[no-untyped-def]
    if isinstance(axes, list):
        return [_without(part, name) for part in axes]
    return {index: axis for index, axis in axes.items() if axis != name}


class Recurrent(nn.Module):
    """Two bidirectional LSTM layers of 320 units, with lengths or without, where padding changes results."""

    def __init__(self, ragged: bool) -> None:
        super().__init__()
        self.ragged = ragged
        self.rnn = nn.LSTM(320, 320, 2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return run_ragged(self.rnn, x, lengths)[0] if self.ragged else self.rnn(x)[0] + 0.0 * lengths[:, None, None]


def recurrent() -> dict[str, Graph]:
    axes = ({0: "batch", 1: "frames"}, {0: "batch"})
    example = (torch.randn(2, 7, 320), torch.tensor([7, 3]))
    feeds = (torch.randn(4, FRAMES, 320), torch.tensor([FRAMES, 200, 150, 100]))
    kinds = {"nn.LSTM over the padded batch": False, "sequence_lens": True}
    return {name: Graph(Recurrent(ragged), example, axes, feeds) for name, ragged in kinds.items()}


class Spectrum(nn.Module):
    """Power spectrum by ONNX's operator STFT."""

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(512)
        bins = torch.stft(samples, 512, 160, window=window, return_complex=True)
        return bins.real**2 + bins.imag**2


class Product(nn.Module):
    """The same by a product with cosines and sines."""

    def __init__(self) -> None:
        super().__init__()
        self.stft = Stft(512, hop_length=160)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.stft.power(self.stft.pad(samples, None))


def frontend() -> dict[str, Graph]:
    axes = ({0: "batch", 1: "samples"},)
    example, feeds = (torch.randn(2, 4000),), (torch.randn(1, 160000),)
    kinds = {"operator STFT": Spectrum(), "product": Product()}
    return {name: Graph(module, example, axes, feeds) for name, module in kinds.items()}


STUDIES = {"masks": masks, "decoder": decoder, "recurrent": recurrent, "frontend": frontend}

if __name__ == "__main__":
    main()
