"""Texts aligned with long recordings by CTC segmentation (Kürzinger et al. 2020, https://arxiv.org/abs/2007.09127).

The package ctc-segmentation, imported on use, aligns; here are texts and times around it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, MissingPackageError, OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.cleaner import TextCleaner

_log = logging.getLogger(__name__)

CHOICES = {"time_stamps": ("auto", "fixed"), "text_converter": ("tokenize", "classic")}
# Options, and what they are called in the package.
PARAMETERS = {
    "set_blank": "blank",
    "replace_spaces_with_blanks": "replace_spaces_with_blanks",
    "gratis_blank": "blank_transition_cost_zero",
    "scoring_length": "score_min_mean_over_L",
    "min_window_size": "min_window_size",
    "max_window_size": "max_window_size",
}
TIMING = ("time_stamps", "fs", "samples_to_frames_ratio")
TEXT = ("kaldi_style_text", "text_converter")


class CTCSegmentationTask:
    """Texts to align, and where they are; `str()` gives lines of Kaldi's `segments`, with score and text.

    Attributes:
        text: Of the utterances.
        ground_truth_mat, utt_begin_indices: Tokens of all texts, and where each text begins, as the package has them.
        timings: Start of each token, in seconds.
        char_probs: Log-probabilities of the tokens that frames are aligned with.
        state_list: Token of each frame.
        segments: Start and end in seconds, and log-probability, of each utterance.
        config: Parameters of the package.
        name: Of the recording.
        utt_ids: Names of the utterances; None: they are counted.
        lpz: Log-probabilities (T, V).
        print_confidence_score, print_utterance_text: Whether `str()` has them.
        done: Whether there are segments.
    """

    text: Sequence[str] = ()
    ground_truth_mat: Any = None
    utt_begin_indices: Any = None
    timings: Any = None
    char_probs: Any = None
    state_list: Any = None
    segments: Sequence[tuple[float, float, float]] | None = None
    config: Any = None
    name: str = "utt"
    utt_ids: Sequence[str] | None = None
    lpz: np.ndarray | None = None
    print_confidence_score: bool = True
    print_utterance_text: bool = True
    done: bool = False

    def __init__(self, **values: Any) -> None:
        self.set(**values)

    def set(self, **values: Any) -> None:
        """Set attributes; raises `AttributeError` for others. A name that is None stays as it is."""
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if name != "name" or value is not None:
                setattr(self, name, value)

    def __str__(self) -> str:
        lines = []
        for index, ((start, end, score), text) in enumerate(zip(self.segments or (), self.text, strict=False)):
            utterance = f"{self.name}_{index:04}" if self.utt_ids is None else self.utt_ids[index]
            line = f"{utterance} {self.name} {start:.2f} {end:.2f}"
            line += f" {score:.4f}" if self.print_confidence_score else ""
            lines.append(line + (f" {text}" if self.print_utterance_text else "") + "\n")
        return "".join(lines)


class Segmentation:
    """Aligns texts with recordings.

    Args:
        log_probs: Samples (T,) -> CTC log-probabilities (frames, V).
        token_list: The vocabulary; its last token ends sentences, and is in no text. Tokens that it lacks are left out.
        tokenizer: Makes tokens of texts.
        cleaner: What comes before the tokenizer.
        fs: Sampling rate in Hz.
        kaldi_style_text: A line of a text begins with the utterance's name.
        text_converter: `tokenize`: the model's tokens; `classic`: also the beginnings of longer tokens, which may
            fit better where tokens are long.
        time_stamps: `auto`: frames last as long as the recording by their number; `fixed`: as long as
            `samples_to_frames_ratio` says.
        options: Those of `set_config`.

    Raises:
        OptionError: An option is not known or has a value that is not allowed.
        MissingPackageError: ctc-segmentation is not installed.
    """

    fs: float
    kaldi_style_text: bool
    text_converter: str
    time_stamps: str

    def __init__(
        self,
        log_probs: Callable[[Any], np.ndarray],
        token_list: Sequence[str],
        tokenizer: AbsTokenizer,
        cleaner: TextCleaner,
        fs: float = 16000,
        kaldi_style_text: bool = True,
        text_converter: str = "tokenize",
        time_stamps: str = "auto",
        **options: Any,
    ) -> None:
        self.package = _package()
        self.log_probs, self.tokenizer, self.cleaner = log_probs, tokenizer, cleaner
        usual = list(token_list)[:-1]
        self.ids = {token: index for index, token in enumerate(usual) if token != "<unk>"}
        self.samples_to_frames_ratio: float | None = None
        self.warned_about_misconfiguration = False
        self.config = self.package.CtcSegmentationParameters(char_list=usual)
        self.set_config(
            fs=fs, time_stamps=time_stamps, kaldi_style_text=kaldi_style_text, text_converter=text_converter, **options
        )

    def set_config(self, **options: Any) -> None:
        """Change options.

        Args:
            time_stamps, fs, kaldi_style_text, text_converter: See the class.
            samples_to_frames_ratio: Samples that a frame lasts, for `time_stamps` fixed; default: as with noise.
            set_blank: Index of the blank, by default 0.
            replace_spaces_with_blanks: Put blanks between words, for `text_converter` classic.
            gratis_blank: Blanks cost nothing, for recordings with other speech between the texts.
            scoring_length: Frames that a score is the mean of, by default 30; the lowest of an utterance counts.
            min_window_size: Frames in which the next text is looked for, at least.
            max_window_size: The same, at most.

        Raises:
            OptionError: An option is not known or has a value that is not allowed.
        """
        for name, value in options.items():
            if name in CHOICES and value not in CHOICES[name]:
                raise OptionError(f"{name}: expected one of {', '.join(CHOICES[name])}, found {value!r}")
            if name in PARAMETERS:
                if value is not None:
                    self.config.set(**{PARAMETERS[name]: value})
            elif name in (*TIMING, *TEXT):
                setattr(self, name, float(value) if name == "fs" else value)
            else:
                known = ", ".join((*TIMING, *TEXT, *PARAMETERS))
                raise OptionError(f"{name}: expected an option of CTC segmentation, one of {known}; found another name")
        if self.time_stamps == "fixed" and self.samples_to_frames_ratio is None:
            self.samples_to_frames_ratio = self.estimate_samples_to_frames_ratio()
        if self.config.blank_transition_cost_zero and self.config.replace_spaces_with_blanks:
            if not self.warned_about_misconfiguration:
                _log.warning("gratis_blank together with replace_spaces_with_blanks may misplace segments")
            self.warned_about_misconfiguration = True

    def get_timing_config(self, speech_len: int | None = None, lpz_len: int | None = None) -> dict[str, float]:
        """The seconds that a frame lasts, as `index_duration`, from numbers of samples and of frames."""
        if self.time_stamps == "auto" and speech_len is not None and lpz_len is not None:
            self.samples_to_frames_ratio = speech_len / lpz_len
        if self.samples_to_frames_ratio is None:
            raise OptionError("samples_to_frames_ratio: expected a number, as speech_len is not given, found None")
        return {"index_duration": self.samples_to_frames_ratio / self.fs}

    def estimate_samples_to_frames_ratio(self, speech_len: int = 215040) -> int:
        """Samples that a frame lasts, from the number of frames of `speech_len` samples of noise."""
        noise = np.random.default_rng(0).standard_normal(speech_len)
        return speech_len // (len(self.get_lpz(noise)) + 1)

    def whole(self, speech: Any) -> np.ndarray:
        """Samples (T,), an array or a tensor, as they are aligned."""
        return speech.numpy() if hasattr(speech, "numpy") else np.asarray(speech)

    def get_lpz(self, speech: Any) -> np.ndarray:
        """CTC log-probabilities (frames, V) of samples (T,), an array or a tensor."""
        return self.log_probs(self.whole(speech))

    def prepare_segmentation_task(
        self, text: str | Sequence[str], lpz: np.ndarray, name: str | None = None, speech_len: int | None = None
    ) -> CTCSegmentationTask:
        """Put texts and log-probabilities together.

        Args:
            text: Of an utterance each; lines of a string.
            lpz: Log-probabilities (frames, V).
            name: Of the recording; names of utterances are made of it.
            speech_len: Number of samples.

        Raises:
            DataError: There is no text.
        """
        names, texts = self._utterances(text)
        if speech_len is not None:
            self.config.set(**self.get_timing_config(speech_len, len(lpz)))
        tokens = [self.tokenizer.text2tokens(self.cleaner(utterance)) for utterance in texts]
        if self.text_converter == "classic":
            matrix, begins = self.package.prepare_text(self.config, ["".join(line) for line in tokens])
        else:
            known = [[self.ids[token] for token in line if token in self.ids] for line in tokens]
            matrix, begins = self.package.prepare_token_list(self.config, [np.array(ids, np.int64) for ids in known])
        return CTCSegmentationTask(
            config=self.config,
            name=name,
            text=texts,
            ground_truth_mat=matrix,
            utt_begin_indices=begins,
            utt_ids=names,
            lpz=lpz,
        )

    def _utterances(self, text: str | Sequence[str]) -> tuple[list[str] | None, list[str]]:
        """Names, where lines have them, and texts; empty lines are left out."""
        lines = [line.strip() for line in (text.splitlines() if isinstance(text, str) else text)]
        lines = [line for line in lines if line]
        if not lines:
            raise DataError("text: expected at least one utterance, found none")
        if not self.kaldi_style_text:
            return None, lines
        parts = [line.partition(" ") for line in lines]
        return [part[0] for part in parts], [part[2].strip() for part in parts]

    @staticmethod
    def get_segments(task: CTCSegmentationTask) -> dict[str, Any]:
        """Align: what `CTCSegmentationTask.set` takes.

        Raises:
            DataError: The recording is too short for its texts.
        """
        package, config = _package(), task.config
        try:
            timings, char_probs, states = package.ctc_segmentation(config, task.lpz, task.ground_truth_mat)
            segments = package.determine_utterance_segments(
                config, task.utt_begin_indices, char_probs, timings, task.text
            )
        except (AssertionError, IndexError, ValueError) as error:
            frames = 0 if task.lpz is None else len(task.lpz)
            reason = " ".join(str(error).split()) or "no alignment"
            raise DataError(
                f"{task.name}: expected a recording that has all texts, found {frames} frames for "
                f"{len(task.ground_truth_mat)} tokens: {reason}"
            ) from error
        return {
            "name": task.name,
            "timings": timings,
            "char_probs": char_probs,
            "state_list": states,
            "segments": segments,
            "done": True,
        }

    def __call__(
        self, speech: Any, text: str | Sequence[str], fs: float | None = None, name: str | None = None
    ) -> CTCSegmentationTask:
        """Align texts with a recording.

        Args:
            speech: Samples (T,).
            text: Of an utterance each; lines of a string.
            fs: Sampling rate in Hz, where another is not given before.
            name: Of the recording.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            DataError: There is no text, or the recording is too short for it.
        """
        if fs is not None:
            self.set_config(fs=fs)
        lpz = self.get_lpz(speech)
        task = self.prepare_segmentation_task(text, lpz, name, len(self.whole(speech)))
        task.set(**self.get_segments(task))
        return task


def _package() -> Any:
    try:
        import ctc_segmentation
    except ImportError as error:
        raise MissingPackageError(
            "CTC segmentation: expected the package ctc-segmentation, found none; pip install ctc-segmentation"
        ) from error
    return ctc_segmentation
