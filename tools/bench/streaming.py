"""Time and memory of streaming recognition, with random weights and noise.

    OMP_NUM_THREADS=1 python tools/bench/streaming.py [--minutes 10] [--search ctc_greedy] [--sessions 8] [--threads 2]

Per search: the real-time factor, the time of a piece of 320 ms (median, 95th percentile, longest), and the memory of
the process at every minute; then the speed-up of several streams that are stepped together. Times are CPU times with
one thread, so that other processes matter little, and wall-clock times with more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet2.export.trace import export_component
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.session import OnnxGraph
from espnet2.tasks.asr import ASRTask
from espnet2.text.char_tokenizer import CharTokenizer

RATE = 16000
TOKENS = ["<blank>", "<unk>", "<space>", *"abcdefghijklmnopqrstuvwxyz'", "<sos/eos>"]
ENCODER = {
    "output_size": 256,
    "attention_heads": 4,
    "num_blocks": 12,
    "cnn_module_kernel": 31,
    "macaron_style": True,
    "block_size": 40,
    "hop_size": 16,
    "look_ahead": 16,
}
HYBRID = {
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 4, "linear_units": 2048, "num_blocks": 6},
    "model_conf": {"ctc_weight": 0.3},
}
TRANSDUCER = {
    "decoder": "transducer",
    "decoder_conf": {"rnn_type": "lstm", "num_layers": 1, "hidden_size": 512},
    "joint_net_conf": {"joint_space_size": 512},
    "model_conf": {"ctc_weight": 0.0},
}
# Random weights never end a text, so the growth of hypotheses is limited to the speed of speech.
BEAM = {"beam_size": 10, "maxlenratio": 0.2, "disable_repetition_detection": True}
# Model, options of the search, minutes of noise (at most).
SEARCHES: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "ctc_greedy": (HYBRID, {"ctc_greedy": True}, 60.0),
    "ctc_prefix": (HYBRID, {**BEAM, "ctc_weight": 1.0}, 1.0),
    "attention": (HYBRID, {**BEAM, "ctc_weight": 0.3}, 1.0),
    "transducer_greedy": (TRANSDUCER, {"beam_size": 1}, 60.0),
    "transducer_maes": (TRANSDUCER, {"beam_size": 5, "transducer_conf": {"search_type": "maes"}}, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--chunk_ms", type=int, default=320)
    parser.add_argument("--linear_units", type=int, default=2048)
    parser.add_argument("--num_blocks", type=int, default=ENCODER["num_blocks"])
    parser.add_argument("--search", nargs="*", default=list(SEARCHES), choices=list(SEARCHES))
    parser.add_argument("--threads", type=int, default=1, help="of each graph")
    parser.add_argument("--sessions", type=int, default=8, help="streams that are stepped together; 0: none")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        graphs: dict[int, Any] = {}
        recognizers = {name: recognizer_of(name, args, Path(directory), graphs) for name in args.search}
        for name, recognizer in recognizers.items():
            seconds = 60 * min(args.minutes, SEARCHES[name][2])
            print(f"{name}, {seconds:.0f} s in pieces of {args.chunk_ms} ms")
            clock = time.process_time if args.threads == 1 else time.perf_counter
            one_stream(recognizer, noise(seconds), args.chunk_ms * RATE // 1000, clock)
            if args.sessions:
                together(recognizer, args.sessions, args.chunk_ms * RATE // 1000, clock)


def recognizer_of(name: str, args: argparse.Namespace, directory: Path, known: dict[int, Any]) -> StreamingRecognizer:
    """A recogniser of random weights on onnxruntime; searches of one model share its graphs."""
    keys, options, _ = SEARCHES[name]
    if id(keys) not in known:
        known[id(keys)] = export(keys, args, directory / str(id(keys)))
    graphs, streaming, special = known[id(keys)]
    section = SearchSection(RATE, TOKENS, special, streaming=streaming)
    return StreamingRecognizer(SearchModel(graphs, section, CharTokenizer()), DecodeOptions(**options))


def export(keys: dict[str, Any], args: argparse.Namespace, directory: Path) -> tuple[Any, ...]:
    """Export a model: its graphs, streaming parameters, and special symbols."""
    torch.manual_seed(0)
    encoder = {**ENCODER, "linear_units": args.linear_units, "num_blocks": args.num_blocks}
    base = {"encoder": "contextual_block_conformer", "encoder_conf": encoder, "normalize": None, "token_list": TOKENS}
    model = ASRTask.build_model({**base, **keys}).eval()
    directory.mkdir()
    parts = model.streaming_parts()
    paths = {c.name: export_component(m, c, directory / f"{c.name}.onnx") for m, c in parts}
    graphs = {c.name: OnnxGraph(paths[c.name], c, args.threads) for _, c in parts}
    return graphs, model.streaming(), {"blank": model.blank_id, "sos": model.sos, "eos": model.eos}


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise with a loudness that varies like syllables, four per second."""
    generator = np.random.default_rng(seed)
    samples = generator.standard_normal(int(seconds * RATE), dtype=np.float32)
    levels = 10 ** generator.uniform(-3.0, -0.7, int(4 * seconds) + 2)
    places = np.arange(len(samples), dtype=np.float32) * 4 / RATE
    return samples * np.interp(places, np.arange(len(levels)), levels).astype(np.float32)


def one_stream(recognizer: StreamingRecognizer, speech: np.ndarray, size: int, clock: Callable[[], float]) -> None:
    """Print the times of its pieces, and the memory at every minute."""
    session, times, memory = recognizer.session(), [], [resident()]
    pieces = range(0, len(speech), size)
    minute = 60 * RATE // size
    for index, start in enumerate(pieces, 1):
        begin = clock()
        results = session(speech[start : start + size], is_final=start + size >= len(speech))
        times.append(clock() - begin)
        if index % minute == 0:
            memory.append(resident())
    milliseconds = 1000 * np.array(times)
    median, late = np.percentile(milliseconds, [50, 95])
    print(
        f"  real-time factor {sum(times) * RATE / len(speech):.3f}, a piece {median:.1f} ms, 95 % {late:.1f} ms, "
        f"longest {milliseconds[:-1].max():.1f} ms, the last {milliseconds[-1]:.1f} ms; "
        f"{len(results[0].token_int) if results else 0} tokens"
    )
    print("  resident MiB by minute: " + " ".join(f"{value:.1f}" for value in memory), flush=True)


def together(
    recognizer: StreamingRecognizer, count: int, size: int, clock: Callable[[], float], seconds: float = 20.0
) -> None:
    """Print the throughput of `count` streams, one by one and together."""
    speeches = [noise(seconds, seed) for seed in range(count)]
    starts = range(0, len(speeches[0]), size)

    def alone() -> None:
        for speech in speeches:
            session = recognizer.session()
            for start in starts:
                session(speech[start : start + size], is_final=start == starts[-1])

    def side_by_side() -> None:
        sessions = [recognizer.session() for _ in speeches]
        for start in starts:
            pieces = (speech[start : start + size] for speech in speeches)
            recognizer.advance([(s, piece, start == starts[-1]) for s, piece in zip(sessions, pieces, strict=True)])

    spent = []
    for run in (alone, side_by_side):
        begin = clock()
        run()
        spent.append(clock() - begin)
    one, all_ = (count * seconds / value for value in spent)
    print(f"  {count} streams: one by one {one:.1f} s of speech a second, together {all_:.1f}: {all_ / one:.2f} times")


def resident() -> float:
    """Resident memory of the process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
