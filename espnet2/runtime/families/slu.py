"""Spoken language understanding: recognisers of meanings, which may read a transcript of the recording, too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.runtime.families.asr import Recognition
from espnet2.runtime.family import Components
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchSection
from espnet2.runtime.slu import SLURecognizer
from espnet2.runtime.slu_model import TOKENIZER_FILE, SLUModel, example_transcript, with_transcripts
from espnet2.runtime.slu_options import SLUOptions
from espnet2.runtime.slu_section import SLUSection
from espnet2.text.transcript_tokenizer import TranscriptTokenizer

READS = ["transcript", "transcript_lengths"]  # behind speech and its lengths


class Understanding(Recognition):
    """Models whose encoder may read a transcript; results are those of `espnet2.runtime.Speech2Text`."""

    subject = "spoken language understanding"
    speech2text = "espnet2.runtime.slu:SLUSpeech2Text"
    section = SLUSection
    options: ClassVar[type[SLUOptions]] = SLUOptions
    recognizer: ClassVar[type[SLURecognizer]] = SLURecognizer

    def require_usable(self, components: Components, section: SearchSection) -> None:
        """As in recognition; the encoder of a model with words of transcripts reads one."""
        assert isinstance(section, SLUSection)
        encoder = components.get("encoder")
        if encoder is None or not section.transcript_tokens:
            super().require_usable(components, section)
            return
        super().require_usable({name: one for name, one in components.items() if name != "encoder"}, section)
        if [tensor.name for tensor in encoder.inputs[2:]] != READS or len(encoder.outputs) != 2:
            raise BundleError(f"encoder: expected speech, its lengths, {', '.join(READS)} as inputs, found others")

    def model(
        self,
        graphs: Mapping[str, Graph],
        section: SearchSection,
        files: Mapping[str, Path],
        options: DecodeOptions,
        ngram_scorer: str = "full",
    ) -> SLUModel:
        """The model with its tokenizers and n-gram scorer."""
        plain = super().model(graphs, section, files, options, ngram_scorer)
        if not getattr(section, "transcript_tokens", ()):
            return with_transcripts(plain, None)
        if TOKENIZER_FILE not in files:
            raise BundleError(f"files: expected {TOKENIZER_FILE}, since the model reads transcripts, found none")
        return with_transcripts(plain, TranscriptTokenizer(files[TOKENIZER_FILE]))

    def checked_options(self, components: Components, section: Any, bounded: bool) -> tuple[Any, Any]:
        """As in recognition, with a transcript where the model reads one."""
        transcript = example_transcript(section)
        theirs, ours = super().checked_options(components, section, bounded)
        assert isinstance(theirs, SLUOptions) and isinstance(ours, SLUOptions)
        return dataclasses.replace(theirs, transcript=transcript), dataclasses.replace(ours, transcript=transcript)


SLU = Understanding()
