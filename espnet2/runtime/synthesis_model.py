"""A model that speaks: graphs, the section of its bundle, and the conversion of texts to tokens.

The section of such a bundle:

    sample_rate: 22050                  Hz
    tokens: [<blank>, <unk>, ...]       in the order of their indices
    text: {token_type: phn, cleaner: [tacotron], g2p: g2p_en, non_linguistic_symbols: []}
    griffin_lim: {n_fft: 1024, ...}     the features, as arguments of `espnet2.utils.griffin_lim.Spectrogram2Waveform`,
                                        which makes samples of them without a vocoder, and to which another vocoder is
                                        compared; {}: not known

Its file is `bpemodel`, the tokenizer's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, shortened
from espnet2.interface.graph import Graph
from espnet2.runtime.long_texts import is_punctuation
from espnet2.runtime.section import Section, is_list_of, is_mapping, require, require_rate
from espnet2.runtime.synthesis_options import MOST_STEPS
from espnet2.runtime.text_reader import SHOWN, TextReader, require_text
from espnet2.text.text_to_ids import TextToIds
from espnet2.utils.griffin_lim import Spectrogram2Waveform

MOST_HZ = 1_000_000
LONGEST = 1 << 14  # samples of a transform: mel filters of longer ones take seconds to invert
# Smallest and largest values of whole numbers.
BOUNDS = {
    "n_fft": (1, LONGEST),
    "n_shift": (1, LONGEST),
    "win_length": (1, LONGEST),
    "n_mels": (1, 512),
    "fs": (1, MOST_HZ),
    "griffin_lim_iters": (0, MOST_STEPS),
}
NEEDED = ("n_fft", "n_shift")


@dataclass(frozen=True)
class SynthesisSection(Section):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int
    tokens: Sequence[str]
    text: Mapping[str, Any]
    griffin_lim: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_rate(self.sample_rate)
        require(is_list_of(self.tokens, str) and len(self.tokens) > 0, "tokens", "a list of strings", self.tokens)
        require_text(self.text)
        _require_features(self.griffin_lim)


def _require_features(found: Any) -> None:
    """Raise `BundleError` unless `found` is empty, or has arguments of `Spectrogram2Waveform`."""
    parameters = inspect.signature(Spectrogram2Waveform).parameters
    given = is_mapping(found) and set(found) <= set(parameters)
    require(given, "griffin_lim", f"arguments among {', '.join(parameters)}", found)
    if not found:
        return
    for name, (least, most) in BOUNDS.items():
        value = found.get(name)
        fits = (value is None and name not in NEEDED) or (type(value) is int and least <= value <= most)
        require(fits, f"griffin_lim.{name}", f"a whole number from {least} to {most}", value)
    for name in ("fmin", "fmax", "log_base"):
        value = found.get(name)
        fits = value is None or (type(value) in (int, float) and 0 <= value <= MOST_HZ)
        require(fits, f"griffin_lim.{name}", f"a number from 0 to {MOST_HZ}", value)
    require(found.get("log_base") not in (0, 1), "griffin_lim.log_base", "a base of logarithms", found.get("log_base"))
    window, htk = found.get("window"), found.get("htk", False)
    require(window is None or isinstance(window, str), "griffin_lim.window", "a name", window)
    require(isinstance(htk, bool), "griffin_lim.htk", "true or false", htk)
    if found.get("n_mels") is not None:
        rate = found.get("fs")
        require(rate is not None, "griffin_lim.fs", "the rate in Hz, which mel filters need", "none")
        low, high = found.get("fmin") or 0, found.get("fmax") or rate / 2
        require(low < high, "griffin_lim", "fmin below fmax", f"{low} and {high}")
    sizes = found["n_shift"], found.get("win_length") or found["n_fft"], found["n_fft"]
    require(sizes == tuple(sorted(sizes)), "griffin_lim", "n_shift, win_length and n_fft that increase", sizes)


@dataclass(frozen=True)
class SynthesisModel:
    """Graphs by name, with the section and files by role.

    Graphs of a synthesiser are those of its family; `vocoder`, where there is one, makes samples of features.
    """

    graphs: Mapping[str, Graph]
    section: SynthesisSection
    files: Mapping[str, Path] = field(default_factory=dict)

    @functools.cached_property
    def reader(self) -> TextReader:
        """The conversion of texts to token ids."""
        return TextReader(self.section.tokens, self.section.text, self.files.get("bpemodel"))

    @property
    def text_to_ids(self) -> TextToIds:
        """The same without checks."""
        return self.reader.text_to_ids

    def ids(self, text: Any, name: str = "text") -> np.ndarray:
        """Token ids (U,) int64 of a text, or of ids that are given; errors call it `name`.

        Tokens that the model does not know become its unknown symbol, and a warning names them.

        Raises:
            DataError: There is no token, or nothing but punctuation or unknown tokens, an id is none of the model's,
                or a token is unknown to a model without such a symbol.
        """
        if isinstance(text, str) and is_punctuation(text):
            found = f"nothing but punctuation or spaces: {shortened(repr(text), SHOWN)}"
            raise DataError(f"{name}: expected words, found {found}")
        return self.reader.ids(text, name, some_known=True)
