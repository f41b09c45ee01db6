"""Decoding options of models of spoken language understanding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet2.runtime.option_fields import is_text_or_indices, option, require
from espnet2.runtime.options import DecodeOptions
from espnet2.utils.types import str_or_none


@dataclass(frozen=True)
class SLUOptions(DecodeOptions):
    """Options of recognition, and a transcript; raises `OptionError` for a value that is not allowed."""

    purpose = "spoken language understanding"
    further_data = ("transcript",)

    transcript: str | Sequence[int] | None = option(
        None, "transcript of the recording, or indices of its tokens, for models that read one", str_or_none
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(is_text_or_indices(self.transcript), "transcript", "a text or indices of tokens", self.transcript)
