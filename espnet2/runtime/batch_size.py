"""The number of utterances that are best recognised together, where the option is `auto`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

import numpy as np

from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.memory import usable_memory

AUTO = "auto"
# Hypotheses of all utterances in one step. A step reads each weight once, and computes two operations with it for each
# hypothesis: with about a hundred of these, processors compute for longer than they read, and more gain little.
HYPOTHESES = 160
MOST = 32  # utterances: what greedy searches gain by more is little, and waiting ones take memory
FRAMES = 750  # of an utterance of 30 s, as long as those of which a batch is made; 40 ms each
TOKENS = 250  # of its hypotheses
ENCODERS = ("encoder", "encoder_step")  # whose batches have a limit of their own, see `LongForm`
COPIES = 2  # of what a step reads: it and what the step makes of it


def batch_size_or_auto(text: str) -> int | str:
    """The value of the option on a command line; raises `argparse.ArgumentTypeError` for another one."""
    try:
        return AUTO if text == AUTO else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or {AUTO}, found {text!r}") from None


def best_batch_size(graphs: Mapping[str, Graph], beam_size: int, memory: int | None = None) -> int:
    """Utterances to recognise together, at least 1, by the sizes of the graphs' inputs and the memory that is left.

    Args:
        graphs: Of the model, by name.
        beam_size: Hypotheses of an utterance.
        memory: In bytes; None: what this process may take now.
    """
    searched = [graph.component for name, graph in graphs.items() if name not in ENCODERS]
    each = sum(_memory(component, beam_size) for component in searched)
    room = (usable_memory() if memory is None else memory) // max(each, 1)
    return max(min(HYPOTHESES // beam_size, MOST, room), 1)


def _memory(component: Component, beam_size: int) -> int:
    """Bytes that inputs and results of a component take for an utterance."""
    sizes = {"batch": 1, "beam": beam_size, "parent": beam_size, "past": TOKENS, "rows": TOKENS * beam_size}
    return COPIES * sum(
        math.prod(axis if isinstance(axis, int) else sizes.get(axis.partition("+")[0], FRAMES) for axis in tensor.axes)
        * np.dtype(tensor.dtype).itemsize
        for tensor in (*component.feeds, *component.results)
    )
