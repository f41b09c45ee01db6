"""Identification of the languages of many recordings, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.recording import Recording
from espnet2.runtime.bundle_arguments import bundle_options
from espnet2.runtime.inputs import add_recording_arguments, find_recordings
from espnet2.runtime.loop import Report, Wording, print_line, process, process_to
from espnet2.runtime.s2t_language import FIRST, LAST, LanguageIdentifier, Speech2Language
from espnet2.runtime.speech import require_sound

if TYPE_CHECKING:
    from typing_extensions import Self

WORDING = Wording("identify", "identified", "recordings", "identification")
Languages = list[tuple[str, float]]  # symbols and probabilities


def add_language_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings, output and languages."""
    add_recording_arguments(
        parser,
        recordings="recordings; the languages of each, and their probabilities, are a line of the output",
        output="write 1best_recog/{text,score}, ... here",
    )
    group = parser.add_argument_group("languages")
    group.add_argument("--nbest", type=int, default=1, help="languages returned (default: 1)")
    for name, symbol, place in (("first_lang_sym", FIRST, "first"), ("last_lang_sym", LAST, "last")):
        text = f"symbol of the {place} language, in the order of the tokens (default: {symbol})"
        group.add_argument(f"--{name}", default=symbol, help=text)


def language_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of languages, as keywords of `Speech2Language`."""
    return {name: getattr(args, name) for name in ("nbest", "first_lang_sym", "last_lang_sym")}


def identify(args: argparse.Namespace, load: Callable[[], LanguageIdentifier]) -> int:
    """Identify the languages of the recordings that the options name, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings have no language, 2 where none has.
    """
    recordings = find_recordings(args)
    runner = LanguageRunner(load())
    if args.output_dir is None:
        return process(recordings, runner, _print, WORDING)
    return process_to(Path(args.output_dir), recordings, runner, LanguageTables, WORDING)


def identify_with_bundle(args: argparse.Namespace) -> int:
    """Identify the languages of the recordings that the options name with a bundle; returns the exit status."""
    return identify(args, lambda: Speech2Language(**bundle_options(args), **language_options(args)))


class LanguageRunner:
    """Identifies the language of one recording after the other."""

    shows_progress = True
    batch_size = 1

    def __init__(self, identifier: LanguageIdentifier) -> None:
        self.identifier = identifier

    def run(self, items: Sequence[Recording], report: Report) -> list[Languages | None]:
        """The likeliest languages of each recording."""
        return [self._languages(item, report) for item in items]

    def _languages(self, item: Recording, report: Report) -> Languages | None:
        speech = report.read(item, functools.partial(self._read, item))
        if speech is None:
            return None
        start = time.perf_counter()
        found = report.attempt(item, functools.partial(self.identifier, speech))
        report.compute += time.perf_counter() - start
        report.audio += len(speech) / self.identifier.sample_rate
        return found

    def _read(self, recording: Recording) -> np.ndarray:
        recogniser = self.identifier.recognizer
        samples = recording.read(recogniser.sample_rate, len(recogniser.speech.axes) - 1)
        require_sound(samples, recording.place)
        return recogniser.check(samples, recording.place)


class LanguageTables:
    """Tables `text` and `score` of symbols and probabilities, in `1best_recog`, `2best_recog`, ..."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.writer = DatadirWriter(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.writer.__exit__(*error)

    @property
    def outdated(self) -> set[Path]:
        """The tables of an earlier run that have no lines now."""
        written = {table.path for ranked in self.writer.children.values() for table in ranked.children.values()}
        names = [f"[0-9]*best_recog/{table}{suffix}" for table in ("text", "score") for suffix in ("", ".partial")]
        return {path for name in names for path in self.directory.glob(name)} - written

    def __call__(self, name: str, languages: Languages | None) -> None:
        """Write a line for each language into the tables of its rank."""
        for rank, (symbol, probability) in enumerate(languages or [], 1):
            tables = self.writer[f"{rank}best_recog"]
            tables["text"][name], tables["score"][name] = symbol, str(probability)


def _print(name: str, languages: Languages | None) -> None:
    print_line("\t".join(f"{symbol} {probability:.4f}" for symbol, probability in languages or []))
