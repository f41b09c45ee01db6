"""Translation of speech: hybrid models, transducers, and models that recognise first and translate then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.runtime.families.asr import Recognition
from espnet2.runtime.families.search import search_model
from espnet2.runtime.family import Components, Run
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import graphs_used
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.st import BETWEEN, FURTHER, PREFIX, SpeechTranslator, of_recognition, of_translation
from espnet2.runtime.st_options import STOptions
from espnet2.runtime.st_section import STSection, TwoPassModel
from espnet2.runtime.text_reader import SOURCE_MODEL
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer

SOURCE_NGRAM = "src_ngram"  # role of the source language's n-gram model in a bundle


class SpeechTranslation(Recognition):
    """Translators of speech, whose results are those of `espnet2.runtime.Speech2Text`."""

    subject = "speech translation"
    speech2text = "espnet2.runtime.st:STSpeech2Text"
    section = STSection
    options: ClassVar[type[STOptions]] = STOptions
    recognizer: ClassVar[type[SpeechTranslator]] = SpeechTranslator
    quantized: ClassVar[tuple[str, ...]] = (
        *Recognition.quantized,
        BETWEEN,
        FURTHER,
        *(PREFIX + name for name in ("ctc", "decoder_start", "decoder_step", "lm_step")),
    )

    def require_usable(self, components: Components, section: Any) -> None:
        """Check for the components that each search needs, and that they read what it feeds."""
        super().require_usable(of_translation(components), section)
        if not section.recognition:
            return
        super().require_usable(of_recognition(components), section.recogniser())
        if BETWEEN not in components or (len(components[BETWEEN].inputs), len(components[BETWEEN].outputs)) != (4, 2):
            raise BundleError(f"{BETWEEN}: expected such a component, with four inputs and two outputs, found none")

    def graphs_used(self, components: Components, options: DecodeOptions) -> set[str]:
        """The encoder's component, and those that the searches run."""
        used = super().graphs_used(of_translation(components), options)
        first = of_recognition(components)
        if first and isinstance(options, STOptions):
            used |= {
                BETWEEN,
                *({FURTHER} & {*components}),
                *(PREFIX + name for name in graphs_used(first, options.recognition())),
            }
        return used

    def model(
        self,
        graphs: Mapping[str, Graph],
        section: Any,
        files: Mapping[str, Path],
        options: DecodeOptions,
        ngram_scorer: str = "full",
    ) -> SearchModel:
        """The model with its tokenizers and n-gram scorer."""
        plain = super().model(graphs, section, files, options, ngram_scorer)
        spec = section.recognition.get("tokenizer") or {}
        tokens = section.recognition.get("tokens", ())
        tokenizer = load_tokenizer(spec.get("token_type"), files.get(SOURCE_MODEL), token_list=tokens)
        return two_pass(plain, tokenizer, files.get(SOURCE_NGRAM), options, ngram_scorer)

    def run(self, model: SearchModel, options: Any) -> Run:
        """The function from one utterance to its translations; streams get it as a single chunk."""
        if "encoder" not in model.graphs:
            return super().run(model, options)
        translator = self.recognizer(model, options)
        return lambda speech: translator.batch([speech])[0]


def two_pass(
    model: SearchModel,
    tokenizer: AbsTokenizer | None,
    ngram_file: Path | None,
    options: Any,
    ngram_scorer: str = "full",
) -> SearchModel:
    """The model of all graphs as one that recognises first, with this tokenizer and n-gram model, where it does."""
    section = model.section
    if not isinstance(section, STSection) or not section.recognition:
        return model
    own = of_recognition(model.graphs), section.recogniser()
    first = search_model(*own, tokenizer, ngram_file, options.recognition(), ngram_scorer)
    return TwoPassModel(of_translation(model.graphs), section, model.tokenizer, model.ngram, recognition=first)


ST = SpeechTranslation()
