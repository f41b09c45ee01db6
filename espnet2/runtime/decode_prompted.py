"""Recognition of many recordings, each with a text of its own that the model reads, as commands do it."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterator, Sequence
from typing import Any

from espnet2.fileio.read_text import read_2columns_text
from espnet2.fileio.recording import Recording
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.decode import UtteranceRunner
from espnet2.runtime.loop import Report
from espnet2.runtime.results import Results


def utterance_runner(recognizer: Any, args: argparse.Namespace) -> UtteranceRunner:
    """Return the runner for the recordings that the options name, with the texts that they name.

    Raises:
        OptionError: Several lists of texts, or one that is no list of texts.
        DataError: A list that cannot be read.
    """
    lists = [entry for entry in args.data_path_and_name_and_type or () if entry[1] in args.further_data]
    if not lists:
        getattr(recognizer, "require_transcript", lambda: None)()
        return UtteranceRunner(recognizer)
    path, name, kind = lists[0]
    if len(lists) > 1 or kind != "text":
        found = " ".join(map(",".join, lists))
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,{name},text, found {found}")
    return PromptedRunner(recognizer, path, name)


class PromptedRunner(UtteranceRunner):
    """Recognises one recording after the other, each with its text in a list.

    Args:
        recognizer: Of a model that reads texts; its method `prompted` takes one.
        path: File of lines `name text`.
        name: Argument of that method.
    """

    def __init__(self, recognizer: Any, path: str, name: str) -> None:
        super().__init__(recognizer)
        self.prompted, self.argument = recognizer.prompted, name
        self.path, self.texts = path, read_2columns_text(path)

    def run(self, items: Sequence[Recording], report: Report) -> Iterator[Results | None]:
        """The results of recordings, in order."""
        for item in items:
            prompted = report.read(item, functools.partial(self._prompted, item))
            if prompted is None:
                yield None
            else:
                yield from UtteranceRunner(prompted).run([item], report)

    def _prompted(self, item: Recording) -> Any:
        if item.name not in self.texts:
            raise DataError(f"{self.path}: expected a line of {item.name}, found none")
        try:
            return self.prompted(**{self.argument: self.texts[item.name]})
        except DataError as error:
            raise DataError(f"{self.path}: {item.name}: {error}") from error
