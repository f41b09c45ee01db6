"""CTC segmentation with PyTorch or a bundle: `CTCSegmentation` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from espnet2.interface.errors import OptionError
from espnet2.runtime.segmentation import Segmentation
from espnet2.text.cleaner import TextCleaner
from espnet2.utils.text_stream import open_input, open_output

if TYPE_CHECKING:
    from typing_extensions import Self

    from espnet2.inference.asr_inference import Speech2Text as TorchSpeech2Text
    from espnet2.runtime.asr import Speech2Text


class CTCSegmentation(Segmentation):
    """Aligns texts with recordings, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        fs: Sampling rate in Hz; None: the model's.
        ngpu: 1: compute on a GPU.
        batch_size: Must be 1.
        dtype: Must be float32.
        kaldi_style_text, text_converter, time_stamps: See `Segmentation`.
        bundle: A bundle of `espnet2.bin.export_onnx` instead of the recogniser and its tokens, which needs no PyTorch.
        token_type, bpemodel: Of the recogniser's tokens, instead of the config's.
        device: Where to compute, instead of `ngpu`.
        model_tag: A packed model on the Hugging Face hub, or a packed model's path, instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        ctc_segmentation_args: Options of `Segmentation.set_config`.

    Raises:
        OptionError: An option is not known or has a value that is not allowed.
        MissingPackageError: ctc-segmentation is not installed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        fs: float | None = None,
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
        untrained: bool = True,
        **ctc_segmentation_args: Any,
    ) -> None:
        require_plain(ngpu, batch_size, dtype)
        device = device or ("cuda" if ngpu else "cpu")
        files = {
            "asr_train_config": asr_train_config,
            "asr_model_file": asr_model_file,
            "model_tag": model_tag,
            "token_type": token_type,
            "bpemodel": bpemodel,
        }
        recognizer: Speech2Text | TorchSpeech2Text
        if bundle is not None:
            recognizer, cleaner = _of_bundle(bundle, device, files), None
        else:
            recognizer, cleaner = _of_model(files, device, untrained)
        if recognizer.tokenizer is None:
            raise OptionError(
                "token_type: expected the kind of tokens, since the model's tokenizer is not known; found none"
            )
        super().__init__(
            recognizer.ctc_log_probs,
            list(recognizer.token_list),
            recognizer.tokenizer,
            TextCleaner(cleaner),
            recognizer.sample_rate if fs is None else fs,
            kaldi_style_text,
            text_converter,
            time_stamps,
            **ctc_segmentation_args,
        )

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The aligner of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def require_plain(ngpu: int, batch_size: int, dtype: str) -> None:
    """Raise `OptionError` for values of upstream's options that cannot be had."""
    allowed = {"ngpu": (ngpu, (0, 1)), "batch_size": (batch_size, (1,)), "dtype": (dtype, ("float32",))}
    for name, (value, values) in allowed.items():
        if value not in values:
            raise OptionError(f"{name}: expected {' or '.join(map(str, values))}, found {value!r}")


def require_none(files: Mapping[str, Any]) -> None:
    """Raise `OptionError` for files of another model than that of a bundle."""
    for name, value in files.items():
        if value is not None:
            raise OptionError(f"{name}: expected none, since the model is that of the bundle, found {str(value)!r}")


def _of_bundle(bundle: Path | str, device: str, files: Mapping[str, Any]) -> Speech2Text:
    """The recogniser of a bundle; raises `OptionError` for files of another model."""
    from espnet2.runtime.asr import Speech2Text

    require_none(files)
    return Speech2Text(bundle, ctc_weight=1.0, ngram_weight=0.0, device=device)


def _of_model(files: Mapping[str, Any], device: str, untrained: bool) -> tuple[TorchSpeech2Text, Any]:
    """The recogniser of a trained model, and the names of its text cleaners."""
    from espnet2.inference.asr_inference import Speech2Text as TorchSpeech2Text

    recognizer = TorchSpeech2Text.from_pretrained(
        **files, device=device, ctc_weight=1.0, ngram_weight=0.0, untrained=untrained
    )
    return recognizer, recognizer.asr_train_args.cleaner


def open_recognizer(files: Mapping[str, Any], device: str) -> tuple[Any, Any]:
    """The recogniser, or model of many tasks, of a bundle or of files, and the names of its text cleaners.

    CTC alone scores its tokens. `files` may hold options of the recogniser, too.
    """
    others = dict(files)
    if "bundle" in others:
        from espnet2.runtime.asr import Speech2Text

        others.pop("untrained", None)
        return Speech2Text(
            others.pop("bundle"), ctc_weight=1.0, lm_weight=0.0, ngram_weight=0.0, device=device, **others
        ), None
    if "s2t_train_config" in others or "s2t_model_file" in others:
        from espnet2.inference.s2t_inference_ctc import Speech2Text as ManyTasks

        model = ManyTasks(device=device, **others)
        return model, model.s2t_train_args.cleaner
    return _of_model(others, device, bool(others.pop("untrained", True)))


def align_file(
    aligner_class: type[Segmentation],
    log_level: str = "INFO",
    audio: Path | str | None = None,
    text: Iterable[str] | None = None,
    output: IO[str] | None = None,
    print_utt_text: bool = True,
    print_utt_score: bool = True,
    **options: Any,
) -> None:
    """Align texts with a recording and write lines of Kaldi's `segments`.

    Args:
        aligner_class: A class such as `CTCSegmentation`.
        log_level: Without effect here.
        audio: The recording, which is resampled to `fs`, by default the model's rate.
        text: Lines of an utterance each.
        output: Where lines are written; None: standard output.
        print_utt_text, print_utt_score: Whether lines have texts and scores.
        options: Of the class.
    """
    from espnet2.fileio.audio import read_audio

    if audio is None or text is None:
        raise OptionError("audio, text: expected a recording and its texts, found none")
    aligner = aligner_class(**options)
    speech = read_audio(audio, int(aligner.fs))
    task = aligner(speech, list(text), name=Path(audio).stem)
    task.set(print_utterance_text=print_utt_text, print_confidence_score=print_utt_score)
    (output or sys.stdout).write(str(task))


def ctc_align(
    asr_train_config: Path | str | None = None, asr_model_file: Path | str | None = None, **options: Any
) -> None:
    """Align texts with a recording by a recogniser; `options` are those of `align_file` and of `CTCSegmentation`."""
    align_file(CTCSegmentation, asr_train_config=asr_train_config, asr_model_file=asr_model_file, **options)


def align(args: argparse.Namespace, run: Callable[..., None] = ctc_align) -> None:
    """Align the texts and the recording that the options of the command name."""
    options = {name: value for name, value in vars(args).items() if name not in ("config", "text", "output")}
    with open_input(args.text) as text, open_output(args.output) as output:
        run(text=text, output=output, untrained=False, **options)
