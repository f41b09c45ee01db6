"""Options of the commands that run bundles."""

from __future__ import annotations

import argparse
from typing import Any

from espnet2.utils.types import UnfitValueError, mapping_or_none, str2bool

THREADS = (
    "threads of graphs that read a whole utterance, as encoder and CTC; steps have one, those of a batch up to 4 "
    "(default: all cores)"
)
# Arguments with which models are opened, which are no options of inference.
OPENING = ("bundle", "quantized", "num_threads", "device", "providers", "mapped", "verify")


def add_bundle_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that name a bundle and say how it is run; returns their group."""
    group = parser.add_argument_group("model")
    group.add_argument("--bundle", required=True, help="directory that espnet2.bin.export_onnx wrote")
    group.add_argument(
        "--quantized", type=str2bool, nargs="?", const=True, default=False, help="run the bundle's int8 graphs"
    )
    group.add_argument("--num_threads", type=int, help=THREADS)
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    return group


def bundle_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_bundle_options` as keywords of a class of `espnet2.runtime`."""
    options = {name: getattr(args, name) for name in ("bundle", "quantized", "num_threads")}
    return {**options, "device": "cuda" if args.ngpu > 0 else "cpu"}


def inference_options_or_none(text: str) -> Any:
    """Options of inference by name, see `mapping_or_none`; raises `UnfitValueError` for what is no name of one."""
    found = mapping_or_none(text)
    for name in found or {}:
        if not isinstance(name, str) or name in OPENING:
            raise UnfitValueError(f"expected names of options of inference, found {name!r}")
    return found
