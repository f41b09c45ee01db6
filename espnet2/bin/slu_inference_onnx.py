"""Understand recordings with a bundle, without PyTorch: `python -m espnet2.bin.slu_inference_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.commands import recognize
from espnet2.runtime.decode_arguments import add_decode_arguments, add_recognizer_bundle_options
from espnet2.runtime.slu_options import SLUOptions
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import SLU
from espnet2.utils.upstream_options import add_other_options


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.slu_inference_onnx",
        description="Understand recordings (intents, entities, summaries) with a bundle that espnet2.bin.export_onnx "
        "wrote. With recordings, the text of each is one line of the output; with a list and an output directory, "
        "results are written as a recipe decodes.",
    )
    add_recognizer_bundle_options(parser)
    add_decode_arguments(parser, options=SLUOptions, task="slu")
    add_other_options(parser, SLU)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
