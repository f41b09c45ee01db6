"""Speech recognition: CTC, attention and transducer models, for whole utterances and for streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from espnet2.runtime.asr import Recognizer
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.families.search import SearchFamily
from espnet2.runtime.family import Run, Stages
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel
from espnet2.utils.upstream_options import names, require


class Recognition(SearchFamily):
    """Recognisers, whose results are those of `espnet2.runtime.Speech2Text`."""

    subject = "speech recognition"
    recognizer: ClassVar[type[Recognizer]] = Recognizer
    entries: ClassVar[Mapping[str, str]] = {"encoder": "Speech2Text", "encoder_step": "Speech2TextStreaming"}

    def read_options(self, keywords: Mapping[str, Any]) -> DecodeOptions:
        """The decoding options; upstream's options that have no effect here are taken with the value that it has."""
        others = {name: value for name, value in keywords.items() if name in names()}
        require(others)
        return self.options.from_keywords({name: value for name, value in keywords.items() if name not in others})

    def run(self, model: SearchModel, options: DecodeOptions) -> Run:
        """The function from one utterance to its results; streams get it as a single chunk."""
        if "encoder" in model.graphs:
            return self.recognizer(model, options)
        streaming = StreamingRecognizer(model, options)
        return lambda speech: streaming.session()(speech)

    def stages(self, model: SearchModel, options: DecodeOptions) -> Stages:
        """Encoder and search of whole utterances; streams have one stage."""
        if "encoder" not in model.graphs:
            return super().stages(model, options)
        recognizer = self.recognizer(model, options)
        return {"encoder": lambda speech: recognizer.encode([speech])[0], "search": recognizer.search}


ASR = Recognition()
