"""CTC segmentation as commands share it: upstream's `AbsCTCSegmentation`, `align_file` and `build_parser`."""

from __future__ import annotations

from typing import Any

from espnet2.inference.asr_align import align_file
from espnet2.runtime.segmentation import CTCSegmentationTask, Segmentation
from espnet2.utils.cli import add_log_level
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str2bool, str_or_none

__all__ = ["AbsCTCSegmentation", "CTCSegmentationTask", "align_file", "build_parser"]

AbsCTCSegmentation = Segmentation
MODEL = {
    "{}_train_config": "config.yaml of the model",
    "{}_model_file": "its weights",
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


def build_parser(model_arg_prefix: str, description: str, prog: str | None = None) -> ArgumentParser:
    """A parser of the options of a model, which begin with the prefix (`asr`, `s2t`), and of CTC segmentation."""
    parser = ArgumentParser(prog=prog, description=description)
    add_log_level(parser)
    parser.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    parser.add_argument("--dtype", default="float32", help="float32 and nothing else")
    group = parser.add_argument_group("model")
    for name, text in MODEL.items():
        group.add_argument(f"--{name.format(model_arg_prefix)}", type=str_or_none, help=text)
    group = parser.add_argument_group("CTC segmentation")
    group.add_argument(
        "--fs", type=int, help="sampling rate in Hz that the audio is resampled to (default: the model's)"
    )
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
