"""PyTorch against onnxruntime over lengths and batches: encoder output and decoder log-probabilities.

    python tools/bench/every_length.py --bundle B --asr_train_config config.yaml --asr_model_file model.pth

Lengths: the shortest that the encoder accepts and the next 24 multiples of 37 samples, then 16 more up to `--seconds`,
each with 1 to 8 utterances in a ragged batch (up to `--budget`). Each encoder output is decoded
for five tokens with a beam of four. Prints the largest absolute differences per batch size.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
from tqdm import tqdm

from espnet2.export.examples import draw
from espnet2.export.steps import Steps
from espnet2.inference.trained import load_trained
from espnet2.interface.graph import Graph
from espnet2.runtime.bundle import Bundle
from espnet2.utils.model_options import add_model_options, model_options

STEPS, BEAM = 5, 4
Graphs = Mapping[str, Graph]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    add_model_options(parser)
    parser.add_argument("--seconds", type=float, default=60.0, help="the longest utterance (default: 60)")
    parser.add_argument("--budget", type=float, default=240.0, help="most seconds of speech in a batch (default: 240)")
    args = parser.parse_args()
    trained, bundle = load_trained(**model_options(args)), Bundle.load(args.bundle)
    onnx: Graphs = {name: bundle.graph(name) for name in bundle.components}
    encoder = bundle.components["encoder"]
    shortest = encoder.shortest()["samples"]
    longest = int(args.seconds * trained.section.sample_rate)
    lengths = [shortest + 37 * index for index in range(25)] + np.geomspace(2 * shortest, longest, 16).astype(
        int
    ).tolist()
    worst = {batch: np.zeros(2) for batch in range(1, 9)}
    for length in tqdm(lengths, unit="length"):
        for batch in worst:
            if batch * length > args.budget * trained.section.sample_rate:
                continue
            feeds = draw(encoder, {"batch": batch, "samples": int(length)}, seed=length)
            feeds["speech"] *= np.float32(0.1)
            worst[batch] = np.maximum(worst[batch], compare(trained.graphs, onnx, feeds))
    print(f"{len(lengths)} lengths, {shortest} to {longest} samples\nbatch  encoder_out  log_probs")
    for batch, (hidden, log_probs) in worst.items():
        print(f"{batch:5d}  {hidden:11.1e}  {log_probs:9.1e}")


def compare(torch: Graphs, onnx: Graphs, feeds: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Largest absolute differences of encoder output (valid frames) and of log-probabilities."""
    expected, found = torch["encoder"](feeds), onnx["encoder"](feeds)
    lengths = expected["encoder_out_lens"].numpy()
    assert np.array_equal(lengths, found["encoder_out_lens"].numpy()), (lengths, found["encoder_out_lens"].numpy())
    hidden = [values["encoder_out"].numpy() for values in (expected, found)]
    valid = np.arange(hidden[0].shape[1]) < lengths[:, None]
    pair = [decode(graphs, hidden[0], lengths) for graphs in (torch, onnx)]
    return float(np.abs(hidden[0] - hidden[1])[valid].max()), float(np.abs(pair[0] - pair[1]).max())


def decode(graphs: Graphs, encoder_out: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Log-probabilities of a few steps over a beam that is reordered on the way: (steps, batch, beam, V)."""
    step = graphs["decoder_step"]
    batch, rng = len(encoder_out), np.random.default_rng(0)
    memory = {**graphs["decoder_start"]({"encoder_out": encoder_out}), "memory_lengths": lengths}
    steps, parents, results = Steps(step, batch, memory), np.zeros((batch, BEAM), np.int64), []
    for _ in range(STEPS):
        tokens = rng.integers(1, step.component.inputs[0].below, (batch, BEAM))
        results.append(steps(tokens, parents))
        parents = rng.integers(0, BEAM, (batch, BEAM))
    return np.stack(results)


if __name__ == "__main__":
    main()
