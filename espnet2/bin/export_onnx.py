"""Export a trained model to a verified ONNX bundle: `python -m espnet2.bin.export_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run

MODEL_OPTIONS = {
    "--asr_train_config": "config.yaml of the recogniser",
    "--asr_model_file": "weights of the recogniser",
    "--lm_train_config": "config.yaml of the language model",
    "--lm_file": "weights of the language model",
    "--ngram_file": "KenLM n-gram file (.arpa or .bin)",
    "--model_file": "packed model (.zip, .tar.gz), instead of the files above",
    "--model_tag": "model on the Hugging Face hub, instead of the files above",
}


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Options that name a trained model, shared by all commands that read one."""
    group = parser.add_argument_group("trained model")
    for option, text in MODEL_OPTIONS.items():
        group.add_argument(option, help=text)


def model_options(args: argparse.Namespace) -> dict[str, str | None]:
    """The values of `add_model_options`, as keywords of `espnet2.export.trained.load_trained`."""
    return {name: getattr(args, name) for name in (option.lstrip("-") for option in MODEL_OPTIONS)}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m espnet2.bin.export_onnx",
        description="Export a trained model to ONNX, compare every graph with PyTorch, and write a bundle that "
        "espnet2.bin.asr_inference_onnx and espnet2.runtime run without PyTorch.",
    )
    add_model_options(parser)
    parser.add_argument("--output_dir", required=True, help="the bundle, a directory that is made or replaced")
    parser.add_argument("--quantize", choices=["int8"], help="add dynamically quantised siblings of the graphs")
    parser.add_argument("--log_level", default="INFO", help="default: INFO")
    parser.add_argument(
        "recordings", nargs="*", help="speech to compare decoded text on (a generated signal where none is given)"
    )
    return parser


def export(args: argparse.Namespace) -> None:
    from espnet2.export.make_bundle import make_bundle

    make_bundle(args.output_dir, recordings=args.recordings, quantize=args.quantize, **model_options(args))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), export, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
