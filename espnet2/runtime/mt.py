"""Translation of texts, or of discrete units: encoder, search and tokenizers over graphs that onnxruntime or PyTorch
runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.asr import OfBundle, Recognizer
from espnet2.runtime.long_form import LongForm
from espnet2.runtime.memory import GB
from espnet2.runtime.mt_options import MTOptions
from espnet2.runtime.mt_section import TextSearchModel
from espnet2.runtime.results import Results
from espnet2.runtime.text_reader import TextReader

SOURCE = "src_text"  # name of source texts in messages, calls and lists
SPOKEN = "speech"  # name of inputs in messages of the base class


class WholeTexts(LongForm):
    """Rule of texts: none is cut."""

    def cuts(self, steps: int) -> bool:
        """Whether a text of `steps` tokens is cut: never."""
        return False

    def require(self, steps: int, name: str) -> None:
        """Raise `DataError`, which calls it `name`, for a text that memory does not suffice for."""
        if not self.fits(steps):
            needed = f"{steps} tokens, which would take about {self.memory(steps) / GB:.3g} GB"
            raise DataError(
                f"{name}: expected at most what {self.limit / GB:.3g} GB of memory are enough for, found {needed}; "
                "cut it, or set memory_limit"
            )


class TextTranslator(Recognizer):
    """Encoder, search and tokenizers; whoever runs the graphs.

    Args:
        model: Graphs, whoever runs them, among them `encoder`; tokens; and what else a search needs.
        options: Of the search; without decoder, `ctc_weight` is 1, and without CTC 0.

    Raises:
        OptionError: Times are asked for, which texts have not.
    """

    long_form: WholeTexts

    def __init__(self, model: TextSearchModel, options: MTOptions) -> None:
        if options.timestamps != "none":
            raise OptionError(f"timestamps: expected none, since texts have no times, found {options.timestamps!r}")
        super().__init__(model, options)
        self.reader: TextReader = model.reader
        self.dropped = frozenset({0, model.section.special["eos"]})  # as upstream, wherever the end symbol stands
        self.long_form = WholeTexts(self.encoder.component, self.options, self.sample_rate)

    def __call__(self, src_text: Any, *, hotwords: Any = None, hotword_weight: float | None = None) -> Any:
        """The n-best results for one text, best first.

        Args:
            src_text: The text, or ids (U,) of its tokens. Of a list of these, a list of n-best lists.
            hotwords, hotword_weight: Instead of the options of these names, see `with_hotwords`.

        Raises:
            DataError: A text without tokens, ids that are none of the model's, or a text that is too long for memory.
        """
        several = isinstance(src_text, list | tuple) and not all(isinstance(one, int | np.integer) for one in src_text)
        own = self.with_hotwords(hotwords, hotword_weight)
        return own.batch_decode(src_text) if several else own.batch([src_text])[0]

    def batch_decode(self, speech: Any, speech_lengths: Any = None) -> list[Results]:
        """The n-best results for each of several texts; `batch_size` of them are translated together.

        Args:
            speech: Texts, or ids of their tokens.
            speech_lengths: Without effect.

        Raises:
            DataError: As for a call.
        """
        return self.batch(list(speech))

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Ids (U,) int64 of a text, or of ids, as the encoder takes them; errors call it `name`.

        Raises:
            DataError: As for a call.
        """
        name = SOURCE + name.removeprefix(SPOKEN) if name.startswith(SPOKEN) else name
        ids = self.reader.ids(speech, name)
        self.long_form.require(len(ids), name)
        return ids

    def encode(self, speeches: Sequence[Any]) -> list[np.ndarray]:
        """Encoder outputs (T, D) of texts that go through the encoder as one batch."""
        return self.forward([self.check(text, SOURCE) for text in speeches])


class Text2Text(OfBundle, TextTranslator):
    """Translates texts, or recognises discrete units, with a bundle, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        quantized, num_threads, providers, ngram_file, ngram_scorer, verify: As of `espnet2.runtime.Speech2Text`.
        options: Those of `MTOptions`, with their defaults; `device`, `cpu` or `cuda`, instead of providers.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed, or that the bundle cannot satisfy.
    """

    task: ClassVar[str] = "mt"
