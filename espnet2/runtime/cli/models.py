"""Recognisers of bundles, as the verbs of `espnet` ask for them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, NamedTuple, cast

from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.asr_streaming import Speech2TextStreaming
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.cli.phones import Phones

TIMED = {"ctc", "joint_step"}  # graphs that know when a token is said
GIVEN = ("beam_size", "batch_size", "hotwords", "hotword_weight")  # options of a verb that are those of the search


class Purpose(NamedTuple):
    """Demands of a verb on a model.

    Attributes:
        noun: In messages.
        symbol: Symbol of the task, for models of many tasks; `{}` stands for the language of the text.
        tasks: Tasks of other models that do the same.
        tokens: Kinds of tokens of models of these tasks; none: any.
    """

    noun: str
    symbol: str
    tasks: Collection[str]
    tokens: Collection[str] = ()


RECOGNITION = ("asr", "asr_transducer", "slu")
PURPOSES: Mapping[str, Purpose] = {
    "transcribe": Purpose("speech recognition", "<asr>", RECOGNITION),
    "translate": Purpose("speech translation", "<st_{}>", ("st",)),
    "phonemize": Purpose("phone recognition", "<pr>", RECOGNITION, ("phn",)),
    "align": Purpose("speech recognition", "", RECOGNITION),
}


def open_recognizer(args: argparse.Namespace, further: Mapping[str, Any], streams: bool = False) -> Any:
    """The recogniser of the bundle that the options of a verb name, with further decoding options.

    It is a `Speech2Text`, or, of a bundle of streams, if `streams`, a `Speech2TextStreaming`.

    Raises `EspnetError` for a bundle that cannot be used, or an option that does not fit it.
    """
    bundle = Bundle.read(args.bundle)
    options = {name: value for name in GIVEN if (value := getattr(args, name, None)) is not None}
    for name in options.keys() & further.keys():
        raise OptionError(f"--options: expected no {name} with --{name}, found both")
    words = getattr(args, "word_timestamps", False) and args.verb != "translate"  # CTC has no translation
    options |= {"timestamps": "token"} if knows_times(bundle, words) else {}
    options |= prompt_options(bundle, args.verb, args.language, getattr(args, "to", None))
    given = {name: getattr(args, name) for name in ("bundle", "quantized", "num_threads", "device")}
    kind = Speech2TextStreaming if streams and getattr(bundle.section, "streaming", None) else Speech2Text
    recognizer: Any = kind(**given, **options, **further)
    if args.verb == "phonemize" and recognizer.tokenizer is not None:
        recognizer.tokenizer = Phones(recognizer.tokenizer, args.spaced)
    return recognizer


def knows_times(bundle: Bundle, words: bool = False) -> bool:
    """Whether its recogniser gives the times of tokens; those that predict times themselves need them for `words`."""
    parts = set(bundle.components)
    return bool(TIMED & parts) and (words or not (has_prompts(bundle) and "decoder_step" in parts))


def has_prompts(bundle: Bundle) -> bool:
    """Whether its texts begin with symbols of language and task that are options."""
    return "lang_sym" in {item.name for item in fields(cast("Any", bundle.family.options))}


def prompt_options(bundle: Bundle, verb: str, language: str | None, target: str | None) -> dict[str, Any]:
    """Options of language and task that a verb gives a model.

    Raises:
        OptionError: A model of another task, a language of a model of one language, or none where there are many.
    """
    purpose = PURPOSES[verb]
    if has_prompts(bundle):
        if "{}" in purpose.symbol and target is None:
            raise OptionError("--to: expected one, such as deu, for a model of many languages, found none")
        symbols = {"lang_sym": symbol(language), "task_sym": purpose.symbol.format((target or "").strip("<>"))}
        return {name: value for name, value in symbols.items() if value}
    kind = (getattr(bundle.section, "tokenizer", None) or {}).get("token_type")
    if bundle.manifest.task not in purpose.tasks or (purpose.tokens and kind not in purpose.tokens):
        raise OptionError(f"{verb}: expected a model of {purpose.noun}, found one of {bundle.family.subject}")
    for name, value in (("language", language), ("to", target)):
        if value is not None:
            raise OptionError(f"--{name}: expected none, since the model is of one language, found {value!r}")
    return {}


def symbol(name: str | None) -> str:
    """`<eng>` of `eng`, or of itself."""
    return "" if not name else name if name.startswith("<") else f"<{name}>"
