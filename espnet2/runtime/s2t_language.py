"""Identification of the language that a recording is in, by the first token that an S2T model gives it.

A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022: the decoder's probabilities of
the languages, behind the start symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet.nets.scorers.step import StepScorer
from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.s2t import S2TRecognizer
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.runtime.search_model import SearchModel

if TYPE_CHECKING:
    from typing_extensions import Self

FIRST, LAST = "<abk>", "<zul>"  # languages of OWSM, by their codes of ISO 639-3


class LanguageIdentifier:
    """Encoder and decoder of a model whose texts begin with a language; whoever runs the graphs.

    Args:
        model: Graphs, tokens, and what else a search needs.
        nbest: Languages that are returned.
        first_lang_sym, last_lang_sym: Symbols of the first and the last language, in the order of the tokens.

    Raises:
        OptionError: An option that is not allowed, or a symbol that the model does not have.
    """

    def __init__(
        self, model: SearchModel, nbest: int = 1, first_lang_sym: str = FIRST, last_lang_sym: str = LAST
    ) -> None:
        if type(nbest) is not int or nbest < 1:
            raise OptionError(f"nbest: expected an integer of at least 1, found {nbest!r}")
        if "decoder_step" not in model.graphs:
            raise BundleError(f"expected a component 'decoder_step', found {', '.join(model.graphs)}")
        section: Any = model.section
        first = section.index_of("first_lang_sym", first_lang_sym)
        last = section.index_of("last_lang_sym", last_lang_sym)
        if last < first:
            raise OptionError(f"last_lang_sym: expected a token behind {first_lang_sym}, found {last_lang_sym}")
        self.nbest = nbest
        self.languages = range(first, last + 1)
        task = next(iter(section.symbols()), first_lang_sym)
        self.recognizer = S2TRecognizer(model, S2TOptions(lang_sym=first_lang_sym, task_sym=task))
        self.sample_rate = section.sample_rate
        self._start = section.special["sos"]
        self._tokens = section.tokens
        self._decoder = StepScorer(model.graphs["decoder_step"], model.graphs.get("decoder_start"))

    def __call__(self, speech: Any) -> list[tuple[str, float]]:
        """The likeliest languages of a recording, each with its probability among all, best first.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate; its first window is read.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
        """
        (encoder_out,) = self.recognizer.encode([speech])
        state = self._decoder.init_state(encoder_out)
        scores, _ = self._decoder.score(np.array([self._start]), state, encoder_out)
        of_languages = np.asarray(scores, np.float64)[self.languages.start : self.languages.stop]
        odds = np.exp(of_languages - of_languages.max())
        best = np.argsort(-odds, kind="stable")[: self.nbest]
        return [(self._tokens[self.languages[place]], float(odds[place] / odds.sum())) for place in best]


class Speech2Language(LanguageIdentifier):
    """Identifies languages with a bundle of an S2T model, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        nbest, first_lang_sym, last_lang_sym: As for `LanguageIdentifier`.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of the encoder (default: all cores that the process may use).
        providers: Execution providers of onnxruntime, most wanted first.
        device: `cpu` or `cuda`, instead of providers.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        nbest: int = 1,
        first_lang_sym: str = FIRST,
        last_lang_sym: str = LAST,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        device: str | None = None,
    ) -> None:
        loaded = load(
            bundle,
            family_of("s2t"),
            "encoder",
            {} if device is None else {"device": device},
            quantized=quantized,
            num_threads=num_threads,
            providers=providers,
        )
        self.bundle = loaded.bundle
        super().__init__(loaded.model, nbest, first_lang_sym, last_lang_sym)

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The identifier of a bundle: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)
