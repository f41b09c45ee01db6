"""Options that only some of the recognition commands use, in one table, so that all commands accept the same files.

A command defines the options that it uses; `add_other_options` adds the rest of the table. Values without effect are
accepted; any other is refused in one sentence (`require_one_value`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from espnet2.interface.errors import OptionError
from espnet2.interface.yaml_document import parse_yaml
from espnet2.utils.model_options import PACKED, RECOGNITION, SEARCHING, model_files
from espnet2.utils.types import str_or_none


class Group(NamedTuple):
    """Options with their neutral value, and the reason for refusing others; "": any value is without effect."""

    reason: str
    options: Mapping[str, Any]


LAYERS = "quantize_modules"
# Options of quantised layers, and the tasks of the models.
QUANTIZED = {f"quantize_{task}_model": (task,) for task in ("s2t", "st", "mt")} | {"quantize_asr_model": ("asr", "slu")}
PRECISION: Mapping[str, Any] = {
    "dtype": "float32",
    **dict.fromkeys(QUANTIZED, False),
    "quantize_lm": False,
    LAYERS: ["Linear"],
    "quantize_dtype": "qint8",
}
DTYPES = ("float32", "float64", "bfloat16", "float16")
_OF_ST: Mapping[str, Any] = {
    "src_word_lm_train_config": None,
    "src_word_lm_file": None,
    "incremental_decode": False,
    "blank_penalty": 1.0,
    "hold_n": 0,
}
FIXED: Mapping[str, Any] = {
    "enh_s2t_task": False,
    "decoder_text_length_limit": 0,
    "word_lm_train_config": None,
    "word_lm_file": None,
    "run_chunk": False,
    **_OF_ST,
}
# Recognition is deterministic and runs in one process; segments of partial_ar are searched one after the other; texts
# are printed if no files are written; attention is computed in one way.
IGNORED: Mapping[str, Any] = {
    "seed": 0,
    "num_workers": 1,
    "max_mask_parallel": -1,
    "display_hypotheses": False,
    "use_flash_attn": False,
}
TOKENIZER = {
    "token_type": "kind of tokens, instead of the config's",
    "bpemodel": "SentencePiece model, instead of the config's",
}
SOURCE_TOKENIZER = {f"src_{name}": f"{text}, of the source language" for name, text in TOKENIZER.items()}
# Options of the models of some tasks only, beside those that name files.
OWNED = {**QUANTIZED, **dict.fromkeys((*_OF_ST, *SOURCE_TOKENIZER), ("st",))}
STREAMS = ("sim_chunk_length", "chunk_ms", "chunk_size", "left_context", "right_context", "decoding_window")
FILES = (*model_files(SEARCHING), *PACKED, *TOKENIZER, *SOURCE_TOKENIZER)
CHECKPOINT = tuple(name for name in FILES if name != "ngram_file")
GROUPS = (
    Group("the only value known here", FIXED),
    Group("since the model is that of the bundle", dict.fromkeys(CHECKPOINT)),
    Group("since the bundle's graphs have their own precision", PRECISION),
    Group("since bundles are those of the commands that end in _onnx", {"bundle": None, "quantized": False}),
    Group("since this command does not cut recordings into chunks", {**dict.fromkeys(STREAMS), "sim_chunk_length": 0}),
    Group("", IGNORED),
)


def add_other_options(parser: argparse.ArgumentParser, tasks: Iterable[str] = RECOGNITION) -> None:
    """Add the options of the table that the parser lacks, and record them for `require_one_value`.

    Of models' files and of quantised layers, those of other `tasks` are left out.
    """
    known = {action.dest for action in parser._actions} | foreign(tasks)
    others = {name: value for group in GROUPS for name, value in group.options.items() if name not in known}
    added = parser.add_argument_group("options of other commands, fixed or without effect")
    for name, value in others.items():
        text = "without effect" if name in IGNORED else f"{value} and nothing else"
        if name == LAYERS:
            add_layers(added, text)
            continue
        added.add_argument(f"--{name}", type=str_or_none if value is None else plain_value, default=value, help=text)
    parser.set_defaults(one_value_options=tuple(others))


def foreign(tasks: Iterable[str]) -> set[str]:
    """Names in the table that belong to models of other tasks."""
    own = {*tasks}
    names = {name for task in SEARCHING for name in model_files([task]) if task not in own}
    others = {name for name, of in OWNED.items() if not own & {*of}}
    return (names | others) - {*model_files(own)}


def add_layers(parser: argparse._ActionsContainer, text: str) -> None:
    """Add the option for quantised layers, written as `Linear LSTM` or `[Linear, LSTM]`."""
    parser.add_argument(f"--{LAYERS}", nargs="*", action=_Flat, type=plain_value, default=["Linear"], help=text)


class _Flat(argparse.Action):
    """Action that flattens words and lists to one list."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        lists = (value if isinstance(value, list) else [value] for value in values)
        setattr(namespace, self.dest, [item for items in lists for item in items])


def require_one_value(args: argparse.Namespace) -> None:
    """Raise `OptionError` for an option of `add_other_options` with another value than the neutral one."""
    require({name: getattr(args, name) for name in args.one_value_options}, "--")


def require(options: Mapping[str, Any], prefix: str = "") -> None:
    """Raise `OptionError` for one of these options of the table with another value than the neutral one."""
    for reason, group in GROUPS:
        for name in options.keys() & group.keys() if reason else ():
            if options[name] != group[name]:
                expected = "none" if group[name] is None else repr(group[name])
                raise OptionError(f"{prefix}{name}: expected {expected}, {reason}, found {options[name]!r}")


def require_dtype(dtype: str) -> None:
    """Raise `OptionError` for a name that is not in `DTYPES`."""
    if dtype not in DTYPES:
        raise OptionError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype!r}")


def names(groups: Iterable[Group] = GROUPS) -> set[str]:
    """Return the names of all options of the table."""
    return {name for group in groups for name in group.options}


def plain_value(text: str) -> Any:
    """Parse a number, a truth value, a list or a word as YAML."""
    return parse_yaml(text, "value", OptionError)
