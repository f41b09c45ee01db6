"""The inputs of a command: recordings that its options name, as files or as a list."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from espnet2.fileio.read_text import read_2columns_text
from espnet2.fileio.readers import SPEECH_TYPES
from espnet2.fileio.recording import Recording, recording_of_file, recordings_of_list
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.loop import Item
from espnet2.utils.cli import add_log_level
from espnet2.utils.types import str2bool, str2triple_str, str_or_none

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item", bound=Item)

SPEECH = "speech"  # the name of the input among those of --data_path_and_name_and_type


def add_recording_arguments(
    parser: argparse.ArgumentParser,
    recordings: str = "recordings; the text of each is a line of the output",
    output: str = "write 1best_recog/{text,token,token_int,score}, ... here; with --timestamps, ctm, too",
) -> argparse._ArgumentGroup:
    """Add the options of recordings and output, under upstream's names and with its defaults; returns their group."""
    group = parser.add_argument_group("recordings and output")
    group.add_argument("recordings", nargs="*", help=recordings)
    group.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        action="append",
        metavar="WAV_SCP,speech,sound",
        help=f"list of recordings, instead of the recordings themselves; its type is one of {', '.join(SPEECH_TYPES)}",
    )
    group.add_argument(
        "--allow_variable_data_keys",
        type=str2bool,
        default=False,
        help="leave out further lists, of other names than speech, instead of refusing them (default: False)",
    )
    group.add_argument("--key_file", type=str_or_none, help="file of the utterances to decode, in its order")
    group.add_argument("--output_dir", help=output)
    add_log_level(group)
    return group


def find_recordings(args: argparse.Namespace) -> list[Recording]:
    """Recordings in the order of the options.

    Raises:
        OptionError: No recordings, two that would have one name, or an unknown type of list.
        DataError: A list that cannot be read, or an utterance of `--key_file` that it does not have.
    """
    if bool(args.recordings) == bool(args.data_path_and_name_and_type):
        found = "both" if args.recordings else "neither"
        raise OptionError(f"expected recordings or --data_path_and_name_and_type, found {found}")
    recordings = (
        _from_list(
            [named for named in args.data_path_and_name_and_type if named[1] not in getattr(args, "further_data", ())],
            getattr(args, "allow_variable_data_keys", False),
        )
        if args.data_path_and_name_and_type
        else _from_paths(args.recordings, named=args.output_dir is not None)
    )
    return recordings if args.key_file is None else select(recordings, args.key_file)


def select(items: Sequence[_Item], key_file: Path | str, noun: str = "recordings") -> list[_Item]:
    """The items that a file names, a line each, in the order of that file.

    Raises:
        DataError: The file cannot be read, is empty, or names an item that is not there.
    """
    by_name = {item.name: item for item in items}
    keys = list(read_2columns_text(key_file))
    if not keys:
        raise DataError(f"{key_file}: expected at least one utterance, found none")
    for key in keys:
        if key not in by_name:
            raise DataError(f"{key_file}: expected utterances among the {len(by_name)} {noun}, found {key!r}")
    return [by_name[key] for key in keys]


def _from_list(triples: Sequence[tuple[str, str, str]], allow_others: bool) -> list[Recording]:
    """The utterances of the list that is called `speech`; other lists are left out where they are allowed."""
    lists = [(path, kind) for path, name, kind in triples if name == SPEECH]
    others = [f"{path},{name},{kind}" for path, name, kind in triples if name != SPEECH]
    if len(lists) != 1 or (others and not allow_others):
        found = " ".join(map(",".join, triples))
        hint = "; --allow_variable_data_keys true leaves out lists of other names" if len(lists) == 1 else ""
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,speech,TYPE, found {found}{hint}")
    for other in others:
        _log.warning("%s: left out, since only %s is recognised", other, SPEECH)
    return recordings_of_list(*lists[0])


def _from_paths(paths: Sequence[str], named: bool) -> list[Recording]:
    """Recordings under their file names without suffix if `named`, else under their paths."""
    if not named:
        return [recording_of_file(path) for path in paths]
    recordings: dict[str, str] = {}
    for path in paths:
        name = Path(path).stem
        if len(name.split()) != 1 or name != name.strip():
            raise OptionError(f"--output_dir: expected recordings without blanks in their names, found {path!r}")
        if name in recordings:
            raise OptionError(
                f"--output_dir: expected recordings of different names, found {recordings[name]} and {path}"
            )
        recordings[name] = path
    return [recording_of_file(path, name) for name, path in recordings.items()]
