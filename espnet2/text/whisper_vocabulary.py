"""Whisper's tokens (Radford et al. 2022): byte-level BPE, and the symbols of prompts."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.text.byte_level_bpe import CHARACTER_OF, SPACE, ByteLevelBPE

ENGLISH, MULTILINGUAL = "whisper_en", "whisper_multilingual"
ASSETS = {ENGLISH: "gpt2", MULTILINGUAL: "multilingual"}  # names of the tables in the package openai-whisper
TASKS = ("transcribe", "translate")
END, START, NO_TIMESTAMPS = "<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"
# Languages of recipes, by the names that corpora use.
LANGUAGES_CODE_MAPPING = {
    "noinfo": "english",
    "ca": "catalan",
    "cs": "czech",
    "cy": "welsh",
    "de": "german",
    "en": "english",
    "eu": "basque",
    "es": "spanish",
    "fa": "persian",
    "fr": "french",
    "it": "italian",
    "ja": "japanese",
    "jpn": "japanese",
    "ko": "korean",
    "kr": "korean",
    "nl": "dutch",
    "pl": "polish",
    "pt": "portuguese",
    "ru": "russian",
    "tt": "tatar",
    "zh": "chinese",
    "zh-TW": "chinese",
    "zh-CN": "chinese",
    "zh-HK": "chinese",
}
_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi "
    "ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd "
    "gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
)
LANGUAGES = _CODES.split()
OTHERS = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", NO_TIMESTAMPS)
TIMESTAMPS = tuple(f"<|{step * 0.02:.2f}|>" for step in range(1501))  # seconds, to the end of a window


BASE = 50257  # tokens of text; in the English vocabulary the last of them is END


class WhisperVocabulary:
    """Vocabulary in the order of indices, and the prompt with which texts begin.

    Args:
        tokens: Tokens of text, then symbols, any of which a model with other tokens may lack.
        model_type: `whisper_multilingual`, or `whisper_en`, whose prompts name no language and no task.
        language: Language of the speech, as in `LANGUAGES_CODE_MAPPING`.
        task: `transcribe`, or `translate` into English.
        unprinted: Further symbols that are no text, such as one for a change of speakers.
        whole: Further tokens that are matched before all others.

    Attributes:
        tokenizer: The byte-level BPE.
        special: Indices of the symbols that are no text.
        sequence: Indices of START, language, task and NO_TIMESTAMPS (English models: of the first and the last); None
            for one that the vocabulary lacks.

    Raises:
        OptionError: A model type, language or task that is not known.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        model_type: str,
        language: str | None = "en",
        task: str | None = "transcribe",
        unprinted: Collection[str] = (),
        whole: Collection[str] = (),
    ) -> None:
        _require("whisper_language", language, LANGUAGES_CODE_MAPPING)
        _require("whisper_task", task, TASKS)
        self.model_type, self.task = model_type, task
        self.language = LANGUAGES_CODE_MAPPING[str(language)]
        self.tokens = list(tokens)
        self.ids = {token: index for index, token in reversed(list(enumerate(self.tokens)))}
        symbols = [token for token in self.tokens if _SYMBOL.fullmatch(token)]
        self.special = {self.ids[symbol] for symbol in (*symbols, *unprinted) if symbol in self.ids}
        text = min(BASE, self.ids.get(START, BASE))
        self.tokenizer = ByteLevelBPE(self.tokens[:text], {*symbols, *unprinted, *whole})
        prompt: tuple[str, ...] = (START, NO_TIMESTAMPS)
        if model_type == MULTILINGUAL:
            prompt = (START, f"<|{code_of(self.language)}|>", f"<|{task}|>", NO_TIMESTAMPS)
        self.sequence = [self.ids.get(symbol) for symbol in prompt]

    @property
    def sot_sequence_including_notimestamps(self) -> tuple[int, ...]:
        """Tokens with which a text begins by default."""
        return tuple(index for index in self.sequence if index is not None)

    def indices(self, tokens: Iterable[str]) -> list[int]:
        """Convert tokens to indices; an unknown one becomes the end of the text, as Whisper has no unknown symbol."""
        unknown = self.ids.get(END, len(self.tokens) - 1)
        return [self.ids.get(token, unknown) for token in tokens]

    def printed(self, indices: Iterable[int]) -> list[str]:
        """Convert indices to tokens, without symbols that are no text."""
        return [self.tokens[index] for index in indices if index not in self.special]

    def primer(self, language: str | None = None, task: str | None = None, none: bool = False) -> list[int] | None:
        """Indices with which a text begins; None if the vocabulary has none of them.

        Args:
            language: A token that replaces language and task.
            task: Text that replaces the task, unless `language` is given.
            none: START alone, so that the model predicts the language; unless one of the others is given.
        """
        start, middle, rest = self.sequence[:1], self.sequence[1:2], self.sequence[3:]
        if language is not None:
            found = [*start, *self.indices([language]), *rest]
        elif task is not None:
            found = [*start, *middle, *self.indices(self.tokenizer.encode(task)), *rest]
        else:
            found = start if none else self.sequence
        return [index for index in found if index is not None] or None

    def with_added(self, added: Iterable[str]) -> WhisperVocabulary:
        """Add tokens that the vocabulary lacks, before the time stamps."""
        whole = list(dict.fromkeys(added))
        place = self.ids.get(NO_TIMESTAMPS, len(self.tokens) - 1) + 1
        new = [token for token in whole if token not in self.ids]
        tokens = [*self.tokens[:place], *new, *self.tokens[place:]]
        return WhisperVocabulary(tokens, self.model_type, code_of(self.language), self.task, whole=whole)


def of_model(token_list: Iterable[str], model_type: str, language: str, task: str) -> WhisperVocabulary:
    """Make the vocabulary of a model's token list, which has plain spaces."""
    return WhisperVocabulary([token.replace(" ", SPACE) for token in token_list], model_type, language, task)


def of_package(
    model_type: str,
    language: str | None = "en",
    task: str | None = "transcribe",
    added: Iterable[str] = (),
    speaker_change: str | None = None,
) -> WhisperVocabulary:
    """Make the published vocabulary from the table of the package openai-whisper, whose code is not run.

    Args:
        model_type, language, task: See `WhisperVocabulary`.
        added: Further tokens of a multilingual vocabulary.
        speaker_change: A symbol to append, unless it is a token already.

    Raises:
        OptionError: An unknown value.
        MissingPackageError: The package is not installed.
    """
    _require("bpemodel", model_type, ASSETS)
    _require("whisper_language", language, LANGUAGES_CODE_MAPPING)
    _require("whisper_task", task, TASKS)
    text = _read_table(model_type)
    whole = list(dict.fromkeys(added)) if model_type == MULTILINGUAL else []
    tokens = [*text, END, START, *(f"<|{code}|>" for code in LANGUAGES), *OTHERS]
    known = set(tokens)
    tokens += [*(token for token in whole if token not in known), *TIMESTAMPS]
    changes = [] if speaker_change is None else [speaker_change]
    tokens += [symbol for symbol in changes if symbol not in tokens]
    return WhisperVocabulary(tokens, model_type, language, task, changes, whole)


def _read_table(model_type: str) -> list[str]:
    """Read the tokens of text, from the table of current or older releases of the package."""
    spec = importlib.util.find_spec("whisper")
    for place in (spec and spec.submodule_search_locations) or ():
        for name, read in TABLES.items():
            path = Path(place, "assets", name.format(ASSETS[model_type]))
            if path.is_file():
                tokens = read(path.read_text(encoding="utf-8"))
                return [token for token in tokens if token != END]
    raise MissingPackageError(
        f"token_type {model_type}: expected the package openai-whisper, found none; pip install openai-whisper"
    )


def _ranked(text: str) -> list[str]:
    """Tokens from lines of bytes in base 64 and a rank."""
    found = {int(rank): base64.b64decode(code) for code, rank in map(str.split, text.splitlines())}
    return ["".join(CHARACTER_OF[byte] for byte in found[rank]) for rank in sorted(found)]


def _indexed(text: str) -> list[str]:
    """Tokens from a mapping to indices, in JSON."""
    indices = json.loads(text)
    return sorted(indices, key=indices.__getitem__)


TABLES: dict[str, Callable[[str], list[str]]] = {"{}.tiktoken": _ranked, "{}/vocab.json": _indexed}
_SYMBOL = re.compile(r"<\|[^|]+\|>")


def code_of(language: str) -> str:
    """Two-letter code of a language's name."""
    return next(code for code, name in LANGUAGES_CODE_MAPPING.items() if name == language and len(code) == 2)


def _require(name: str, value: str | None, known: Collection[str]) -> None:
    if value not in known:
        raise OptionError(f"{name}: expected one of {', '.join(known)}, found {value!r}")
