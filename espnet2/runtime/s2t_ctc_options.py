"""Decoding options of models of OWSM-CTC's kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet2.runtime.option_fields import option, require
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.utils.types import str_or_none


@dataclass(frozen=True)
class S2TCTCOptions(S2TOptions):
    """Options of an S2T-CTC model, with upstream's defaults; raises `OptionError` for a value that is not allowed."""

    purpose = "speech to text of many tasks by CTC"

    beam_size: int = option(20, "hypotheses kept at every step")
    ctc_weight: float = option(1.0, "1 and nothing else, since CTC is the only scorer of the acoustics")
    long_form: str = option(
        "auto",
        "recordings that are decoded in buffers of the model's window: auto those that need more memory than "
        "memory_limit, true all that are longer than a window, false none",
    )
    lang_sym: str = option("<nolang>", "symbol of the language; <nolang>: the model predicts it")
    text_prev: str | Sequence[int] | None = option(
        "<na>", "text before the recording, or indices of its tokens; <na>: none", str_or_none
    )
    keep_prompt_frames: bool = option(
        False,
        "buffers of long recordings: read the frames of language and task as frames of speech, and the padding of the "
        "last buffer, as upstream's release 202511",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.ctc_weight == 1, "ctc_weight", "1, since the model has no decoder", self.ctc_weight)
        require(not self.predict_time, "predict_time", "False, since CTC predicts no times", self.predict_time)
        former = self.keep_prompt_frames
        require(isinstance(former, bool), "keep_prompt_frames", "True or False", former)
