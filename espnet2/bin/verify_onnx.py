"""Compare a bundle with its checkpoint: `python -m espnet2.bin.verify_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.verify_onnx",
        description="Run every graph of a bundle beside the PyTorch model it was made from, at several lengths and "
        "batches, run inference with both, and print the differences. The exit status is 0 only if all are within "
        "tolerance.",
    )
    parser.add_argument("--bundle", required=True, help="directory that espnet2.bin.export_onnx wrote")
    add_model_options(parser, None)
    parser.add_argument("--recognizer", help="bundle of a recogniser, which judges int8 graphs of a synthesiser")
    add_log_level(parser)
    parser.add_argument("recordings", nargs="*", help="recordings or texts (default: generated signals)")
    return parser


def verify(args: argparse.Namespace) -> None:
    from espnet2.export.verify import require_passed, table
    from espnet2.export.verify_bundle import verify_bundle

    checks = verify_bundle(args.bundle, args.recordings, args.recognizer, **model_options(args, None))
    print(table(checks))
    require_passed(checks)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), verify, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
