"""Scorers that are tables of random numbers: what the tests of the searches are made of, and upstream's answers."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface

GOLDEN = Path(__file__).with_name("golden") / "search"
CASES: dict[str, Any] = json.loads((GOLDEN / "cases.json").read_text())


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Table(BatchScorerInterface):
    """Scores that depend on the last token and on a number computed from all tokens, held as the state."""

    def __init__(self, bigram, context):
        self.bigram, self.context = bigram, context

    def init_state(self, x):
        return 0

    def score(self, y, state, x):
        state = (state * 3 + int(y[-1])) % len(self.context)
        return log_softmax(self.bigram[y[-1]] + self.context[state]), state


class Posteriors:
    """A CTC layer that gives what it was made with, whatever it reads."""

    def __init__(self, log_p):
        self.log_p = log_p

    def log_softmax(self, x):
        return self.log_p[None]


def random_tables(seed, vocab, frames, contexts=3):
    rng = np.random.default_rng(seed)
    shapes = {"bigram": (vocab, vocab), "context": (contexts, vocab)}
    tables = {f"{s}_{k}": rng.normal(size=shape) * 2 for s in ("decoder", "lm") for k, shape in shapes.items()}
    return {**tables, "ctc": log_softmax(rng.normal(size=(frames, vocab)) * 2)}


@functools.cache
def golden_tables() -> list[dict[str, np.ndarray]]:
    """The tables that upstream searched, one dictionary for each seed."""
    arrays = np.load(GOLDEN / "tables.npz")
    tables: dict[int, dict[str, np.ndarray]] = {}
    for name in arrays.files:
        seed, key = name.split("_", 1)
        tables.setdefault(int(seed), {})[key] = arrays[name]
    return [tables[seed] for seed in sorted(tables)]


class Frames:
    """A CTC layer whose input is its output: encoder outputs are log-probabilities."""

    def log_softmax(self, x):
        return x


def pieces(x, cuts):
    """x (T, ...) cut at the places `cuts`, which may be beyond it, in any order, or equal."""
    return np.split(x, sorted(min(cut, len(x)) for cut in cuts))
