"""Times of a known text in a recording: `python -m espnet2.bin.align --help`, and upstream's `ForcedAligner`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.inference.align import UNITS, ForcedAligner, align
from espnet2.runtime.forced_alignment import Segment, Token
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str_or_none

__all__ = ["ForcedAligner", "Segment", "Token", "get_parser", "main"]

MODEL = {
    "bundle": "bundle of espnet2.bin.export_onnx; needs no PyTorch",
    "asr_train_config": "config.yaml of a recogniser, instead of a bundle",
    "asr_model_file": "its weights",
    "s2t_train_config": "config.yaml of a model of many tasks that has CTC alone, instead of a bundle",
    "s2t_model_file": "its weights",
    "model_tag": "packed recogniser (file, directory or name on the Hugging Face hub), instead of these",
    "token_type": "kind of tokens, instead of the config's",
    "bpemodel": "SentencePiece model, instead of the config's",
    "lang_sym": "symbol of the language, for models of many tasks",
    "task_sym": "symbol of the task, for models of many tasks",
}


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.align",
        description="Find when a recording says the utterances of a text, and nothing else: the most probable "
        "alignment with the output of CTC. Recordings may be of any length.",
    )
    add_log_level(parser)
    parser.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    group = parser.add_argument_group("model")
    for name, text in MODEL.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group = parser.add_argument_group("input and output")
    group.add_argument("-a", "--audio", required=True, help="recording")
    group.add_argument("-t", "--text", required=True, help="file of utterances, one on each line; -: standard input")
    group.add_argument("-o", "--output", default="-", help="file to write; -: standard output (default: -)")
    group.add_argument(
        "--unit",
        choices=UNITS,
        default="utterance",
        help="utterance: lines of Kaldi's segments, with score and text; word, token: lines of NIST's CTM (default: "
        "utterance)",
    )
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), align, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
