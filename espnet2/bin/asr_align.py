"""Find texts in a long recording by CTC: `python -m espnet2.bin.asr_align --help`, and upstream's `CTCSegmentation`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from espnet2.runtime.errors import OptionError
from espnet2.runtime.segmentation import CTCSegmentationTask, Segmentation
from espnet2.text.cleaner import TextCleaner
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str2bool, str_or_none

if TYPE_CHECKING:
    from typing_extensions import Self

    from espnet2.runtime.asr import Recognizer

__all__ = ["CTCSegmentation", "CTCSegmentationTask", "ctc_align", "get_parser", "main"]


class CTCSegmentation(Segmentation):
    """Aligns texts with recordings, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        fs: Sampling rate in Hz.
        ngpu: 1: compute on a GPU.
        batch_size: 1 and nothing else.
        dtype: float32 and nothing else.
        kaldi_style_text, text_converter, time_stamps: See `Segmentation`.
        bundle: A bundle of `espnet2.bin.export_onnx` instead of the recogniser, which needs no PyTorch.
        token_type, bpemodel: Of the recogniser's tokens, instead of the config's.
        device: Where PyTorch computes, instead of `ngpu`.
        model_tag: A packed model on the Hugging Face hub, or a packed model's path, instead of config and weights.
        ctc_segmentation_args: Options of `Segmentation.set_config`.

    Raises:
        OptionError: An option is not known or has a value that is not allowed.
        MissingPackageError: ctc-segmentation is not installed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        fs: float = 16000,
        ngpu: int = 0,
        batch_size: int = 1,
        dtype: str = "float32",
        kaldi_style_text: bool = True,
        text_converter: str = "tokenize",
        time_stamps: str = "auto",
        *,
        bundle: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str | None = None,
        model_tag: Path | str | None = None,
        **ctc_segmentation_args: Any,
    ) -> None:
        allowed = {"ngpu": (ngpu, (0, 1)), "batch_size": (batch_size, (1,)), "dtype": (dtype, ("float32",))}
        for name, (value, values) in allowed.items():
            if value not in values:
                raise OptionError(f"{name}: expected {' or '.join(map(str, values))}, found {value!r}")
        if bundle is not None:
            from espnet2.runtime.asr import Speech2Text

            recognizer: Recognizer = Speech2Text(bundle, ctc_weight=1.0)
            cleaner = None
        else:
            from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text

            torch_recognizer = TorchSpeech2Text.from_pretrained(
                model_tag,
                asr_train_config=asr_train_config,
                asr_model_file=asr_model_file,
                token_type=token_type,
                bpemodel=bpemodel,
                device=device or ("cuda" if ngpu else "cpu"),
                ctc_weight=1.0,
            )
            recognizer, cleaner = torch_recognizer, torch_recognizer.asr_train_args.cleaner
        if recognizer.tokenizer is None:
            raise OptionError("token_type: expected the kind of tokens, since the model's tokenizer is not known")
        super().__init__(
            recognizer.ctc_log_probs,
            list(recognizer.token_list),
            recognizer.tokenizer,
            TextCleaner(cleaner),
            fs,
            kaldi_style_text,
            text_converter,
            time_stamps,
            **ctc_segmentation_args,
        )

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The aligner of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def ctc_align(
    asr_train_config: Path | str | None = None,
    asr_model_file: Path | str | None = None,
    audio: Path | str | None = None,
    text: Iterable[str] | None = None,
    output: IO[str] | None = None,
    print_utt_text: bool = True,
    print_utt_score: bool = True,
    log_level: str = "INFO",
    **options: Any,
) -> None:
    """Align texts with a recording and write lines of Kaldi's `segments`.

    Args:
        asr_train_config, asr_model_file: See `CTCSegmentation`.
        audio: The recording, which is resampled to `fs`.
        text: Lines of an utterance each.
        output: Where lines are written; None: standard output.
        print_utt_text, print_utt_score: Whether lines have texts and scores.
        log_level: Without effect here.
        options: Of `CTCSegmentation`.
    """
    from espnet2.fileio.audio import read_audio

    if audio is None or text is None:
        raise OptionError("audio, text: expected a recording and its texts, found none")
    aligner = CTCSegmentation(asr_train_config, asr_model_file, **options)
    speech = read_audio(audio, int(aligner.fs))
    task = aligner(speech, list(text), name=Path(audio).stem)
    task.set(print_utterance_text=print_utt_text, print_confidence_score=print_utt_score)
    (output or sys.stdout).write(str(task))


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_align",
        description="Align the utterances of a text with a recording by CTC segmentation, and write a line of each in "
        "the form of Kaldi's segments: name, recording, start and end in seconds, score, text.",
    )
    parser.add_argument("--log_level", default="INFO", help="(default: INFO)")
    parser.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    parser.add_argument("--dtype", default="float32", help="float32 and nothing else")
    group = parser.add_argument_group("model")
    for name, text in MODEL.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group = parser.add_argument_group("CTC segmentation")
    group.add_argument("--fs", type=int, default=16000, help="sampling rate of the model in Hz (default: 16000)")
    for name, kind, default, text in OPTIONS:
        group.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (default: {default})")
    group = parser.add_argument_group("input and output")
    group.add_argument("-a", "--audio", required=True, help="recording")
    group.add_argument("-t", "--text", required=True, help="file of texts, one on each line")
    group.add_argument("-o", "--output", default="-", help="file to write; -: standard output (default: -)")
    group.add_argument("--kaldi_style_text", type=str2bool, default=True, help="lines begin with names (default: true)")
    group.add_argument("--print_utt_text", type=str2bool, default=True, help="write texts (default: true)")
    group.add_argument("--print_utt_score", type=str2bool, default=True, help="write scores (default: true)")
    return parser


MODEL = {
    "asr_train_config": "config.yaml of the recogniser",
    "asr_model_file": "its weights",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
    "bundle": "bundle of espnet2.bin.export_onnx, instead of these; needs no PyTorch",
    "token_type": "kind of tokens, instead of the config's",
    "bpemodel": "SentencePiece model, instead of the config's",
}
OPTIONS: tuple[tuple[str, Any, Any, str], ...] = (
    ("min_window_size", int, None, "frames in which the next text is looked for, at least"),
    ("max_window_size", int, None, "the same, at most"),
    ("set_blank", int, None, "index of the blank"),
    ("gratis_blank", str2bool, False, "blanks cost nothing, for recordings with other speech between the texts"),
    ("replace_spaces_with_blanks", str2bool, False, "put blanks between words, for text_converter classic"),
    ("scoring_length", int, None, "frames that a score is the mean of"),
    ("time_stamps", str, "auto", "auto: frames last as long as the recording by their number; fixed"),
    ("text_converter", str, "tokenize", "tokenize: the model's tokens; classic: also beginnings of long tokens"),
)


def command(args: argparse.Namespace) -> None:
    from espnet2.recipe.tokens import open_input, open_output

    names = ("audio", "fs", "ngpu", "dtype", "kaldi_style_text", "print_utt_text", "print_utt_score", *MODEL)
    options = {name: getattr(args, name) for name in names}
    options |= {name: getattr(args, name) for name, *_ in OPTIONS}
    with open_input(args.text) as text, open_output(args.output) as output:
        ctc_align(text=text, output=output, **options)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
