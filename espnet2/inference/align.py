"""Forced alignment with PyTorch or a bundle: `ForcedAligner` with the interface of upstream's class of this name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.fileio.audio import read_audio
from espnet2.inference.asr_align import open_recognizer
from espnet2.interface.errors import OptionError
from espnet2.runtime.forced_alignment import Segment, TextAligner
from espnet2.text.cleaner import TextCleaner
from espnet2.utils.text_stream import open_input, open_output

if TYPE_CHECKING:
    from typing_extensions import Self

UNITS = ("utterance", "word", "token")


class ForcedAligner(TextAligner):
    """Aligns texts with recordings, by a recogniser, or a model of many tasks, that has CTC.

    Args:
        model: A recogniser, such as `espnet2.runtime.Speech2Text`, whose `ctc_weight` is not 0.
        device: Where to compute, `cpu` or `cuda`, for a model that is loaded.
        artifacts: Instead of `model`, `bundle`, or files of a trained model as for
            `espnet2.bin.asr_inference.Speech2Text` or `espnet2.bin.s2t_inference_ctc.Speech2Text`; and `lang_sym` and
            `task_sym` of a model of many tasks.

    Raises:
        OptionError: An option is not known, or the model cannot align.
    """

    def __init__(self, model: Any = None, device: str = "cpu", **artifacts: Any) -> None:
        given = {name: value for name, value in artifacts.items() if value is not None}
        if model is not None and given:
            raise OptionError(f"{next(iter(given))}: expected none beside a model, found one")
        recognizer, cleaner = (model, None) if model is not None else open_recognizer(given, device)
        super().__init__(recognizer, TextCleaner(cleaner))

    def __call__(self, speech: Any, utterances: str | Sequence[str], fs: int | None = None) -> list[Segment]:
        """The times of utterances in a recording, see `TextAligner`.

        Args:
            speech: Samples (T,), or the path of a recording, which is resampled.
            utterances: A text each.
            fs: Sampling rate of the samples in Hz: the model's and nothing else.
        """
        rate = self.recognizer.sample_rate
        if isinstance(speech, str | Path):
            return super().__call__(read_audio(speech, rate), utterances)
        if fs is not None and fs != rate:
            raise OptionError(f"fs: expected the model's rate, {rate}, found {fs}; a path is resampled")
        return super().__call__(speech.numpy() if hasattr(speech, "numpy") else speech, utterances)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The aligner of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def lines_of(segments: Sequence[Segment], recording: str, unit: str) -> Iterator[str]:
    """Lines of Kaldi's `segments` with score and text, or of NIST's CTM with scores for words and tokens."""
    if unit == "utterance":
        for number, segment in enumerate(segments):
            times = f"{segment.start:.2f} {segment.end:.2f} {segment.score:.4f}"
            yield f"{recording}_{number:04} {recording} {times} {segment.text}"
        return
    for segment in segments:
        for item in segment.words if unit == "word" else segment.tokens:
            text = "_".join(item.text.split()) or "_"
            yield f"{recording} 1 {item.start:.2f} {item.end - item.start:.2f} {text} {item.score:.4f}"


def align(args: argparse.Namespace) -> None:
    """Align the texts and the recording that the options of the command name."""
    names = [
        name for name in vars(args) if name not in ("config", "log_level", "audio", "text", "output", "unit", "ngpu")
    ]
    options = {name: getattr(args, name) for name in names}
    aligner = ForcedAligner(device="cuda" if args.ngpu else "cpu", untrained=False, **options)
    with open_input(args.text) as text, open_output(args.output) as output:
        segments = aligner(args.audio, list(text))
        output.writelines(f"{line}\n" for line in lines_of(segments, Path(args.audio).stem, args.unit))
