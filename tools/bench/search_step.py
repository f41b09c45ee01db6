"""Time per step of the beam search without the decoder: CTC prefix scores and the bookkeeping of the beam.

The decoder is a table look-up, so that the search itself is measured. Run with one thread:
OMP_NUM_THREADS=1 python tools/bench/search_step.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer


class Clock:
    """Adds up the time spent in a method."""

    def __init__(self, owner, method: str) -> None:
        self.seconds, self.calls, self._method = 0.0, 0, getattr(owner, method)
        setattr(owner, method, self)

    def __call__(self, *arguments, **keywords):
        start = time.perf_counter()
        result = self._method(*arguments, **keywords)
        self.seconds += time.perf_counter() - start
        self.calls += 1
        return result


class Table(BatchScorerInterface):
    """Log-probabilities drawn beforehand, by last token."""

    def __init__(self, vocab: int, rng: np.random.Generator) -> None:
        self.rows = rng.normal(size=(64, vocab)).astype(np.float32) * 3
        self.rows -= np.log(np.exp(self.rows).sum(-1, keepdims=True))

    def batch_score(self, ys, states, xs):
        return self.rows[ys[:, -1] % len(self.rows)], [None] * len(ys)


class Posteriors:
    """Peaky CTC posteriors, mostly blank."""

    def __init__(self, frames: int, vocab: int, rng: np.random.Generator) -> None:
        x = rng.normal(size=(frames, vocab)).astype(np.float32)
        x[:, 0] += np.where(rng.random(frames) < 0.7, 14, 0)
        x[np.arange(frames), rng.integers(1, vocab, frames)] += 10
        self.log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))

    def log_softmax(self, x):
        return self.log_p[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("beam", 10), ("vocab", 5000), ("frames", 287), ("steps", 60), ("rounds", 5)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--ctc_weight", type=float, default=0.3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    ctc = CTCPrefixScorer(Posteriors(args.frames, args.vocab, rng), args.vocab - 1)
    weights = {"decoder": 1 - args.ctc_weight, "ctc": args.ctc_weight}
    key = None if args.ctc_weight == 1 else "full"
    end = args.vocab - 1
    beam = BatchBeamSearch(
        {"decoder": Table(args.vocab, rng), "ctc": ctc},
        weights,
        args.beam,
        args.vocab,
        end,
        end,
        pre_beam_score_key=key,
    )
    x = np.zeros((args.frames, 1), np.float32)
    best = []
    for _ in range(args.rounds):
        clocks = [Clock(beam, "search"), Clock(ctc, "batch_score_partial"), Clock(beam, "forward")]
        beam.forward(x, maxlenratio=-args.steps, minlenratio=-args.steps)
        best.append([1e3 * clock.seconds / clocks[0].calls for clock in clocks])
        for owner, method in ((beam, "search"), (ctc, "batch_score_partial"), (beam, "forward")):
            delattr(owner, method)
    search, prefix, whole = np.min(best, axis=0)
    print(f"beam {args.beam}, vocabulary {args.vocab}, {args.frames} frames, {clocks[0].calls} steps")
    print(f"search step {search:.3f} ms, of which CTC {prefix:.3f} ms ({prefix / search:.0%})")
    print(f"with set-up and end of hypotheses {whole:.3f} ms a step")


if __name__ == "__main__":
    main()
