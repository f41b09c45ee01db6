"""Options that a search does not read: a warning names those that are set to no effect."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import fields

from espnet2.runtime.options import SEARCHES, DecodeOptions
from espnet2.runtime.search import SCORERS, kind_of

_log = logging.getLogger(__name__)

_WHOLE = {"long_form", "memory_limit"}  # no stream is cut
# Whether there are prompts is for the tokenizer to say.
_PROMPT = {"lang_prompt_token", "nlp_prompt_token", "prompt_token_file", "lid_prompt"}
ALWAYS_READ = {"nbest", "batch_size", "multi_asr", "timestamps", *_PROMPT, *SEARCHES}
_WEIGHTS = {"lm_weight": SCORERS["lm"][0], "ngram_weight": SCORERS["ngram"][0]}


def read_options(options: DecodeOptions, parts: Collection[str]) -> set[str]:
    """Names of options that have an effect; `parts` as for `unread_options`."""
    kind = kind_of(parts, options)
    by_search = kind.stream_reads if "encoder_step" in parts else kind.reads | _WHOLE
    return ALWAYS_READ | by_search - {weight for weight, part in _WEIGHTS.items() if part not in parts}


def unread_options(options: DecodeOptions, parts: Collection[str]) -> list[str]:
    """Names of options that have another value than their default, to no effect.

    Args:
        options: Of the search.
        parts: Names of the model's graphs, and `ngram` where there is an n-gram model.

    Raises:
        OptionError: An option asks for what the model does not have.
    """
    read = read_options(options, parts)
    missing = {weight for weight, part in _WEIGHTS.items() if part not in parts}
    # Options that a family adds, such as prompts, are read by all of its models.
    given = {option.name: getattr(options, option.name) for option in fields(DecodeOptions)}
    defaults = {option.name: option.default for option in fields(options)}
    # A weight of 0 of a scorer that the model lacks has the effect that is asked for.
    return [n for n, value in given.items() if n not in read and value != defaults[n] and (n not in missing or value)]


def warn_of_unread(options: DecodeOptions, parts: Collection[str]) -> None:
    """Log one line for all of `unread_options`."""
    unread = [f"{name} {getattr(options, name)}" for name in unread_options(options, parts)]
    if unread:
        _log.warning("without effect on this model and search: %s", ", ".join(unread))
