"""The verb `align` of `espnet`: when a recording says each utterance of a text."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.runtime.cli.formats import FORMATS
from espnet2.runtime.cli.models import open_recognizer
from espnet2.runtime.cli.options import add_format_arguments, add_model_arguments, add_option
from espnet2.runtime.cli.recordings import find_sources
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.forced_alignment import TextAligner
from espnet2.runtime.timestamps import Timed
from espnet2.utils.text_stream import open_input, open_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add recording, text and format."""
    parser.add_argument("recordings", nargs="+", help="the recording; -: standard input")
    add_model_arguments(parser)
    group = parser.add_argument_group("text")
    add_option(
        group, "text", action="append", help="an utterance; once for each, in the order in which they are spoken"
    )
    add_option(group, "text_file", help="file of utterances, one on each line; -: standard input")
    add_option(group, "language", help="language that is spoken, such as eng, for models of many languages")
    add_option(group, "tokens", action="store_true", help="write the time of each token, too, instead of each word")
    add_format_arguments(parser)


def align(args: argparse.Namespace) -> None:
    """Write the times of the utterances."""
    sources = find_sources(args.recordings)
    if len(sources) != 1:
        raise OptionError(f"align: expected one recording, found {len(sources)}")
    source, utterances = sources[0], utterances_of(args)
    aligner = TextAligner(open_recognizer(args, {"ctc_weight": 1.0, "lm_weight": 0.0, "ngram_weight": 0.0}))
    with source.open(aligner.recognizer.sample_rate) as pieces:
        samples = np.concatenate([*pieces])
    made = FORMATS[args.format](args.word_timestamps or args.tokens)
    with _output(args.output_dir, f"{source.stem}{made.suffix}") as file:
        file.write(made.begin())
        for found in aligner(samples, utterances):
            units = found.tokens if args.tokens else found.words
            words = [Timed(unit.text, unit.start, unit.end) for unit in units]
            segment = Segment(found.start, found.end, found.text, words)
            prefix = f"{found.start:.3f}\t{found.end:.3f}\t" if args.format == "txt" else ""
            file.write(prefix + made.segment(segment))
        seconds = len(samples) / aligner.recognizer.sample_rate
        file.write(made.end({"recording": source.name, "duration": seconds}))


def utterances_of(args: argparse.Namespace) -> list[str]:
    """The utterances that the options name; raises `OptionError` where none or both do, or a file cannot be read."""
    if bool(args.text) == bool(args.text_file):
        raise OptionError(f"align: expected --text or --text-file, found {'both' if args.text else 'neither'}")
    if args.text:
        return list(args.text)
    with open_input(args.text_file) as lines:
        return list(lines)


@contextlib.contextmanager
def _output(directory: str | None, name: str) -> Iterator[IO[str]]:
    """The file of that name in a directory; None: stdout."""
    with open_output("-" if directory is None else str(Path(directory) / name)) as file:
        yield file
