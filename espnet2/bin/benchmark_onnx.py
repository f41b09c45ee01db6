"""Measure the speed of a bundle and of PyTorch: `python -m espnet2.bin.benchmark_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.runtime.bundle_arguments import inference_options_or_none
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.benchmark_onnx",
        description="Run a bundle (fp32, and int8 if available) and, if a trained model is given, PyTorch on "
        "recordings; print average latency and real-time factor of each as a table.",
    )
    parser.add_argument("--bundle", required=True, help="directory that espnet2.bin.export_onnx wrote")
    add_model_options(parser, None)
    group = parser.add_argument_group("measurement")
    group.add_argument("--beam_size", type=int, help="recognisers only: beam size (default: 10)")
    group.add_argument("--ctc_weight", type=float, help="recognisers only: weight of CTC (default: 0.3)")
    group.add_argument("--lm_weight", type=float, help="recognisers only: weight of the language model (default: 0.3)")
    group.add_argument("--options", type=inference_options_or_none, help="options of inference, as '{beam_size: 5}'")
    group.add_argument("--num_threads", type=int, default=1, help="threads of each (default: 1)")
    group.add_argument(
        "--repeat", type=int, default=3, help="runs over all recordings; the fastest counts (default: 3)"
    )
    add_log_level(parser, default="WARNING")
    parser.add_argument("recordings", nargs="*", help="recordings or texts (default: generated signals)")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    from espnet2.export.benchmark import benchmark_bundle, table

    named = {name: getattr(args, name) for name in ("beam_size", "ctc_weight", "lm_weight")}
    options = {name: value for name, value in named.items() if value is not None} | (args.options or {})
    model = model_options(args, None)
    rows = benchmark_bundle(
        args.bundle, args.recordings, args.num_threads, args.repeat, options, model if any(model.values()) else None
    )
    print(table(rows))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), benchmark, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
