"""Base of families whose models give samples: speech from text, singing, vocoders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.check import Check
from espnet2.interface.errors import DataError, shortened
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.compare import difference
from espnet2.runtime.conditions import SPEECH, conditions_of
from espnet2.runtime.family import Components, Family
from espnet2.runtime.section import Section
from espnet2.runtime.synthesis_flow import SAMPLES, STYLE
from espnet2.runtime.synthesis_model import SynthesisModel, SynthesisSection
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.utils.text_file import lines_of

TEXT_FILE, SEPARATORS = ".txt", "/\\"  # by which names of files are told from texts
UNCUT = 1 << 30  # characters of a text, which no text has
DRAWN_TOKENS = (1, 17, 40)  # of the texts that are spoken where none is given
DRAWN_FRAMES, LEAST_SAMPLES = 50, 16000  # of a reference utterance


class SynthesisFamily(Family):
    """A family whose signals are keywords of a call, and whose results are arrays by name."""

    section: ClassVar[type[Section]] = SynthesisSection
    options = SynthesisOptions

    def model(
        self,
        graphs: Mapping[str, Graph],
        section: Any,
        files: Mapping[str, Path],
        options: SynthesisOptions,
    ) -> SynthesisModel:
        """Graphs, section and the tokenizer's file."""
        return SynthesisModel(graphs, section, files)

    def signals(self, components: Components, section: Any, recordings: Sequence[str | Path]) -> dict[str, Any]:
        """Texts by name: those given, or the lines of files that are; drawn token ids where there are none.

        A `Path`, what ends in `.txt`, and a word with a separator of paths in it have to be files.

        Conditions, such as a speaker or a reference utterance, are drawn.
        """
        entry = next(components[name] for name in self.entries if name in components)
        text = entry.inputs[0]
        rng = np.random.default_rng(0)
        texts: dict[str, Any] = {
            f"generated text of {length} tokens": rng.integers(0, int(text.below), length) for length in DRAWN_TOKENS
        }
        if recordings:
            texts = {line: line for given in recordings for line in lines_given(given)}
        drawn = {name: drawn_value(tensor, rng) for name, tensor in conditions_of(components.values()).items()}
        if STYLE in components:
            drawn[SPEECH] = _utterance(components[STYLE], rng)
        return {name: {text.name: value, **drawn} for name, value in texts.items()}

    def duration(self, components: Components, section: Any, signal: Any, result: Any) -> float:
        """Seconds of the samples; 0 where results are discrete units."""
        return len(result.get(SAMPLES, ())) / section.sample_rate

    def checked_options(
        self, components: Components, section: Any, bounded: bool
    ) -> tuple[SynthesisOptions, SynthesisOptions]:
        """Without steps of Griffin-Lim, whose phases go apart however small a difference is, and with whole texts."""
        options = self.read_options({"griffin_lim_iters": 0, "always_fix_seed": True, "max_text_length": UNCUT})
        return options, options

    def compare(self, expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> list[Check]:
        """Compare the arrays of each name; samples relative to their peak, where that exceeds 1."""
        checks = []
        for key, value in expected.items():
            peak = max(1.0, float(np.abs(value).max(initial=0))) if key == SAMPLES else 1.0
            checks.append(Check("synthesis", f"{name}: {key}", difference(value / peak, found[key] / peak)))
        return checks


def lines_given(given: str | Path) -> list[str]:
    """The lines of a file that are not empty, or the text itself; raises `DataError` for a file that is not there."""
    if not os.path.isfile(given):
        text = str(given)
        path = len(text.split()) == 1 and any(separator in text for separator in SEPARATORS)
        if isinstance(given, Path) or text.lower().endswith(TEXT_FILE) or path:
            raise DataError(f"{shortened(text, 80)}: expected a text, or a file of texts, found no such file")
        return [text]
    lines = (line.rstrip("\n") for line in lines_of(given, "a text on each line", DataError))
    return [line for line in lines if line.strip()]


def drawn_value(tensor: Tensor, rng: np.random.Generator, **sizes: int) -> np.ndarray:
    """A random input of one text, without the batch's axis; `sizes` are those of its named axes."""
    shape = tuple(axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes[1:])
    if tensor.dtype.startswith("int"):
        return rng.integers(int(tensor.least), int(tensor.below), shape)
    return rng.standard_normal(shape).astype(tensor.dtype)


def _utterance(component: Component, rng: np.random.Generator) -> np.ndarray:
    """A reference utterance: samples (N,), or features (T, F)."""
    unit, *sizes = component.inputs[0].axes[1:]
    count = max(component.shortest(DRAWN_FRAMES).get(str(unit), 1), LEAST_SAMPLES if unit == "samples" else 1)
    return (0.1 * rng.standard_normal((count, *map(int, sizes)))).astype(np.float32)
