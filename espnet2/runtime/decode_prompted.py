"""Recognition of many recordings by a model with prompts, each with a previous text of its own, as commands do it."""

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

PREVIOUS = "text_prev"  # name of the list of previous texts among those of --data_path_and_name_and_type


def utterance_runner(recognizer: Any, args: argparse.Namespace) -> UtteranceRunner:
    """Return the runner for the recordings that the options name, with the previous texts that they name.

    Raises:
        OptionError: Several lists of previous texts, or one that is no list of texts.
        DataError: A list that cannot be read.
    """
    named = args.data_path_and_name_and_type or ()
    lists = [(path, kind) for path, name, kind in named if name == PREVIOUS]
    if not lists or PREVIOUS not in args.further_data:
        return UtteranceRunner(recognizer)
    if len(lists) > 1 or lists[0][1] != "text":
        found = " ".join(f"{path},{PREVIOUS},{kind}" for path, kind in lists)
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,{PREVIOUS},text, found {found}")
    return PreviousTextRunner(recognizer, lists[0][0])


class PreviousTextRunner(UtteranceRunner):
    """Recognises one recording after the other, each behind its text in a list.

    Args:
        recognizer: Of a model with prompts.
        path: File of lines `name text`.
    """

    def __init__(self, recognizer: Any, path: str) -> None:
        super().__init__(recognizer)
        self.prompted = recognizer.prompted
        self.path, self.texts = path, read_2columns_text(path)

    def run(self, items: Sequence[Recording], report: Report) -> Iterator[Results | None]:
        """The results of recordings, in order."""
        for item in items:
            text = report.read(item, functools.partial(self._text, item))
            if text is None:
                yield None
            else:
                yield from UtteranceRunner(self.prompted(text)).run([item], report)

    def _text(self, item: Recording) -> str:
        if item.name not in self.texts:
            raise DataError(f"{self.path}: expected a line of {item.name}, found none")
        return self.texts[item.name]
