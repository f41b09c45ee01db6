"""Whisper's tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from espnet2.text.abs_tokenizer import AbsTokenizer, Prompt
from espnet2.text.byte_level_bpe import SPACE
from espnet2.text.symbols import read_symbols
from espnet2.text.whisper_token_id_converter import WhisperTokenIDConverter, published
from espnet2.text.whisper_vocabulary import LANGUAGES_CODE_MAPPING, WhisperVocabulary, code_of

__all__ = ["LANGUAGES_CODE_MAPPING", "OpenAIWhisperTokenizer", "WhisperTokenizer"]


class WhisperTokenizer(AbsTokenizer):
    """Tokenizer over a given vocabulary, such as a model's."""

    def __init__(self, tokenizer: WhisperVocabulary) -> None:
        self.tokenizer = tokenizer
        self.token_list = tokenizer.tokens
        self.primer = tokenizer.primer()

    def __repr__(self) -> str:
        model = self.tokenizer
        return f"{type(self).__name__}(model_type={model.model_type}, language={model.language})"

    def text2tokens(self, line: str) -> list[str]:
        """Tokens of a line, without the prompt."""
        return self.tokenizer.tokenizer.encode(line)

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Text of a sequence of tokens."""
        return self.tokenizer.tokenizer.decode(tokens)

    def bundled(self) -> tuple[dict[str, Any], dict[str, Path | bytes]]:
        """See the base class: language and task; the tokens are those of the bundle."""
        return {"language": code_of(self.tokenizer.language), "task": self.tokenizer.task}, {}

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """See the base class: a word starts with a token that begins with a space."""
        starts = [place for place, token in enumerate(tokens) if token.startswith(SPACE) or place == 0]
        return list(pairwise([*starts, len(tokens)]))

    def converter(self, token_list: Sequence[str]) -> WhisperTokenIDConverter:
        """See the base class: the converter of the vocabulary."""
        return WhisperTokenIDConverter(self.tokenizer)

    def prompted(self, prompt: Prompt) -> WhisperTokenizer:
        """See the base class."""
        added = [] if prompt.token_file is None else read_symbols(prompt.token_file, required=True)
        made = WhisperTokenizer(self.tokenizer.with_added(added) if added else self.tokenizer)
        made.primer = made.tokenizer.primer(prompt.language, prompt.task, prompt.identify)
        return made


class OpenAIWhisperTokenizer(WhisperTokenizer):
    """Tokenizer of a published model.

    Args:
        model_type: `whisper_en` or `whisper_multilingual`.
        language: Language of the speech: `en`, `zh`, and other keys of `LANGUAGES_CODE_MAPPING`.
        task: `transcribe` or `translate`.
        sot: Put a symbol between the texts of speakers (serialised output training).
        speaker_change_symbol: This symbol.
        added_tokens_txt: File of further tokens, one on each line; `none` or None: there are none.

    Raises:
        OptionError: A value that is not known, or a file that cannot be read.
        MissingPackageError: The package openai-whisper, which has the table of tokens, is not installed.
    """

    def __init__(
        self,
        model_type: str,
        language: str = "en",
        task: str = "transcribe",
        sot: bool = False,
        speaker_change_symbol: str = "<sc>",
        added_tokens_txt: str | None = None,
    ) -> None:
        super().__init__(published(model_type, language, task, added_tokens_txt, sot, speaker_change_symbol))
