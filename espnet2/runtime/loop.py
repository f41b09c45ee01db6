"""The loop of a command over its inputs: groups, progress, failures, summary and exit status, for any family of models.

An *item* is one input, such as a recording or a text: it has a name and a place, and the family knows how to read it. A
*runner* computes the results of a group of items. A *write* function takes the name and the result of each item, in the
order of the items. A family provides these three and the words of the messages:

    class Embedding:
        batch_size, shows_progress = 1, True

        def run(self, items, report):
            (item,) = items
            speech = report.read(item, partial(item.read, 16000))
            return [None if speech is None else report.attempt(item, partial(embed, speech))]

    status = process(items, Embedding(), write, Wording("embed", "embedded", "recordings", "embedding"))

An item that cannot be read or computed becomes a failure of the report, and the others are computed all the same.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from espnet2.interface.errors import (
    LONGEST,
    AudioError,
    DataError,
    EspnetError,
    one_line,
    printable,
    reason_of,
    shortened,
    visible,
)
from espnet2.utils.atomic import remove_partial, write_text
from espnet2.utils.file_name import FileNameError
from espnet2.utils.lock import only_one
from espnet2.utils.surroundings import naming_output

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

SENTENCE = re.compile(r"expected .*found")
# NaN among the scores; an input that is longer than a table of the model, or than memory.
UNCOMPUTABLE = (ValueError, RuntimeError, LookupError, ArithmeticError, MemoryError, OSError)


class Item(Protocol):
    """One input of a command."""

    @property
    def name(self) -> str:
        """The key of the item in files of results."""

    @property
    def place(self) -> str:
        """The file, or the entry of a list, that messages name."""


_Item = TypeVar("_Item", bound=Item)
_Item_contra = TypeVar("_Item_contra", bound=Item, contravariant=True)
_Result = TypeVar("_Result")
_Result_co = TypeVar("_Result_co", covariant=True)
_Result_contra = TypeVar("_Result_contra", contravariant=True)


class Wording(NamedTuple):
    """The words of messages: `Wording("recognise", "recognised", "recordings", "decoding")`."""

    verb: str
    participle: str
    items: str
    noun: str


@dataclass
class Report:
    """Summary of a run.

    Attributes:
        done: Number of items that have a result; `process` counts them.
        audio: Duration of all input or output audio in seconds, which the runner adds up; 0: not known.
        compute: Time of computation in seconds, which the runner adds up.
        failures: Name and message of each item without result.
    """

    done: int = 0
    audio: float = 0.0
    compute: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Exit status: 0, 1 where some items have no result, 2 where none has."""
        return 0 if not self.failures else 1 if self.done else 2

    def fail(self, name: str, sentence: str) -> None:
        """Note, and log, why an item has no result."""
        sentence = shortened(printable(sentence))
        _log.warning("%s", sentence)
        self.failures.append((name, sentence))

    def read(self, item: Item, load: Callable[[], _T]) -> _T | None:
        """Return what `load` reads of an item; None, and a failure, where that fails.

        An `AudioError` or `DataError` names the place itself. An error that does not depend on the item, as an
        `OptionError`, ends the run.
        """
        try:
            return load()
        except (AudioError, DataError) as error:
            self.fail(item.name, str(error))
        except EspnetError:
            raise
        except Exception as error:  # one recording must not end the list
            self.fail(item.name, f"{item.place}: {sentence_of(error)}")
        return None

    def attempt(self, item: Item, compute: Callable[[], _T]) -> _T | None:
        """Return what `compute` gives; None, and a failure that names the item's place, where that fails."""
        try:
            return compute()
        except UNCOMPUTABLE as error:
            sentence, place = sentence_of(error), f"{item.place}: "
            names_it = sentence.startswith(place[: LONGEST // 2])  # errors shorten their messages in the middle
            self.fail(item.name, sentence if names_it else place + sentence)
            return None


class Runner(Protocol[_Item_contra, _Result_co]):
    """Computes results of items, `batch_size` together; `shows_progress`: a progress bar may be drawn meanwhile."""

    @property
    def batch_size(self) -> int: ...

    @property
    def shows_progress(self) -> bool: ...

    def run(self, items: Sequence[_Item_contra], report: Report) -> Iterable[_Result_co | None]:
        """The results of items, in order; None, and a failure in the report, for one without result."""


class Write(Protocol[_Result_contra]):
    """Writes the result of an item; None: the item has no result."""

    def __call__(self, name: str, result: _Result_contra | None, /) -> None: ...


class Files(Write[_Result_contra], AbstractContextManager[Any], Protocol[_Result_contra]):
    """Writes results as files of a directory, which are complete when the `with` block ends.

    `outdated` are files of an earlier run that this one has not written, once the block has ended; no others.
    """

    @property
    def outdated(self) -> set[Path]: ...


def process(items: Sequence[_Item], runner: Runner[_Item, _Result], write: Write[_Result], wording: Wording) -> int:
    """Compute and write the results of items; return the exit status of `Report.status`."""
    return conclude(_run(items, runner, write, wording), wording)


def process_to(
    directory: Path,
    items: Sequence[_Item],
    runner: Runner[_Item, _Result],
    open_files: Callable[[Path], Files[_Result]],
    wording: Wording,
) -> int:
    """`process` to files of a directory, where `failures` has a line `name TAB message` for each item without result.

    Files of an earlier run that this one does not write are removed when it is complete.

    Raises:
        DataError: The directory cannot be written, or another process writes there.
    """
    try:
        with only_one(directory, wording.noun):
            remove_partial(directory)
            with open_files(directory) as files:
                report = _run(items, runner, files, wording)
            for path in files.outdated:
                path.unlink(missing_ok=True)
            write_failures(directory / "failures", report.failures)
    except OSError as error:
        raise DataError(f"{directory}: expected a directory that can be written, found {reason_of(error)}") from error
    _log.info("wrote %s", directory)
    return conclude(report, wording)


def _run(items: Sequence[_Item], runner: Runner[_Item, _Result], write: Write[_Result], wording: Wording) -> Report:
    report = Report()
    hidden = None if runner.shows_progress else True  # None: where stderr is no terminal
    with logging_redirect_tqdm(), tqdm(total=len(items), unit="utt", desc=wording.verb, disable=hidden) as progress:
        for start in range(0, len(items), runner.batch_size):
            group = items[start : start + runner.batch_size]
            for item, result in zip(group, runner.run(group, report), strict=True):
                try:
                    write(item.name, result)
                except FileNameError as error:
                    report.fail(item.name, str(error))
                else:
                    report.done += result is not None
                progress.update()
    order = {item.name: number for number, item in enumerate(items)}
    report.failures.sort(key=lambda failure: order[failure[0]])
    return report


def sentence_of(error: Exception) -> str:
    """The message of an error on one line, or its name where it has none, in a sentence on what was expected."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, EspnetError) or SENTENCE.search(text):
        return text
    if isinstance(error, OSError):
        return f"expected to read and write files, found: {reason_of(error).lower()}"
    if isinstance(error, MemoryError):
        return f"expected memory enough for it, found too little: {text}"
    return f"expected what the model can compute, found: {text}"


def written_already(name: str, result: Any) -> None:
    """A `Write` for results that their runner writes as they come."""


def print_line(line: str) -> None:
    """Print a line of results to stdout at once, without disturbing a progress bar."""
    with tqdm.external_write_mode(file=sys.stdout), naming_output():
        print(visible(line), flush=True)


def write_failures(path: Path, failures: Sequence[tuple[str, str]]) -> None:
    """Write a line `name TAB message` for each failure; no file where there are none."""
    if not failures:
        path.unlink(missing_ok=True)
        return
    write_text(path, "".join(f"{one_line(name)}\t{printable(sentence)}\n" for name, sentence in failures))


def conclude(report: Report, wording: Wording) -> int:
    """Log the summary, print the failures to stderr, and return the exit status."""
    total = report.done + len(report.failures)
    took = f"{report.compute:.1f} s"
    if report.audio:
        took = f"{report.audio:.1f} s of speech in {took}, real-time factor {report.compute / report.audio:.3f}"
    _log.info("%s %d of %d %s: %s", wording.participle, report.done, total, wording.items, took)
    if report.failures:
        print(f"{len(report.failures)} of {total} {wording.items} could not be {wording.participle}:", file=sys.stderr)
        for name, sentence in report.failures:
            label = "" if sentence.startswith(f"{name}: ") else f"{name}: "  # of a recording without another name
            print(printable(f"  {label}{sentence}"), file=sys.stderr)
    return report.status
