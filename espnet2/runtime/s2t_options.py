"""Decoding options of models whose texts begin with prompts of language and task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet2.runtime.option_fields import is_text_or_indices, option, require
from espnet2.runtime.options import DecodeOptions
from espnet2.utils.types import str_or_none

BEAM_SIZE = 20  # of the commands, as upstream


@dataclass(frozen=True)
class S2TOptions(DecodeOptions):
    """Options of an S2T model, with upstream's defaults; raises `OptionError` for a value that is not allowed."""

    purpose = "speech to text of many tasks"
    further_data = ("text_prev",)

    beam_size: int = option(5, "hypotheses kept at every step")
    ctc_weight: float = option(0.0, "weight of the CTC prefix score; the decoder's is 1 - ctc_weight")
    lm_weight: float = option(0.0, "weight of the language model")
    ngram_weight: float = option(0.0, "weight of the n-gram model")
    long_form: str = option(
        "false",
        "recordings that are longer than the model's window: false reads the first window, as upstream; true or auto "
        "decodes all windows",
    )
    lang_sym: str = option("<eng>", "symbol of the language")
    task_sym: str = option("<asr>", "symbol of the task: <asr>, or <st_deu> for translation into German")
    predict_time: bool = option(False, "predict the times of utterances")
    generate_interctc_outputs: bool = option(False, "return the tokens of the layers with intermediate CTC, too")
    text_prev: str | Sequence[int] | None = option(
        None, "text before the recording, or indices of its tokens; <na>: none", str_or_none
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lang_sym", "task_sym"):
            require(isinstance(getattr(self, name), str), name, "a symbol such as <eng>", getattr(self, name))
        for name in ("predict_time", "generate_interctc_outputs"):
            require(isinstance(getattr(self, name), bool), name, "True or False", getattr(self, name))
        require(is_text_or_indices(self.text_prev), "text_prev", "a text or indices of tokens", self.text_prev)
