"""Translate texts with a bundle, without PyTorch: `python -m espnet2.bin.mt_inference_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.decode_arguments import add_decode_arguments, add_recognizer_bundle_options
from espnet2.runtime.decode_texts import translate_with_bundle
from espnet2.runtime.mt import SOURCE
from espnet2.runtime.mt_options import OF_SPEECH, MTOptions
from espnet2.runtime.text_inputs import add_text_arguments
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import MT
from espnet2.utils.upstream_options import add_other_options


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.mt_inference_onnx",
        description="Translate texts, or recognise discrete units of speech, with a bundle that "
        "espnet2.bin.export_onnx wrote. With texts, the translation of each is one line of the output; with a list and "
        "an output directory, results are written as a recipe decodes.",
    )
    add_recognizer_bundle_options(parser)
    add_decode_arguments(parser, OF_SPEECH, MTOptions, "mt", add_text_arguments(SOURCE))
    add_other_options(parser, MT)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), translate_with_bundle, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
