"""Speaker embeddings of many recordings, and scores of trials, as the commands of `espnet2.bin` make them."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

from espnet2.runtime.bundle_arguments import bundle_options
from espnet2.runtime.inputs import add_recording_arguments, find_recordings
from espnet2.runtime.loop import Wording, process, process_to
from espnet2.runtime.map_runner import MapRunner
from espnet2.runtime.spk import Embedder, EmbeddingOptions, Speech2Embedding
from espnet2.runtime.trials import read_trials
from espnet2.runtime.writers.spk import EmbeddingFiles, EmbeddingLines
from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import str_or_none

WORDING = Wording("embed", "embedded", "recordings", "embedding")


def add_embedding_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings, trials and output."""
    add_recording_arguments(
        parser,
        recordings="recordings; the embedding of each is a line of the output",
        output="write embeddings.npz here and, with --trials, scores",
    )
    group = parser.add_argument_group("speakers")
    group.add_argument(
        "--trials",
        type=str_or_none,
        help="pairs of recordings to compare, lines 'NAME NAME' or 'NAME*NAME', which may end in a label 0 or 1: "
        "cosines of their embeddings and, with labels, the equal error rate",
    )
    add_fields(group, EmbeddingOptions)


def embed(args: argparse.Namespace, load: Callable[[], Embedder]) -> int:
    """Embed the recordings that the options name, after they are found, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings have no embedding, 2 where none has.
    """
    recordings = find_recordings(args)
    trials = [] if args.trials is None else read_trials(args.trials, {recording.name for recording in recordings})
    runner = MapRunner(load())
    if args.output_dir is not None:
        open_files = functools.partial(EmbeddingFiles, trials=trials)
        return process_to(Path(args.output_dir), recordings, runner, open_files, WORDING)
    lines = EmbeddingLines(trials)
    status = process(recordings, runner, lines, WORDING)
    lines.finish()
    return status


def embed_with_bundle(args: argparse.Namespace) -> int:
    """Embed the recordings that the options name with a bundle; returns the exit status."""
    return embed(args, lambda: Speech2Embedding(**bundle_options(args), **field_values(args, EmbeddingOptions)))
