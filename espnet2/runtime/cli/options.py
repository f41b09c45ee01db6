"""Options that the verbs of `espnet` share; of names of several words, both spellings are accepted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from espnet2.runtime.batch_size import batch_size_or_auto
from espnet2.runtime.bundle_arguments import THREADS, inference_options_or_none
from espnet2.runtime.cli.formats import FORMATS
from espnet2.runtime.cli.transcriber import PAUSE
from espnet2.utils.cli import add_log_level
from espnet2.utils.types import str_or_none

PARQUET = "parquet"  # a format of `--ray` alone


def add_option(group: argparse._ActionsContainer, name: str, *short: str, **keywords: Any) -> None:
    """Add an option under its name with hyphens and with underscores."""
    spellings = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
    group.add_argument(*short, *spellings, dest=name, **keywords)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, and how it is run."""
    group = parser.add_argument_group("model")
    add_option(
        group,
        "model",
        help="bundle of espnet2.bin.export_onnx; or a packed model (.zip, directory), a directory with config.yaml and "
        "weights, or a repository on the Hugging Face hub, which are exported on first use (default: the first word "
        "behind the verb)",
    )
    add_option(group, "cache_dir", type=str_or_none, help="directory of exported models (default: the user's cache)")
    add_option(group, "quantized", action="store_true", help="run the bundle's int8 graphs")
    add_option(group, "num_threads", type=int, help=THREADS)
    add_option(group, "device", default="cpu", help="cpu or cuda (default: cpu)")
    add_log_level(group, "--log-level", default="WARNING")


def add_format_arguments(parser: argparse.ArgumentParser, further: Sequence[str] = ()) -> None:
    """Add the format of the results, one of `FORMATS` or a further one, and where they go."""
    group = parser.add_argument_group("output")
    add_option(group, "format", "-f", choices=[*FORMATS, *further], default="txt", help="of results (default: txt)")
    add_option(group, "word_timestamps", action="store_true", help="write the time of each word, too")
    add_option(group, "output_dir", "-o", help="write a file for each recording here, instead of stdout")


def add_recognition_arguments(parser: argparse.ArgumentParser) -> None:
    """Add recordings, format and search."""
    parser.add_argument("recordings", nargs="+", help="files or directories; -: a recording from standard input")
    add_model_arguments(parser)
    add_format_arguments(parser, (PARQUET,))
    group = parser.add_argument_group("recognition")
    add_option(group, "language", help="language that is spoken, such as eng, for models of many languages")
    add_option(
        group,
        "pause",
        type=float,
        default=PAUSE,
        help=f"seconds of a pause that ends a segment (default: {PAUSE})",
    )
    add_option(group, "hotwords", type=str_or_none, help="file of likely words, `word [boost]` on each line")
    add_option(group, "hotword_weight", type=float, help="factor of their boosts (default: 3)")
    add_option(group, "beam_size", type=int, help="hypotheses kept at every step (default: the model's)")
    add_option(
        group, "batch_size", type=batch_size_or_auto, help="parts that are recognised together, or auto (default: 1)"
    )
    add_option(
        group,
        "options",
        type=inference_options_or_none,
        help="further decoding options, such as '{ctc_weight: 0.3, penalty: 1}'",
    )
    _add_cluster_arguments(parser)


def _add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the cluster that recognises a long list."""
    group = parser.add_argument_group("cluster")
    add_option(
        group,
        "ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="recognise with the workers of a Ray cluster, or of one that is started on this machine, and go on with "
        "what an earlier run has left; recordings may be lists (.scp), NAME FILE on each line; --format: txt (Kaldi's "
        "tables text, utt2dur, ctm), json or parquet",
    )
    add_option(group, "workers", type=int, help="of --num_threads cores each (default: as many as there are cores for)")


def add_translation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what recognition has, and the language of the text."""
    add_recognition_arguments(parser)
    add_option(parser, "to", help="language of the text, such as deu, for models of many languages")


def add_phone_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what recognition has, and how phones are divided."""
    add_recognition_arguments(parser)
    add_option(parser, "spaced", action="store_true", help="divide phones by spaces")
