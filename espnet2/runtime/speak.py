"""Synthesis of many texts, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet2.fileio.audio import only_channel, resample
from espnet2.fileio.readers import open_reader
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.graph_calls import Arrays
from espnet2.runtime.inputs import select
from espnet2.runtime.loop import UNCOMPUTABLE, Report, Wording, process, process_to, written_already
from espnet2.runtime.pictures import drawing
from espnet2.runtime.speak_arguments import NUMBERS, OTHERS, synthesis_bundle_options
from espnet2.runtime.text_inputs import numbered_lines
from espnet2.runtime.tts import Synthesizer, Text2Speech
from espnet2.runtime.writers.synthesis import STANDARD, SampleFile, SampleStream, SynthesisFiles

TEXT = "text"
FIELDS = tuple(OTHERS.split(", "))
INTEGERS = ("sids", "lids", "durations")
_log = logging.getLogger(__name__)
WORDING = Wording("speak", "spoken", "texts", "synthesis")


@dataclass(frozen=True)
class Spoken:
    """A text to speak.

    Attributes:
        name: Key of its results.
        place: List, or text, that messages name.
        text: The text.
        fields: Lists of what goes with it, by argument of a synthesiser.
    """

    name: str
    place: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def read(self, fs: int) -> dict[str, Any]:
        """Arguments of a synthesiser, samples at `fs` Hz; raises `DataError` where a list lacks the text."""
        found: dict[str, Any] = {TEXT: self.text}
        for name, values in self.fields.items():
            if self.name not in values:
                raise DataError(f"{self.place}: expected {name} of this text, found none")
            value = values[self.name]
            if isinstance(value, tuple):  # a recording, which its list can place
                (rate, samples), place = value, values.place(self.name)
                value = resample(only_channel(samples, place), rate, fs, place)
            found[name] = value
        return found


class SpeakRunner:
    """Speaks texts; those of a group go through the graphs together.

    Args:
        synthesizer: Speaks them.
        numbers: Numbers of speaker and language for texts that have none of their own.
    """

    shows_progress = True

    def __init__(self, synthesizer: Synthesizer, numbers: Mapping[str, int]) -> None:
        self.synthesizer, self.numbers = synthesizer, numbers

    @property
    def batch_size(self) -> int:
        """Texts of a group."""
        return self.synthesizer.options.batch_size

    def run(self, items: Sequence[Spoken], report: Report) -> list[Arrays | None]:
        """The results of texts; where a group fails, each is tried alone."""
        read = functools.partial(Spoken.read, fs=self.synthesizer.fs)
        given = [report.read(item, functools.partial(read, item)) for item in items]
        usable = [one for one in given if one is not None]
        start = time.perf_counter()
        try:
            together = iter(self._speak(usable) if usable else ())
            results = [None if one is None else next(together) for one in given]
        except UNCOMPUTABLE:
            results = [self._alone(*pair, report) for pair in zip(items, given, strict=True)]
        report.compute += time.perf_counter() - start
        report.audio += sum(len(one.get("wav", ())) for one in results if one is not None) / self.synthesizer.fs
        return results

    def _speak(self, given: Sequence[Mapping[str, Any]]) -> list[Arrays]:
        return self.synthesizer.batch([one[TEXT] for one in given], [{**self.numbers, **one} for one in given])

    def _alone(self, item: Spoken, given: Mapping[str, Any] | None, report: Report) -> Arrays | None:
        return None if given is None else report.attempt(item, lambda: self._speak([given])[0])


class StreamRunner:
    """Speaks texts one by one, whose samples are written while they come.

    Args:
        synthesizer: Speaks them.
        numbers: As of `SpeakRunner`.
        output: Takes the pieces.
    """

    batch_size, shows_progress = 1, False

    def __init__(self, synthesizer: Synthesizer, numbers: Mapping[str, int], output: SampleStream) -> None:
        self.synthesizer, self.numbers, self.output = synthesizer, numbers, output

    def run(self, items: Sequence[Spoken], report: Report) -> list[int | None]:
        """The number of samples of each text."""
        return [self._speak(item, report) for item in items]

    def _speak(self, item: Spoken, report: Report) -> int | None:
        given = report.read(item, functools.partial(item.read, self.synthesizer.fs))
        return None if given is None else report.attempt(item, lambda: self._written(item, given, report))

    def _written(self, item: Spoken, given: Mapping[str, Any], report: Report) -> int:
        start, count = time.perf_counter(), 0
        for piece in self.synthesizer.stream(**{**self.numbers, **given}):
            if not count:
                _log.info("%s: first samples after %.2f s", item.place, time.perf_counter() - start)
            self.output.write(piece)
            count += len(piece)
        report.compute += time.perf_counter() - start
        report.audio += count / self.synthesizer.fs
        return count


def speak(args: argparse.Namespace, load: Callable[[], Synthesizer]) -> int:
    """Speak the texts that the options name, after they are found, with what `load` gives.

    Returns the exit status: 0, 1 where some texts could not be spoken, 2 where none could.
    """
    texts = find_texts(args)
    if (args.output is None) == (args.output_dir is None):
        raise OptionError("expected --output, for one text, or --output_dir, found both or neither")
    streams = args.stream or args.output == STANDARD
    if streams and args.output is None:
        raise OptionError("--stream: expected --output with it, found --output_dir")
    if args.output is not None and len(texts) != 1 and not streams:
        raise OptionError(f"--output: expected one text, found {len(texts)}: --output_dir takes several")
    numbers = {name: getattr(args, name) for name in NUMBERS if getattr(args, name) is not None}
    synthesizer = load()
    unread = [f"--{name} {number}" for name, number in numbers.items() if name not in synthesizer.conditions]
    if unread:
        _log.warning("without effect on this model: %s", ", ".join(unread))
    if args.output is not None and not synthesizer.makes_samples:
        raise OptionError("--output: expected --output_dir for a model whose results are discrete units, found a file")
    if streams:
        with SampleStream(args.output, synthesizer.fs) as output:
            return process(texts, StreamRunner(synthesizer, numbers, output), written_already, WORDING)
    runner = SpeakRunner(synthesizer, numbers)
    if args.output is not None:
        return process(texts, runner, SampleFile(Path(args.output), synthesizer.fs), WORDING)
    text_of = {item.name: item.text for item in texts}
    draw = drawing(args.pictures, synthesizer.fs, lambda name: synthesizer.tokens(text_of[name]))
    open_files = functools.partial(SynthesisFiles, fs=synthesizer.fs, draw=draw)
    return process_to(Path(args.output_dir), texts, runner, open_files, WORDING)


def speak_with_bundle(args: argparse.Namespace) -> int:
    """Speak the texts that the options name with a bundle; returns the exit status."""
    return speak(args, lambda: Text2Speech(**synthesis_bundle_options(args)))


def find_texts(args: argparse.Namespace) -> list[Spoken]:
    """Texts in the order of the options.

    Raises:
        OptionError: No texts, or a list of another name or type.
        DataError: A list that cannot be read, no text in it, or a text of `--key_file` that it does not have.
    """
    if bool(args.texts) == bool(args.data_path_and_name_and_type):
        found = "both" if args.texts else "neither"
        raise OptionError(f"expected texts or --data_path_and_name_and_type, found {found}")
    triples = args.data_path_and_name_and_type
    if triples:
        texts = _from_lists(triples, args.allow_variable_data_keys)
    else:
        texts = [Spoken(line.name, line.place, line.text) for line in numbered_lines(args.texts)]
    if not texts:
        place = next((path for path, name, _ in triples or () if name == TEXT), "standard input")
        raise DataError(f"{place}: expected at least one text, found none")
    return texts if args.key_file is None else select(texts, args.key_file, "texts")


def _from_lists(triples: Sequence[tuple[str, str, str]], allow_others: bool) -> list[Spoken]:
    """Texts of the list that is called `text`, with the other lists."""
    listed = [(path, kind) for path, name, kind in triples if name == TEXT]
    if len(listed) != 1:
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,text,text, found {len(listed)}")
    others = {}
    for path, name, kind in triples:
        if name in FIELDS:
            others[name] = open_reader(path, kind, "float32")
        elif name != TEXT and not allow_others:
            known = ", ".join((TEXT, *FIELDS))
            raise OptionError(
                f"--data_path_and_name_and_type: expected names of {known}, found {name!r} "
                "(--allow_variable_data_keys true leaves it out)"
            )
    path, kind = listed[0]
    if kind != TEXT:
        raise OptionError(f"{path}: expected the type text, found {kind!r}")
    table = open_reader(path, kind, "float32")
    return [Spoken(key, f"{path}: {key}", table[key], others) for key in table]
