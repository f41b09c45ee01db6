"""Preprocessing of utterances: text to token ids, augmentation of speech."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import AudioError, DataError, OptionError
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
WORD_BEGIN = "\N{LOWER ONE EIGHTH BLOCK}"  # of SentencePiece
SPEAKER, TRIAL = "spk_labels", ("speech2", "trial")  # fields of the data of speaker models


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


class SpkPreprocessor(CommonPreprocessor):
    """Cuts speech to one duration, augments it, and numbers speakers.

    In training the part that is cut out is drawn; elsewhere it is the middle. Shorter speech is repeated.

    Args:
        train: Whether to draw, and to add rooms and noise.
        target_duration: Of the parts, in seconds.
        spk2utt: Lines `speaker utterance ...`; speakers are numbered from 0 in their order. Without it, labels are
            numbers already.
        sample_rate: In Hz.
        num_eval: Not read: validation reads one part of an utterance.
        rir_scp, rir_apply_prob: See `Rooms`.
        noise_info, noise_apply_prob, short_noise_thres: See `espnet2.train.augmentation.NoiseKinds`.

    Raises:
        OptionError: A value that is not allowed.
        DataError: A list that cannot be read.
    """

    def __init__(
        self,
        train: bool,
        target_duration: float,
        spk2utt: str | None = None,
        sample_rate: int = 16000,
        num_eval: int = 10,
        rir_scp: str | None = None,
        rir_apply_prob: float = 1.0,
        noise_info: Sequence[Any] | None = None,
        noise_apply_prob: float = 1.0,
        short_noise_thres: float = 0.5,
    ) -> None:
        super().__init__(train, rir_scp=rir_scp or None, rir_apply_prob=rir_apply_prob, fs=sample_rate)
        self.length = round(target_duration * sample_rate)  # samples
        if self.length < 1:
            raise OptionError(f"target_duration: expected a positive number of seconds, found {target_duration}")
        if train and noise_info:
            self.effects.append(NoiseKinds(noise_info, noise_apply_prob, short_noise_thres, sample_rate))
        self.speakers = None
        if spk2utt:
            self.speakers = {name: number for number, name in enumerate(read_2columns_text(Path(spk2utt)))}

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers with `key`."""
        self.rng = np.random.default_rng(key)

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Speech (T,) of `target_duration`, and the number of its speaker, int64 (1,).

        Raises:
            AudioError: Speech of several channels, or none.
            DataError: An unknown speaker.
            OptionError: Trials, which validation does not score.
        """
        for name in TRIAL:
            if name in data:
                raise OptionError(f"{name}: expected speech and {SPEAKER} alone, since trials are not scored here")
        values = dict(data)
        values["speech"] = self._part(uid, values["speech"])
        if SPEAKER in values:
            values[SPEAKER] = np.array([self._number(uid, str(values[SPEAKER]))], np.int64)
        return super().__call__(uid, values)

    def _part(self, uid: str, speech: np.ndarray) -> np.ndarray:
        if speech.ndim != 1 or not len(speech):
            raise AudioError(f"{uid}: expected speech of one channel, found shape {speech.shape}")
        spare = len(speech) - self.length
        if spare <= 0:
            return speech[np.arange(self.length) % len(speech)]
        start = int(self.rng.integers(spare + 1)) if self.train else spare // 2
        return speech[start : start + self.length]

    def _number(self, uid: str, label: str) -> int:
        if self.speakers is None:
            if not label.isdecimal():
                raise DataError(f"{uid}: expected the number of a speaker, since spk2utt is not given, found {label!r}")
            return int(label)
        if label not in self.speakers:
            raise DataError(f"{uid}: expected one of the {len(self.speakers)} speakers of spk2utt, found {label!r}")
        return self.speakers[label]


class WindowPreprocessor(CommonPreprocessor):
    """Base of preprocessors that pad or cut speech to `length` samples, and leave things out at random, as `kept` says.

    In training, `silence` samples at most go before the speech.
    """

    length: int
    silence: int
    kept: Mapping[str, float]

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers with `key`."""
        self.rng = np.random.default_rng(key)

    def _leaves_out(self, name: str) -> bool:
        return self.train and self.rng.random() >= self.kept[name]

    def _of_length(self, speech: np.ndarray) -> tuple[np.ndarray, int]:
        """Speech of the length of all, and the samples of silence before it."""
        speech = speech[: self.length]
        spare = self.length - len(speech)
        late = int(self.rng.integers(min(self.silence, spare) + 1)) if self.train else 0
        around = [(late, spare - late), *((0, 0),) * (speech.ndim - 1)]
        return np.pad(speech, around), late


class S2TPreprocessor(WindowPreprocessor):
    """Pads or cuts speech to one length, and converts texts with prompts and times, such as those of OWSM.

    In training, silence of random length goes before the speech, and times are as much later; times and previous texts
    are left out at random.

    Args:
        train: Whether to change data at random.
        text_name, text_prev_name, text_ctc_name: Names of the text, the one before it, and the one for CTC.
        fs: Sampling rate of speech in Hz.
        na_symbol: Token in the place of a previous text that is left out.
        speech_length: Of all utterances, in seconds.
        speech_resolution: Seconds from one time to the next.
        speech_init_silence: Silence before the speech in training, in seconds at most.
        text_prev_apply_prob, time_apply_prob: Probabilities in training that previous texts, and times, are kept.
        notime_symbol: Token in the place of times that are left out, behind language and task.
        first_time_symbol, last_time_symbol: Tokens of the earliest and the latest time.
        options: Others of `CommonPreprocessor`.

    Raises:
        OptionError: An option that does not fit another.
        DataError: A token list without one of these symbols.
    """

    def __init__(
        self,
        train: bool,
        text_name: str = "text",
        text_prev_name: str = "text_prev",
        text_ctc_name: str = "text_ctc",
        fs: int = 16000,
        na_symbol: str = "<na>",
        speech_length: float = 30,
        speech_resolution: float = 0.02,
        speech_init_silence: float = 1.0,
        text_prev_apply_prob: float = 0.5,
        time_apply_prob: float = 0.5,
        notime_symbol: str = "<notimestamps>",
        first_time_symbol: str = "<0.00>",
        last_time_symbol: str = "<30.00>",
        **options: Any,
    ) -> None:
        options = {**options, "text_name": text_name, "aux_task_names": [text_prev_name, text_ctc_name], "fs": fs}
        super().__init__(train, **options)
        self.names = text_name, text_prev_name
        self.fs, self.resolution = fs, speech_resolution
        self.length, self.silence = round(speech_length * fs), round(speech_init_silence * fs)  # samples
        self.kept = {"times": time_apply_prob, "previous": text_prev_apply_prob}
        self.symbols: dict[str, int] = {}
        if self.text_to_ids is not None:
            known = self.text_to_ids.converter
            named = {"na": na_symbol, "untimed": notime_symbol, "first": first_time_symbol, "last": last_time_symbol}
            self.symbols = dict(zip(named, known.tokens2ids(named.values()), strict=True))
            for symbol, index in zip(named.values(), self.symbols.values(), strict=True):
                if known.ids2tokens([index]) != [symbol]:
                    raise DataError(f"token_list: expected the symbol {symbol}, found none")

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Speech (T,) of `speech_length`, and texts as token ids, int64 (U,).

        Raises:
            DataError: A text without tokens.
            AudioError: Augmentation of speech of several channels, or with a recording that cannot be read.
        """
        values, late = super().__call__(uid, data), 0
        if self.speech_name in values:
            values[self.speech_name], late = self._of_length(values[self.speech_name])
        text, previous = self.names
        if self.symbols and text in values:
            values[text] = self._timed(values[text], round(late / self.fs / self.resolution))
        if self.symbols and previous in values and self._leaves_out("previous"):
            values[previous] = np.array([self.symbols["na"]], np.int64)
        return values

    def _timed(self, text: np.ndarray, steps: int) -> np.ndarray:
        """A text (U,) whose times are so many steps later, or without times."""
        if self.text_to_ids is not None and self.text_to_ids.converter.ids2tokens(text[:1]) == [WORD_BEGIN]:
            text = text[1:]  # SentencePiece begins a text that begins with a symbol
        times = (text >= self.symbols["first"]) & (text <= self.symbols["last"])
        if not times.any():
            return text
        if not self._leaves_out("times"):
            return np.where(times, np.minimum(text + steps, self.symbols["last"]), text)
        return np.insert(text[~times], 2, self.symbols["untimed"])


def _refuse(options: Mapping[str, Any]) -> None:
    for name, allowed in UNUSED.items():
        if options.get(name, allowed[0]) not in allowed:
            raise OptionError(f"{name}: expected {allowed[0]}, as nothing here uses it, found {options[name]!r}")
