"""Decoding options of models that translate speech."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from espnet2.runtime.option_fields import option
from espnet2.runtime.options import DecodeOptions

RECOGNITION = "asr_"  # begin of the options of the recognition that precedes a translation


@dataclass(frozen=True)
class STOptions(DecodeOptions):
    """Options of a translator of speech, with upstream's defaults; raises `OptionError` for a value not allowed.

    Those that begin with `asr_` are of models that recognise speech, and translate what they recognise.
    """

    purpose = "speech translation"

    ctc_weight: float = option(0.0, "weight of the CTC prefix score; the decoder's is 1 - ctc_weight")
    asr_beam_size: int = option(20, "multi-decoder models: hypotheses of the recognition kept at every step")
    asr_ctc_weight: float = option(0.3, "multi-decoder models: weight of CTC in the recognition")
    asr_penalty: float = option(0.0, "multi-decoder models: added to the score of the recognition for every token")
    asr_maxlenratio: float = option(0.0, "multi-decoder models: as maxlenratio, of the recognised text")
    asr_minlenratio: float = option(0.0, "multi-decoder models: as minlenratio, of the recognised text")
    asr_nbest: int = option(1, "multi-decoder models: recognised texts returned; the best one is translated")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recognition()

    def recognition(self) -> DecodeOptions:
        """The options of the recognition."""
        own: dict[str, Any] = {item.name.removeprefix(RECOGNITION): getattr(self, item.name) for item in _of(self)}
        return DecodeOptions(**own, lm_weight=0.0, ngram_weight=0.0)


def _of(options: STOptions) -> list[Any]:
    return [item for item in fields(options) if item.name.startswith(RECOGNITION)]
