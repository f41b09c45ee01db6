"""Preprocessing of utterances: text to token ids, augmentation of speech."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import AudioError, OptionError
from espnet2.text.build_tokenizer import build_converter, build_tokenizer
from espnet2.text.cleaner import TextCleaner
from espnet2.text.text_to_ids import TextToIds
from espnet2.train.augmentation import Effects, NoiseKinds, Noises, Rooms

# Options of upstream without implementation here, with the values that are accepted.
UNUSED: dict[str, tuple[Any, ...]] = {
    "use_lang_prompt": (False,),
    "use_nlp_prompt": (False,),
    "min_sample_size": (-1,),
    "speaker_change_symbol": (None,),
}


class AbsPreprocessor(ABC):
    """Function from the values of an utterance to arrays; in training it may change them at random."""

    def __init__(self, train: bool) -> None:
        self.train = train

    @abstractmethod
    def __call__(self, uid: str, data: dict[str, Any]) -> dict[str, Any]:
        """Convert the values of an utterance, by name, to arrays."""


class CommonPreprocessor(AbsPreprocessor):
    """Preprocessor of speech and text: `preprocessor("utt1", {"speech": samples, "text": "a text"})`.

    Random numbers continue from the last `reseed`.

    Args:
        train: Whether to add reverberation, noise and effects.
        token_type: A name of `TOKENIZERS`; None: texts are left as they are.
        token_list: Tokens in the order of their indices, or a file with one on each line.
        bpemodel: SentencePiece model of token_type bpe, or the name of a pretrained vocabulary.
        text_cleaner: Names of cleaners, applied before the tokenizer.
        g2p_type: Grapheme-to-phoneme conversion of token_type phn; None: texts are in phonemes.
        unk_symbol: Token of what is not in the list.
        space_symbol: Token of a space, for token_type char and phn.
        non_linguistic_symbols: Symbols (or a file of them) that are one token each, such as `<noise>`.
        delimiter: String between words of token_type word; default: any white space.
        force_single_channel: Mix the channels of speech (T, C) to one.
        rir_scp, rir_apply_prob: See `Rooms`.
        noise_scp, noise_apply_prob, noise_db_range, short_noise_thres: See `Noises`.
        aux_task_names: Names of further texts, converted to ids of the same tokens.
        speech_volume_normalize: Scale speech to this peak, in training and elsewhere.
        speech_name: The name of speech.
        text_name: The name of the text.
        fs: Sampling rate of speech in Hz, to which impulse responses and noise are resampled; 0: no resampling.
        nonsplit_symbol: Further symbols that are one token each, for token_type char.
        data_aug_effects, data_aug_num, data_aug_prob: See `Effects`; they need `fs`.
        audio_pad_value: Without effect, since `min_sample_size` is refused.
        whisper_language, whisper_task: Of the prompts of token_type whisper_multilingual; default: en, transcribe.
        use_lang_prompt, use_nlp_prompt, min_sample_size: Refused.

    Raises:
        OptionError: An option that is refused, or does not fit another.
        DataError: A list that cannot be read, or a token list without `unk_symbol`.
    """

    def __init__(
        self,
        train: bool,
        use_lang_prompt: bool = False,
        use_nlp_prompt: bool = False,
        token_type: str | None = None,
        token_list: Path | str | Iterable[str] | None = None,
        bpemodel: Path | str | None = None,
        text_cleaner: Collection[str] | None = None,
        g2p_type: str | None = None,
        unk_symbol: str = "<unk>",
        space_symbol: str = "<space>",
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        delimiter: str | None = None,
        force_single_channel: bool = False,
        rir_scp: str | None = None,
        rir_apply_prob: float = 1.0,
        noise_scp: str | None = None,
        noise_apply_prob: float = 1.0,
        noise_db_range: str = "3_10",
        short_noise_thres: float = 0.5,
        aux_task_names: Collection[str] | None = None,
        speech_volume_normalize: float | None = None,
        speech_name: str = "speech",
        text_name: str = "text",
        fs: int = 0,
        nonsplit_symbol: Iterable[str] | None = None,
        data_aug_effects: Sequence[Any] | None = None,
        data_aug_num: Sequence[int] = (1, 1),
        data_aug_prob: float = 0.0,
        min_sample_size: int = -1,
        audio_pad_value: float = 0.0,
        whisper_language: str | None = None,
        whisper_task: str | None = None,
    ) -> None:
        _refuse(locals())
        super().__init__(train)
        self.force_single_channel = force_single_channel
        self.speech_volume_normalize = speech_volume_normalize
        self.speech_name = speech_name
        self.text_names = [text_name, *(aux_task_names or ())]
        self.rng = np.random.default_rng(0)
        self.effects: list[Rooms | Noises | NoiseKinds | Effects] = []
        if train and rir_scp is not None:
            self.effects.append(Rooms(rir_scp, rir_apply_prob, fs))
        if train and noise_scp is not None:
            self.effects.append(Noises(noise_scp, noise_apply_prob, noise_db_range, short_noise_thres, fs))
        if train and data_aug_effects:
            self.effects.append(Effects(data_aug_effects, data_aug_num, data_aug_prob, fs))
        self.text_to_ids = None
        if token_type is not None:
            if token_list is None:
                raise OptionError(f"token_list: expected the tokens of token_type {token_type}, found None")
            prompt: dict[str, Any] = {"whisper_language": whisper_language, "whisper_task": whisper_task}
            tokenizer = build_tokenizer(
                token_type,
                bpemodel=bpemodel,
                non_linguistic_symbols=non_linguistic_symbols,
                space_symbol=space_symbol,
                delimiter=delimiter,
                g2p_type=g2p_type,
                nonsplit_symbol=nonsplit_symbol,
                **prompt,
            )
            converter = build_converter(token_type, bpemodel, token_list, unk_symbol, non_linguistic_symbols, **prompt)
            self.text_to_ids = TextToIds(TextCleaner(text_cleaner), tokenizer, converter)

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers with `key`."""
        if self.effects:
            self.rng = np.random.default_rng(key)

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Augment the speech of an utterance, and convert its texts to token ids, int64 (U,).

        Raises:
            DataError: A text without tokens.
            AudioError: Augmentation of speech of several channels, or with a recording that cannot be read.
        """
        values = dict(data)
        if self.speech_name in values:
            values[self.speech_name] = self._speech(uid, values[self.speech_name])
        if self.text_to_ids is not None:
            for name in self.text_names:
                if isinstance(values.get(name), str):
                    values[name] = self.text_to_ids(uid, values[name])
        return values

    def _speech(self, uid: str, speech: np.ndarray) -> np.ndarray:
        if self.force_single_channel and speech.ndim == 2:
            speech = speech.mean(axis=1)
        if self.effects:
            speech = self._with_effects(uid, speech)
        if self.speech_volume_normalize is not None:
            peak = np.abs(speech).max(initial=0)
            speech = speech * (self.speech_volume_normalize / peak) if peak else speech
        return speech

    def _with_effects(self, uid: str, speech: np.ndarray) -> np.ndarray:
        if speech.ndim != 1:
            raise AudioError(f"{uid}: expected speech of one channel for rooms, noise, effects; found {speech.shape}")
        changed = speech
        for effect in self.effects:
            changed = effect(changed, self.rng)
        peak = np.abs(changed).max(initial=0)
        return (changed / peak if peak > 1 else changed).astype(speech.dtype, copy=False)


class CommonPreprocessor_multi(CommonPreprocessor):
    """`CommonPreprocessor` for several texts, such as one per speaker.

    Args:
        train: Whether to add reverberation and noise.
        text_name: Names of the texts.
        options: Others of `CommonPreprocessor`; of upstream's, `speaker_change_symbol` is refused.
    """

    def __init__(self, train: bool, text_name: Sequence[str] = ("text",), **options: Any) -> None:
        _refuse(options)
        super().__init__(train, **options)
        self.text_names = [text_name] if isinstance(text_name, str) else list(text_name)


def _refuse(options: Mapping[str, Any]) -> None:
    for name, allowed in UNUSED.items():
        if options.get(name, allowed[0]) not in allowed:
            raise OptionError(f"{name}: expected {allowed[0]}, as nothing here uses it, found {options[name]!r}")
