"""Identification of the languages of many recordings by embeddings, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import OptionError
from espnet2.runtime.bundle_arguments import bundle_options
from espnet2.runtime.inputs import SPEECH, add_recording_arguments
from espnet2.runtime.lid import Identified, LanguageMapper, LanguageOptions, Speech2Lang
from espnet2.runtime.loop import Wording
from espnet2.runtime.map_commands import map_recordings
from espnet2.runtime.writers.lid import ARRAYS, MEANS, OF_LANGUAGES, OF_UTTERANCES, LanguageFiles
from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import str2bool
from espnet2.utils.upstream_options import plain_value

WORDING = Wording("identify", "identified", "recordings", "identification")
LABELS = "lid_labels"  # name of the list of known languages among those of --data_path_and_name_and_type
HELP = {
    OF_UTTERANCES: "the embedding of each recording",
    OF_LANGUAGES: "the embeddings of each language",
    MEANS: "the mean embedding of each language",
}
# Options of upstream's command whose other values would need another program, with the reason.
REFUSED = {
    "save_tsne_plot": "since pictures are left to other tools, which read lang_to_embds.npz",
    "fix_duration": "since recordings are identified as a whole",
}
# Options of upstream's command that say how it computes what is computed here in another way.
IGNORED: dict[str, Any] = {
    "shape_file": None,
    "target_duration": None,
    "valid_batch_size": 1,
    "num_workers": 1,
    "seed": 0,
    "checkpoint_interval": 1000,
    "resume": True,
    "max_utt_per_lang_for_tsne": None,
    "perplexity": 5,
    "max_iter": 1000,
}


def add_language_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings, output and languages."""
    add_recording_arguments(
        parser,
        recordings="recordings; the languages of each, and their scores, are a line of the output",
        output="write lids here, behind the name of the list's directory and _ where a list is given",
    )
    parser.set_defaults(further_data=(LABELS,))
    group = parser.add_argument_group("languages")
    add_fields(group, LanguageOptions)
    for name, text in HELP.items():
        shown = f"write {ARRAYS[name]}, too: {text} (default: False)"
        group.add_argument(f"--{name}", type=str2bool, default=False, help=shown)
    for name in REFUSED:
        group.add_argument(f"--{name}", type=str2bool, default=False, help="False and nothing else")
    for name, value in IGNORED.items():
        group.add_argument(f"--{name}", type=plain_value, default=value, help="without effect")


def identify(args: argparse.Namespace, load: Callable[[], LanguageMapper]) -> int:
    """Identify the languages of the recordings that the options name, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings have no language, 2 where none has.

    Raises:
        OptionError: An option has a value that is not allowed.
        DataError: A list that cannot be read.
    """
    for name, reason in REFUSED.items():
        if getattr(args, name):
            raise OptionError(f"--{name}: expected False, {reason}, found True")
    wanted = [name for name in ARRAYS if getattr(args, name)]
    if wanted and args.output_dir is None:
        raise OptionError(f"--{wanted[0]}: expected --output_dir with it, found none")
    lists = [(path, kind) for path, name, kind in args.data_path_and_name_and_type or () if name == LABELS]
    if len(lists) > 1 or any(kind != "text" for _, kind in lists):
        found = " ".join(f"{path},{LABELS},{kind}" for path, kind in lists)
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,{LABELS},text, found {found}")
    labels = read_2columns_text(lists[0][0]) if lists else {}
    open_files = functools.partial(LanguageFiles, prefix=_prefix(args), wanted=wanted, labels=labels)
    return map_recordings(args, load, WORDING, _line, open_files)


def identify_with_bundle(args: argparse.Namespace) -> int:
    """Identify the languages of the recordings that the options name with a bundle; returns the exit status."""
    return identify(args, lambda: Speech2Lang(**bundle_options(args), **field_values(args, LanguageOptions)))


def _prefix(args: argparse.Namespace) -> str:
    """Beginning of names of files: that of the directory of the list of recordings, as in upstream's recipes."""
    lists = [path for path, name, _ in args.data_path_and_name_and_type or () if name == SPEECH]
    directory = Path(lists[0]).parent.name if lists else ""
    return f"{directory}_" if directory else ""


def _line(result: Identified) -> str:
    return "\t".join(f"{language} {score:.4f}" for language, score in result.languages)
