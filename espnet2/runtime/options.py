"""Decoding options, with upstream's names, meaning and defaults; the command lines derive theirs from these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

from espnet2.runtime.batch_size import AUTO, batch_size_or_auto
from espnet2.runtime.hotwords import require_hotwords
from espnet2.runtime.option_fields import OptionFields, is_finite, is_integer, option, require
from espnet2.text.abs_tokenizer import Prompt
from espnet2.utils.types import str_or_none

# Instead of a model's usual search.
SEARCHES = ("time_sync", "ctc_greedy", "partial_ar", "streaming", "hugging_face_decoder")
LONG_FORMS = ("auto", "true", "false")  # and True or False
TIMESTAMPS = ("none", "token", "word")
# More than any text needs: a search for more would not end in practice.
MOST_TOKENS, MOST_PER_FRAME = 100_000, 100
MOST_GB = 1e9  # more than any machine has
MOST_WEIGHT = 1e6  # scores that are a million times larger are all that counts; far larger ones overflow
# Integers: least and most.
COUNTS: Mapping[str, tuple[int, int | None]] = {
    "beam_size": (1, 10_000),
    "nbest": (1, None),
    "max_seq_len": (1, MOST_TOKENS),
    "maskctc_n_iterations": (0, None),
    "encoded_feat_length_limit": (0, None),
    "ctc_window_margin": (0, None),
}
MOST_TOGETHER = 1024  # utterances, each of which has a thread: more gain nothing
BATCH_SIZES = f"an integer from 0 to {MOST_TOGETHER}, or {AUTO}"
PROVIDERS = ("CPUExecutionProvider",)


@dataclass(frozen=True)
class DecodeOptions(OptionFields):
    """Options of a recogniser; raises `OptionError` for a value that is not allowed."""

    purpose = "recognition"
    further_data: ClassVar[tuple[str, ...]] = ()  # lists that go with the recordings of a command

    beam_size: int = option(20, "hypotheses kept at every step")
    ctc_weight: float = option(0.5, "weight of the CTC prefix score; the decoder's is 1 - ctc_weight")
    ctc_window_margin: int = option(
        0,
        "frames after the end of a hypothesis in which CTC scores the next token, upstream 100; 0: all, which is exact",
    )
    lm_weight: float = option(1.0, "weight of the language model")
    ngram_weight: float = option(0.9, "weight of the n-gram model")
    penalty: float = option(0.0, "added to the score for every token")
    hotwords: Mapping[str, float] | Sequence[str] | str | None = option(
        None,
        "words that are likely: a file of lines `word [boost]`; from Python also a list, or boosts by word",
        str_or_none,
    )
    hotword_weight: float = option(3.0, "factor of the boosts of hotwords, which are 1 where none is given")
    maxlenratio: float = option(
        0.0,
        "maximum length in tokens per encoder frame; 0: until no better hypothesis is possible; negative: in tokens",
    )
    minlenratio: float = option(0.0, "minimum length in tokens per encoder frame")
    nbest: int = option(1, "hypotheses returned")
    normalize_length: bool = option(False, "rank hypotheses by score per token")
    time_sync: bool = option(
        False, "time-synchronous search; maxlenratio, minlenratio and normalize_length have no effect"
    )
    ctc_greedy: bool = option(False, "greedy CTC: the most probable token of every frame")
    partial_ar: bool = option(False, "decode segments of low CTC probability again, with all scorers except CTC")
    threshold_probability: float = option(0.99, "partial_ar decodes CTC tokens of lower probability again")
    max_seq_len: int = option(5, "maximum length of a segment in partial_ar, in tokens")
    maskctc_n_iterations: int = option(10, "iterations in which a Mask-CTC model fills masked tokens; 0: one per token")
    maskctc_threshold_probability: float = option(0.99, "a Mask-CTC model masks CTC tokens of lower probability")
    transducer_conf: Mapping[str, Any] | None = option(
        None, "options of transducer searches, such as {search_type: maes, nstep: 3}"
    )
    multi_asr: bool = option(False, "require a model of several speakers")
    hugging_face_decoder: bool = option(
        False, "decode by the rules of transformers' generate, with the decoder as only scorer"
    )
    hugging_face_decoder_conf: Mapping[str, Any] | None = option(
        None,
        "options of these rules, such as {num_beams: 4, max_new_tokens: 100}; they override generation_config.json",
    )
    lang_prompt_token: str | None = option(
        None,
        "models with prompts: prompt symbol instead of language and task, such as <|de|>",
        str_or_none,
    )
    nlp_prompt_token: str | None = option(
        None,
        "models with prompts: text or symbols instead of the task, such as <|translate|>",
        str_or_none,
    )
    prompt_token_file: str | None = option(
        None, "models with prompts: file of symbols that are single tokens", str_or_none
    )
    lid_prompt: bool = option(False, "models with prompts: let the model predict the language")
    batch_size: int | str = option(
        1,
        "utterances that are recognised together; auto: as many as pay and memory allows; 0: as 1",
        batch_size_or_auto,
    )
    streaming: bool = option(False, "search a whole utterance block by block, as upstream's simulation of streaming")
    search_block_size: int = option(
        -1, "streams: encoder frames of a block, including search_look_ahead; -1: the model's"
    )
    search_hop_size: int = option(-1, "streams: encoder frames from a block to the next; -1: the model's")
    search_look_ahead: int = option(-1, "streams: last frames of a block that the search does not use; -1: the model's")
    disable_repetition_detection: bool = option(
        False, "streams: do not wait for the next block when a hypothesis repeats a token"
    )
    encoded_feat_length_limit: int = option(
        0, "streams: number of most recent encoder frames that the decoder attends to; 0: all"
    )
    ctc_blanks_only: bool = option(
        False, "streams: score later frames as blanks only in the CTC prefix score, as upstream"
    )
    timestamps: str = option("none", "return times of tokens or words: none, token or word")
    long_form: str = option(
        "auto",
        "recordings that need more memory than memory_limit: auto cuts them at pauses, true all above 30 s, false none",
    )
    memory_limit: float = option(
        0.0, "memory of the encoder for a recording or batch, in GB; 0: half of the available memory, at most 4"
    )

    def __post_init__(self) -> None:
        for name, (least, most) in COUNTS.items():
            value = getattr(self, name)
            expected = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
            require(is_integer(value) and least <= value <= (value if most is None else most), name, expected, value)
        require_hotwords(self.hotwords)
        for name in ("lm_weight", "ngram_weight", "penalty", "hotword_weight"):
            value = getattr(self, name)
            require(is_finite(value), name, "a finite number", value)
            require(abs(value) <= MOST_WEIGHT, name, f"a number up to {MOST_WEIGHT:g}", value)
        for name in ("maxlenratio", "minlenratio"):
            value = getattr(self, name)
            expected = f"a number of at most {MOST_PER_FRAME}, or minus a number of tokens up to {MOST_TOKENS}"
            require(is_finite(value) and -MOST_TOKENS <= value <= MOST_PER_FRAME, name, expected, value)
        for name in ("search_block_size", "search_hop_size", "search_look_ahead"):
            value = getattr(self, name)
            require(is_integer(value) and value >= -1, name, "a number of frames, or -1 for the model's", value)
        for name in ("ctc_weight", "threshold_probability", "maskctc_threshold_probability"):
            value = getattr(self, name)
            require(is_finite(value) and 0 <= value <= 1, name, "a number from 0 to 1", value)
        for name in ("transducer_conf", "hugging_face_decoder_conf"):
            conf = getattr(self, name)
            require(conf is None or isinstance(conf, Mapping), name, "options by name", conf)
        for name in (
            "normalize_length",
            "multi_asr",
            "disable_repetition_detection",
            "ctc_blanks_only",
            "lid_prompt",
            *SEARCHES,
        ):
            require(isinstance(getattr(self, name), bool), name, "True or False", getattr(self, name))
        for name in ("lang_prompt_token", "nlp_prompt_token", "prompt_token_file"):
            value = getattr(self, name)
            require(value is None or isinstance(value, str | PathLike), name, "symbols, or a file of them", value)
        require(str(self.long_form).lower() in LONG_FORMS, "long_form", "auto, true or false", self.long_form)
        require(
            is_finite(self.memory_limit) and self.memory_limit >= 0, "memory_limit", "at least 0 GB", self.memory_limit
        )
        require(self.memory_limit <= MOST_GB, "memory_limit", f"at most {MOST_GB:g} GB", self.memory_limit)
        require(self.timestamps in TIMESTAMPS, "timestamps", f"one of {', '.join(TIMESTAMPS)}", self.timestamps)
        wanted = [name for name in SEARCHES if self.asks_for(name)]
        require(len(wanted) < 2, " and ".join(wanted), "one of them", True)
        size = self.batch_size
        if size != AUTO:
            require(is_integer(size) and 0 <= int(size) <= MOST_TOGETHER, "batch_size", BATCH_SIZES, size)
            object.__setattr__(self, "batch_size", max(1, int(size)))  # upstream's published configurations say 0

    def asks_for(self, search: str) -> bool:
        """Whether the search of this name is to take the place of the model's usual one."""
        return getattr(self, search, False) is True

    @property
    def prompt(self) -> Prompt:
        """Tokens that texts begin with, of a model that is trained with prompts."""
        return Prompt(self.lang_prompt_token, self.nlp_prompt_token, self.prompt_token_file, self.lid_prompt)
