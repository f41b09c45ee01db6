"""Decoding options of models that translate texts."""

from __future__ import annotations

from dataclasses import dataclass

from espnet2.runtime.option_fields import option
from espnet2.runtime.options import DecodeOptions

# Options of `DecodeOptions` that are about speech or about models of other kinds, which commands leave out.
OF_SPEECH = (
    "multi_asr",
    "timestamps",
    "long_form",
    "streaming",
    "search_block_size",
    "search_hop_size",
    "search_look_ahead",
    "disable_repetition_detection",
    "encoded_feat_length_limit",
    "ctc_blanks_only",
    "transducer_conf",
    "maskctc_n_iterations",
    "maskctc_threshold_probability",
    "lang_prompt_token",
    "nlp_prompt_token",
    "prompt_token_file",
    "lid_prompt",
)


@dataclass(frozen=True)
class MTOptions(DecodeOptions):
    """Options of a translator of texts; raises `OptionError` for a value that is not allowed."""

    purpose = "machine translation"

    long_form: str = option("false", "without effect: texts are translated whole")
