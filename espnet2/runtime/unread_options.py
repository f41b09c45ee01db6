"""Options that a search does not read: whoever sets one is told so."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import fields

from espnet2.runtime.options import SEARCHES, DecodeOptions

_log = logging.getLogger(__name__)

_WHOLE = {"long_form", "memory_limit"}  # no stream is cut
# Whether there are prompts is for the tokenizer to say.
_PROMPT = {"lang_prompt_token", "nlp_prompt_token", "prompt_token_file", "lid_prompt"}
_ALL = {"nbest", "batch_size", "multi_asr", "timestamps", *_PROMPT, *SEARCHES}
_STREAM = {
    "search_block_size",
    "search_hop_size",
    "search_look_ahead",
    "disable_repetition_detection",
    "ctc_blanks_only",
    "encoded_feat_length_limit",
}
_JOINT = {"beam_size", "ctc_weight", "lm_weight", "ngram_weight", "penalty"}
USUAL = "label_synchronous"
# By what chooses the search: a graph that only a model of one kind has, an option, or that the model hears streams.
READ: dict[str, set[str]] = {
    "mlm": {"maskctc_n_iterations", "maskctc_threshold_probability"},
    "joint_step": {"beam_size", "lm_weight", "transducer_conf"},
    "time_sync": _JOINT,
    "ctc_greedy": set(),
    "partial_ar": _JOINT | {"threshold_probability", "max_seq_len"},
    "hugging_face_decoder": {"hugging_face_decoder_conf"},
    "streaming": _JOINT | {"maxlenratio", "minlenratio", "normalize_length"} | _STREAM - {"encoded_feat_length_limit"},
    "encoder_step": _JOINT | {"maxlenratio", "minlenratio", "normalize_length"} | _STREAM,
    USUAL: _JOINT | {"maxlenratio", "minlenratio", "normalize_length", "ctc_window_margin"},
}
WEIGHT_OF = {"lm_weight": "lm_step", "ngram_weight": "ngram"}


def unread_options(options: DecodeOptions, parts: Collection[str]) -> list[str]:
    """Names of options that have another value than their default, to no effect.

    `parts` are the names of the graphs, and `ngram` where there is an n-gram model.
    """
    search = next((n for n in READ if n in parts or getattr(options, n, False) is True), USUAL)
    missing = {weight for weight, part in WEIGHT_OF.items() if part not in parts}
    read = _ALL | READ[search] - missing | (set() if search == "encoder_step" else _WHOLE)
    given = {option.name: getattr(options, option.name) for option in fields(options)}
    without = {option.name: option.default for option in fields(options)}
    # That what is not there has no weight needs no telling.
    return [n for n, value in given.items() if n not in read and value != without[n] and (n not in missing or value)]


def warn_of_unread(options: DecodeOptions, parts: Collection[str]) -> None:
    """One line of the log for all of `unread_options`."""
    unread = [f"{name} {getattr(options, name)}" for name in unread_options(options, parts)]
    if unread:
        _log.warning("without effect on this model and search: %s", ", ".join(unread))
