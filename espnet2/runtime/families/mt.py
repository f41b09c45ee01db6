"""Machine translation, and recognition of discrete units: texts to texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.graph import Graph
from espnet2.runtime.families.asr import Recognition
from espnet2.runtime.families.synthesis import lines_given
from espnet2.runtime.family import Components
from espnet2.runtime.mt import TextTranslator
from espnet2.runtime.mt_options import MTOptions
from espnet2.runtime.mt_section import MTSection, TextSearchModel
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchSection
from espnet2.runtime.text_reader import SOURCE_MODEL, TextReader

DRAWN_TOKENS = (1, 17, 40)  # of the texts that are translated where none is given


class MachineTranslation(Recognition):
    """Translators of texts, whose results are those of `espnet2.runtime.Text2Text`."""

    subject = "machine translation"
    section: ClassVar[type[SearchSection]] = MTSection
    options: ClassVar[type[MTOptions]] = MTOptions
    recognizer: ClassVar[type[TextTranslator]] = TextTranslator
    entries: ClassVar[Mapping[str, str]] = {"encoder": "Text2Text"}

    def model(
        self,
        graphs: Mapping[str, Graph],
        section: Any,
        files: Mapping[str, Path],
        options: DecodeOptions,
        ngram_scorer: str = "full",
    ) -> TextSearchModel:
        """The model with its tokenizers and n-gram scorer."""
        plain = super().model(graphs, section, files, options, ngram_scorer)
        return with_reader(plain, files.get(SOURCE_MODEL))

    def signals(self, components: Components, section: Any, recordings: Sequence[str | Path]) -> dict[str, Any]:
        """Texts by name: those given, or the lines of files that are; drawn token ids where there are none."""
        if recordings:
            return {line: line for given in recordings for line in lines_given(given)}
        rng, count = np.random.default_rng(0), len(section.source_tokens)
        return {f"generated text of {size} tokens": rng.integers(0, count, size) for size in DRAWN_TOKENS}

    def duration(self, components: Components, section: Any, signal: Any, result: Any) -> None:
        """None: texts have no duration."""
        return


def with_reader(model: Any, bpemodel: Path | None) -> TextSearchModel:
    """A model with what reads source texts; `bpemodel` is the file of their tokenizer."""
    section: MTSection = model.section
    reader = TextReader(section.source_tokens, section.source, bpemodel, SOURCE_MODEL)
    return TextSearchModel(model.graphs, section, model.tokenizer, model.ngram, reader=reader)


MT = MachineTranslation()
