"""Export a trained model to a verified ONNX bundle: `python -m espnet2.bin.export_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.interface.errors import OptionError
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool

ONE_GRAPH = ("one_graph_search", "one_graph_beam_size")
LARGEST_BEAM = 1000  # of one graph
CHUNK_OPTIONS = {
    "chunk_size": "encoder frames of a chunk of a stream, for an encoder that takes chunks of any size (default: 16)",
    "left_context": "encoder frames before a chunk that it attends to (default: 32)",
    "right_context": "encoder frames after a chunk that it attends to, and waits for (default: 0)",
}
# Layouts, and which options of bundles they take.
LAYOUTS = {
    "sherpa_onnx": {"lexicon_words", "layout_conf", *ONE_GRAPH},
    "triton": {"streaming", *ONE_GRAPH, *CHUNK_OPTIONS},
}
OF_LAYOUTS = ("lexicon_words", "layout_conf")


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.export_onnx",
        description="Export a trained model to ONNX, compare every graph with PyTorch, and write a bundle that "
        "espnet2.runtime and the commands that end in _onnx run without PyTorch.",
    )
    add_model_options(parser, None)
    parser.add_argument("--output_dir", required=True, help="directory of the bundle, created or replaced")
    parser.add_argument(
        "--streaming",
        type=str2bool,
        default=False,
        help="export for streaming recognition (default: False)",
    )
    for name, text in CHUNK_OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, help=text)
    parser.add_argument("--quantize", choices=["int8"], help="add dynamically quantised graphs")
    parser.add_argument(
        "--recognizer",
        help="bundle of a recogniser, which accepts int8 graphs of a synthesiser, the text encoder among them, if it "
        "has no more errors in their speech than in that of fp32",
    )
    _add_one_graph_options(parser)
    _add_layout_options(parser)
    parser.add_argument(
        "--debug",
        type=str2bool,
        nargs="?",
        const=True,
        default=False,
        help="write the source line of each node to OUTPUT_DIR.debug, for onnx_doctor (default: False)",
    )
    add_log_level(parser)
    parser.add_argument(
        "recordings", nargs="*", help="recordings or texts whose results are compared (default: generated signals)"
    )
    return parser


def _add_one_graph_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--one_graph",
        type=str2bool,
        default=False,
        help="add one graph of the whole model to the bundle: recognizer.onnx, samples in, token ids out; "
        "synthesizer.onnx, token ids in, samples out (default: False)",
    )
    parser.add_argument(
        "--one_graph_search",
        choices=["label_synchronous", "ctc_beam", "ctc_greedy", "transducer_greedy", "transducer_alsd"],
        help="search in recognizer.onnx or a layout (default: label_synchronous, ctc_beam or transducer_greedy, as the "
        "model is)",
    )
    parser.add_argument("--one_graph_beam_size", type=int, help="hypotheses that its beam search keeps (default: 10)")


def _add_layout_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layout",
        choices=list(LAYOUTS),
        help="write what another runtime reads, not a bundle: a recogniser or a synthesiser for sherpa_onnx, a "
        "recogniser, of streams or not, as a model repository of triton",
    )
    parser.add_argument(
        "--layout_conf",
        action=NestedDictAction,
        default={},
        help="options of the search of a recogniser for sherpa_onnx, as ctc_weight=0.3 (default: those of decoding)",
    )
    parser.add_argument("--lexicon_words", help="file of words for the lexicon of sherpa_onnx, for models of phonemes")


def _refuse_beside_layout(args: argparse.Namespace) -> None:
    """Raise `OptionError` for options of bundles, and of other layouts."""
    names = ("streaming", "quantize", "recognizer", "one_graph", *ONE_GRAPH, "debug", "recordings", *CHUNK_OPTIONS)
    refused = [name for name in (*names, *OF_LAYOUTS) if name not in LAYOUTS[args.layout]]
    given = [name if name == "recordings" else f"--{name}" for name in refused if getattr(args, name)]
    if given:
        raise OptionError(f"{given[0]}: expected none beside --layout {args.layout}, found one")


def _one_graph_search(args: argparse.Namespace) -> dict[str, object]:
    """Search and beam size of one graph; raise `OptionError` where there is none, or for an empty beam."""
    found = {"search": args.one_graph_search, "beam_size": args.one_graph_beam_size}
    given = {name: value for name, value in found.items() if value is not None}
    if given and not args.one_graph and args.layout is None:
        raise OptionError(f"--one_graph_{next(iter(given))}: expected --one_graph true with it, found none")
    if not 1 <= given.get("beam_size", 1) <= LARGEST_BEAM:
        raise OptionError(
            f"--one_graph_beam_size: expected a number from 1 to {LARGEST_BEAM}, found {args.one_graph_beam_size}"
        )
    return given


def export(args: argparse.Namespace) -> None:
    if args.layout is not None:
        from espnet2.export.layouts.make_layout import make_layout

        _refuse_beside_layout(args)
        options = {"words": args.lexicon_words, "conf": args.layout_conf, **_one_graph_search(args)}
        streams = {"streaming": args.streaming, "chunks": {name: getattr(args, name) for name in CHUNK_OPTIONS}}
        make_layout(args.layout, args.output_dir, options, **streams, **model_options(args, None))
        return
    from espnet2.export.make_bundle import make_bundle

    for name in OF_LAYOUTS:
        if getattr(args, name):
            raise OptionError(f"--{name}: expected none without --layout, found one")
    make_bundle(
        args.output_dir,
        args.recordings,
        args.quantize,
        one_graph=args.one_graph,
        one_graph_search=_one_graph_search(args),
        debug=args.debug,
        recognizer=args.recognizer,
        streaming=args.streaming,
        chunks={name: getattr(args, name) for name in CHUNK_OPTIONS},
        **model_options(args, None),
    )


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), export, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
