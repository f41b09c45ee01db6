"""Preprocessing of utterances whose texts have vocabularies of their own, as those of translation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.train.preprocessing.common import CommonPreprocessor


class MutliTokenizerCommonPreprocessor(CommonPreprocessor):
    """Preprocessor of speech and of several texts (the name is upstream's).

    Args:
        train: Whether to add reverberation, noise and effects to speech.
        token_type, token_list, bpemodel: As of `CommonPreprocessor`, of each text.
        text_cleaner: Names of cleaners, applied to all texts.
        g2p_type: Grapheme-to-phoneme conversion, of each text or of all.
        text_name: Names of the texts.
        tokenizer_encode_conf: Refused, unless empty: options of SentencePiece that draw tokens at random.
        whisper_language, whisper_task: As of `CommonPreprocessor`, of each text.
        options: Others of `CommonPreprocessor`.

    Raises:
        OptionError: Lists of different length, or an option that does not fit another.
        DataError: A list that cannot be read, or a token list without its unknown symbol.
    """

    def __init__(
        self,
        train: bool,
        token_type: Sequence[str | None] = (None,),
        token_list: Sequence[Any] = (None,),
        bpemodel: Sequence[Any] = (None,),
        text_cleaner: Collection[str] | None = None,
        g2p_type: Sequence[str | None] | str | None = None,
        text_name: Sequence[str] = ("text",),
        tokenizer_encode_conf: Sequence[Mapping[str, Any]] = ({}, {}),
        whisper_language: Sequence[str | None] | None = None,
        whisper_task: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(train, **options)
        if any(tokenizer_encode_conf):
            raise OptionError(f"tokenizer_encode_conf: expected none, found {list(tokenizer_encode_conf)}")
        count = len(text_name)
        given = {
            "token_type": token_type,
            "token_list": token_list,
            "bpemodel": bpemodel,
            "g2p_type": [g2p_type] * count if g2p_type is None or isinstance(g2p_type, str) else g2p_type,
            "whisper_language": whisper_language or [None] * count,
            "whisper_task": [whisper_task] * count,
        }
        for name, values in given.items():
            if len(values) != count:
                raise OptionError(f"{name}: expected one value for each of {count} texts, found {len(values)}")
        of_texts = ("unk_symbol", "space_symbol", "non_linguistic_symbols", "delimiter")
        shared = {name: options[name] for name in of_texts if name in options}
        self.texts = [
            CommonPreprocessor(
                False,
                text_name=name,
                text_cleaner=text_cleaner,
                speech_name="",
                **{option: values[place] for option, values in given.items()},
                **shared,
            )
            for place, name in enumerate(text_name)
        ]

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Augment the speech of an utterance, and convert its texts to token ids, int64 (U,).

        Raises:
            DataError: A text without tokens.
            AudioError: Augmentation of speech of several channels, or with a recording that cannot be read.
        """
        values = super().__call__(uid, data)
        for text in self.texts:
            values = text(uid, values)
        return values
