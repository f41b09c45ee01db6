"""CTC segmentation by models of OWSM-CTC's kind: `CTCSegmentation` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet2.inference import asr_align
from espnet2.inference.asr_align import align_file, require_none, require_plain
from espnet2.interface.errors import OptionError
from espnet2.runtime.s2t_ctc import BATCH_CONTEXT, S2TCTCRecognizer
from espnet2.runtime.segmentation import Segmentation
from espnet2.text.cleaner import TextCleaner

if TYPE_CHECKING:
    from typing_extensions import Self


class CTCSegmentation(Segmentation):
    """Aligns texts with recordings of any length, with the arguments of upstream's class of this name.

    Args:
        s2t_train_config: config.yaml of a model of many tasks that has CTC alone.
        s2t_model_file: Its weights.
        fs: Sampling rate in Hz; None: the model's.
        ngpu: 1: compute on a GPU.
        batch_size: Must be 1.
        dtype: Must be float32.
        kaldi_style_text, text_converter, time_stamps: See `Segmentation`.
        lang_sym, task_sym: Symbols of the language and of the task.
        context_len_in_secs: Seconds of a buffer at either end that are left out; None: 4.
        device: Where to compute, instead of `ngpu`.
        bundle: A bundle of `espnet2.bin.export_onnx` instead of the model and its tokens, which needs no PyTorch.
        token_type, bpemodel: Of the model's tokens, instead of the config's.
        model_tag: A packed model on the Hugging Face hub, or a packed model's path, instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        ctc_segmentation_args: Options of `Segmentation.set_config`.

    Raises:
        OptionError: An option is not known or has a value that is not allowed, or a model of another kind.
        MissingPackageError: ctc-segmentation is not installed.
    """

    def __init__(
        self,
        s2t_train_config: Path | str | None = None,
        s2t_model_file: Path | str | None = None,
        fs: float | None = None,
        ngpu: int = 0,
        batch_size: int = 1,
        dtype: str = "float32",
        kaldi_style_text: bool = True,
        text_converter: str = "tokenize",
        time_stamps: str = "auto",
        lang_sym: str = "<eng>",
        task_sym: str = "<asr>",
        context_len_in_secs: float | None = None,
        device: str | None = None,
        *,
        bundle: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        model_tag: Path | str | None = None,
        untrained: bool = True,
        **ctc_segmentation_args: Any,
    ) -> None:
        require_plain(ngpu, batch_size, dtype)
        files = {
            "s2t_train_config": s2t_train_config,
            "s2t_model_file": s2t_model_file,
            "model_tag": model_tag,
            "token_type": token_type,
            "bpemodel": bpemodel,
        }
        options = {"device": device or ("cuda" if ngpu else "cpu"), "lang_sym": lang_sym, "task_sym": task_sym}
        if bundle is not None:
            model, cleaner = _of_bundle(bundle, files, options), None
        else:
            from espnet2.inference.s2t_inference_ctc import Speech2Text

            model = Speech2Text.from_pretrained(**files, **options, untrained=untrained)
            cleaner = model.s2t_train_args.cleaner
        if model.tokenizer is None:
            raise OptionError(
                "token_type: expected the kind of tokens, since the model's tokenizer is not known; found none"
            )
        usual = model.long_form.nearest(BATCH_CONTEXT)
        context = usual if context_len_in_secs is None else context_len_in_secs
        self.buffers = model.long_form.with_context(context)
        super().__init__(
            functools.partial(model.ctc_log_probs, context_len_in_secs=context),
            list(model.token_list),
            model.tokenizer,
            TextCleaner(cleaner),
            model.sample_rate if fs is None else fs,
            kaldi_style_text,
            text_converter,
            time_stamps,
            **ctc_segmentation_args,
        )

    def whole(self, speech: Any) -> np.ndarray:
        """Samples (T,) that are padded to whole buffers, of which the last one is never full, as upstream's are."""
        samples, hop = super().whole(speech), self.buffers.hop
        return np.pad(samples, (0, -len(samples) % hop or hop))

    def estimate_samples_to_frames_ratio(self, speech_len: int = 0) -> int:
        """Samples that a frame lasts, whatever the length."""
        return self.buffers.hop // self.buffers.frames(self.buffers.hop)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The aligner of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def _of_bundle(bundle: Path | str, files: dict[str, Any], options: dict[str, Any]) -> Any:
    """The model of a bundle; raises `OptionError` for files of another model, or a bundle of another kind."""
    from espnet2.runtime.asr import Speech2Text

    require_none(files)
    model = Speech2Text(bundle, **options)
    if not isinstance(model, S2TCTCRecognizer):
        raise OptionError(f"bundle: expected a model of many tasks that has CTC alone, found {bundle}, another one")
    return model


def ctc_align(
    s2t_train_config: Path | str | None = None, s2t_model_file: Path | str | None = None, **options: Any
) -> None:
    """Align texts with a recording; `options` are those of `align_file` and of `CTCSegmentation`."""
    align_file(CTCSegmentation, s2t_train_config=s2t_train_config, s2t_model_file=s2t_model_file, **options)


def align(args: argparse.Namespace) -> None:
    """Align the texts and the recording that the options of the command name."""
    asr_align.align(args, ctc_align)
