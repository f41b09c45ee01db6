"""Plot recordings with their CTC alignments: `python -m espnet2.bin.plot_alignment --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options
from espnet2.utils.types import str2triple_str, str_or_none


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.plot_alignment",
        description="Plot a model's features of recordings, the CTC alignment of tokens and words, and CTC's "
        "posteriors; a PNG for each.",
    )
    add_model_options(parser, leave_out=["lm_train_config", "lm_file", "ngram_file"])
    group = parser.add_argument_group("recordings and output")
    group.add_argument("recordings", nargs="*", help="recordings, which are utterances by their files' names")
    group.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        action="append",
        metavar="WAV_SCP,speech,sound",
        help="list of recordings, instead of the recordings themselves",
    )
    group.add_argument("--key_file", type=str_or_none, help="file of the utterances to plot")
    group.add_argument("--text", type=str_or_none, help="texts, a line 'utterance text' each (default: CTC's best)")
    group.add_argument("--output_dir", required=True, help="write UTTERANCE.png here")
    add_log_level(group)
    return parser


def command(args: argparse.Namespace) -> int:
    from espnet2.inference.plot_alignment import plot

    return plot(args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
