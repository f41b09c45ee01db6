"""Find out why a module does not export, or computes something else: `python -m espnet2.bin.onnx_doctor --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import mapping_or_none, str_or_none

LONGEST_ERROR = 65_536  # characters


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.onnx_doctor",
        description="Diagnose exports: the source line of a node, the layer where PyTorch and onnxruntime part, what "
        "keeps a module from being exported, and what makes a bundle big and slow.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_node(verbs.add_parser("node", help="module path, source line and shapes of a node"))
    _add_check(verbs.add_parser("check", help="diagnosis of a module of any author"))
    _add_compare(verbs.add_parser("compare", help="PyTorch and onnxruntime layer by layer"))
    _add_size(verbs.add_parser("size", help="time and bytes of weights of modules and operators"))
    return parser


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="bundle that export_onnx --debug wrote")
    parser.add_argument("--graph", type=str_or_none, help="graph of the bundle (default: all)")
    parser.add_argument(
        "--picture", type=str_or_none, help="write a PNG of time, multiply-adds and weights of the modules here"
    )
    parser.add_argument("--depth", type=int, default=2, help="names of a module's path that are told (default: 2)")
    parser.set_defaults(command=_size, log_level="WARNING")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", required=True, help="directory that espnet2.bin.export_onnx wrote")
    add_model_options(parser, None)
    parser.add_argument("--graph", type=str_or_none, help="graph of the bundle (default: all)")
    parser.add_argument("--picture", type=str_or_none, help="write a PNG of the difference over depth here")
    parser.add_argument("recordings", nargs="*", help="recordings or texts (default: generated inputs of each graph)")
    parser.set_defaults(command=_compare, log_level="WARNING")


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=str_or_none, help="bundle that export_onnx --debug wrote")
    parser.add_argument("--onnx", type=str_or_none, help="ONNX file of torch.onnx.export, instead of a bundle")
    parser.add_argument(
        "names",
        nargs="+",
        help="graph of the bundle, then a node, a value, or onnxruntime's error; an error may come alone, - reads it "
        "from standard input",
    )
    parser.set_defaults(command=_node, log_level="WARNING")


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("module", help="package.module:Class, or path/to/file.py:Class")
    parser.add_argument(
        "--packages",
        type=str_or_none,
        help="directory whose packages win over this project's, such as the site-packages of upstream ESPnet",
    )
    parser.add_argument("--conf", type=mapping_or_none, help="keywords of its constructor, as '{output_size: 64}'")
    parser.add_argument(
        "--inputs",
        type=mapping_or_none,
        help="axes of its inputs, as '{xs: [batch, frames, 80], ilens: {axes: [batch], dtype: int64, "
        "length_of: frames}}' (default: guessed from their names)",
    )
    parser.set_defaults(command=_check, log_level="WARNING")


def _node(args: argparse.Namespace) -> None:
    from espnet2.export.doctor.find import described, find_node, in_bundle, nodes_of_file
    from espnet2.interface.errors import OptionError

    if bool(args.bundle) == bool(args.onnx):
        raise OptionError("expected --bundle or --onnx, found " + ("both" if args.bundle else "neither"))
    names = [_standard_input() if name == "-" else name for name in args.names]
    found = find_node(nodes_of_file(args.onnx), " ".join(names)) if args.onnx else in_bundle(args.bundle, names)
    print(described(found))


def _standard_input() -> str:
    """Text of standard input; raises `OptionError` for what is longer than an error of onnxruntime, or no text."""
    from espnet2.interface.errors import OptionError

    try:
        text = sys.stdin.read(LONGEST_ERROR + 1)
    except UnicodeDecodeError:
        text = None
    if text is None or len(text) > LONGEST_ERROR:
        found = "other bytes" if text is None else f"more than {LONGEST_ERROR} characters"
        raise OptionError(f"standard input: expected onnxruntime's error, a text in UTF-8, found {found}")
    return text


def _size(args: argparse.Namespace) -> None:
    from espnet2.export.doctor.pictures import draw_sizes
    from espnet2.export.doctor.size import report, sizes_of_bundle

    sizes = sizes_of_bundle(args.bundle, args.graph, args.depth)
    print(report(sizes))
    if args.picture:
        draw_sizes(sizes, args.picture)


def _compare(args: argparse.Namespace) -> int:
    from espnet2.export.doctor.compare_bundle import compare_bundle
    from espnet2.export.doctor.pictures import draw_comparisons
    from espnet2.export.verify import table

    found, checks = compare_bundle(args.bundle, args.graph, args.recordings, **model_options(args, None))
    print("\n\n".join(map(str, found)))
    if checks:
        print(f"\nresults of the recordings:\n{table(checks)}")
    if args.picture:
        draw_comparisons(found, args.picture)
    return int(any(item.first for item in found) or not all(check.passed for check in checks))


def _check(args: argparse.Namespace) -> int:
    from espnet2.export.doctor.check import check
    from espnet2.export.doctor.load import load_module

    found = check(load_module(args.module, args.conf or {}, args.packages), args.inputs)
    for diagnosis in found:
        print(diagnosis)
    if not any(diagnosis.fails for diagnosis in found):
        print(f"{args.module}: exports, and computes in onnxruntime what it computes in PyTorch")
    return int(any(diagnosis.fails for diagnosis in found))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: args.command(args), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
