"""Commands of models that map speech: recordings in, lines or files of results out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espnet2.runtime.inputs import find_recordings
from espnet2.runtime.loop import Files, Wording, print_line, process, process_to
from espnet2.runtime.map_runner import MapRunner
from espnet2.runtime.mapper import Mapper


def map_recordings(
    args: argparse.Namespace,
    load: Callable[[], Mapper],
    wording: Wording,
    line: Callable[[Any], str],
    open_files: Callable[[Path], Files[Any]],
) -> int:
    """Map the recordings that the options name, after they are found, with what `load` gives.

    Args:
        args: Options of recordings and output.
        load: Returns the mapper.
        wording: Words of messages.
        line: Returns the line of a result on stdout, where there is no `output_dir`.
        open_files: Opens the files of a directory.

    Returns:
        The exit status: 0, 1 where some recordings have no result, 2 where none has.
    """
    recordings = find_recordings(args)
    runner = MapRunner(load())
    if args.output_dir is not None:
        return process_to(Path(args.output_dir), recordings, runner, open_files, wording)

    def write(name: str, result: Any) -> None:
        print_line("" if result is None else line(result))

    return process(recordings, runner, write, wording)
