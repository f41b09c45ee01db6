"""Decoding options of models that translate speech."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.runtime.option_fields import is_integer, option, require
from espnet2.runtime.options import DecodeOptions

RECOGNITION = "asr_"  # begin of the options of the recognition that precedes a translation


@dataclass(frozen=True)
class STOptions(DecodeOptions):
    """Options of a translator of speech, with upstream's defaults; raises `OptionError` for a value not allowed.

    Those that begin with `asr_` are of models that recognise speech, and translate what they recognise.
    """

    purpose = "speech translation"

    ctc_weight: float = option(0.0, "weight of the CTC prefix score; the decoder's is 1 - ctc_weight")
    normalize_length: bool = option(False, "without effect, as in upstream's speech translation")
    hugging_face_decoder: bool = option(
        False, "search with the start and end symbols that a decoder of transformers was made with"
    )
    hugging_face_decoder_max_length: int = option(256, "without effect, as in upstream's speech translation")
    asr_beam_size: int = option(20, "multi-decoder models: hypotheses of the recognition kept at every step")
    asr_ctc_weight: float = option(0.3, "multi-decoder models: weight of CTC in the recognition")
    asr_lm_weight: float = option(1.0, "multi-decoder models: weight of the language model in the recognition")
    asr_ngram_weight: float = option(0.9, "multi-decoder models: weight of the n-gram model in the recognition")
    asr_penalty: float = option(0.0, "multi-decoder models: added to the score of the recognition for every token")
    asr_maxlenratio: float = option(0.0, "multi-decoder models: as maxlenratio, of the recognised text")
    asr_minlenratio: float = option(0.0, "multi-decoder models: as minlenratio, of the recognised text")
    asr_nbest: int = option(1, "multi-decoder models: recognised texts returned; the best one is translated")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recognition()
        object.__setattr__(self, "normalize_length", False)
        most = self.hugging_face_decoder_max_length
        require(is_integer(most) and most > 0, "hugging_face_decoder_max_length", "a number of tokens above 0", most)

    def asks_for(self, search: str) -> bool:
        """See the base class; a decoder of transformers is one scorer of several, as in upstream."""
        return search != "hugging_face_decoder" and super().asks_for(search)

    def recognition(self) -> DecodeOptions:
        """The options of the recognition; raises `OptionError` as the class does."""
        own: dict[str, Any] = {item.name.removeprefix(RECOGNITION): getattr(self, item.name) for item in _of(self)}
        try:
            return DecodeOptions(**own)
        except OptionError as error:
            raise OptionError(RECOGNITION + str(error)) from error


def _of(options: STOptions) -> list[Any]:
    return [item for item in fields(options) if item.name.startswith(RECOGNITION)]
