"""Processor time of a step of the batch beam search without the decoder: CTC prefix scores, and the beam itself.

The decoder is a table look-up that mostly proposes the text of the CTC posteriors, so that hypotheses are as close to
one another as those of a trained model. Run with one thread; it takes half a minute:
OMP_NUM_THREADS=1 python tools/bench/search_step.py
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer

FRAMES_PER_TOKEN = 4.8  # 25 frames and 5.2 tokens a second


class Clock:
    """Adds up the processor time spent in a method of an object."""

    def __init__(self, owner, method: str) -> None:
        self.seconds, self._method = 0.0, getattr(owner, method)
        setattr(owner, method, self)

    def __call__(self, *arguments, **keywords):
        start = time.thread_time()
        result = self._method(*arguments, **keywords)
        self.seconds += time.thread_time() - start
        return result


class Table(BatchScorerInterface):
    """Log-probabilities by step, the text's token in front, and a little by last token."""

    def __init__(self, text: np.ndarray, vocab: int, rng: np.random.Generator) -> None:
        rows = rng.normal(size=(64, vocab)).astype(np.float32) * 2
        self.rows, self.text = rows - np.log(np.exp(rows).sum(-1, keepdims=True)), text

    def batch_score(self, ys, states, xs):
        step = ys.shape[1] - 1
        scores = self.rows[step % len(self.rows)] + 0.1 * self.rows[ys[:, -1] % len(self.rows)]
        scores[:, self.text[min(step, len(self.text) - 1)]] = -1.0
        return scores, [None] * len(ys)


class Posteriors:
    """Peaky CTC log-probabilities (T, V) of a text: blanks, and now and then a frame or two of a token."""

    def __init__(self, text: np.ndarray, frames: int, vocab: int, rng: np.random.Generator) -> None:
        x = rng.normal(size=(frames, vocab)).astype(np.float32)
        x[:, 0] += 14
        places = np.linspace(0, frames - 2, len(text)).astype(int)
        for token, place in zip(text, places, strict=True):
            x[place : place + rng.integers(1, 3), token] += 22
        self.log_p = (x - np.log(np.exp(x).sum(-1, keepdims=True))).astype(np.float32)

    def log_softmax(self, x):
        return self.log_p[None]


def measure(frames: int, beam_size: int, vocab: int, ctc_weight: float, rounds: int) -> dict[str, float]:
    """Milliseconds of a step by part, the least of all rounds."""
    rng, end = np.random.default_rng(0), vocab - 1
    text = rng.integers(1, end, int(frames / FRAMES_PER_TOKEN))
    ctc = CTCPrefixScorer(Posteriors(text, frames, vocab, rng), end)
    scorers, weights = {"decoder": Table(text, vocab, rng), "ctc": ctc}, {"decoder": 1 - ctc_weight, "ctc": ctc_weight}
    beam = BatchBeamSearch(
        scorers, weights, beam_size, vocab, end, end, pre_beam_score_key=None if ctc_weight == 1 else "full"
    )
    methods = {
        "all": (beam, "forward"),
        "step": (beam, "search"),
        "decoder": (scorers["decoder"], "batch_score"),
        "CTC": (ctc, "batch_score_candidates"),
        "CTC of all tokens": (ctc, "batch_score_partial"),
        "candidates": (beam, "_pre_beam"),
        "states": (beam, "_select_states"),
    }
    found = []
    for _ in range(rounds):
        clocks = {name: Clock(*method) for name, method in methods.items()}
        beam.forward(np.zeros((frames, 1), np.float32), -len(text), -len(text))
        found.append({name: 1e3 * clock.seconds / len(text) for name, clock in clocks.items()})
        for owner, method in methods.values():
            delattr(owner, method)
    return {name: min(times[name] for times in found) for name in methods}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("beam", [10, 20]), ("frames", [290, 1500]), ("vocab", [5000]), ("rounds", [3])):
        parser.add_argument(f"--{option}", type=int, nargs="+" if len(default) > 1 else 1, default=default)
    parser.add_argument("--ctc_weight", type=float, default=0.3)
    args = parser.parse_args()
    (vocab,), (rounds,) = args.vocab, args.rounds
    print(f"milliseconds of a step, vocabulary {vocab}, CTC's weight {args.ctc_weight}")
    for frames, beam in itertools.product(args.frames, args.beam):
        times = measure(frames, beam, vocab, args.ctc_weight, rounds)
        whole = times.pop("all")
        step = times.pop("step") - times.pop("decoder")
        parts = ", ".join(f"{name} {value:.3f} ({value / step:.0%})" for name, value in times.items() if value)
        print(f"{frames:5d} frames, beam {beam}: {step:.3f}: {parts}; with set-up, end and table {whole:.3f}")


if __name__ == "__main__":
    main()
