"""Recognition of a list by several processes, which share the cores: each loads the model and takes parts of the list.

The process that was started writes all results, in the order of the list, as it would if it recognised them itself.
Parts are given to whoever is free. Processes end with the one that started them, also where that is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import multiprocessing
import pickle
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NamedTuple

from espnet.nets.beam_search import Hypothesis
from espnet.nets.tensors import as_array
from espnet2.fileio.recording import Recording
from espnet2.interface.errors import EspnetError, OptionError
from espnet2.runtime.loop import Report, Write, sentence_of
from espnet2.runtime.memory import share_memory
from espnet2.runtime.opening import available_cores
from espnet2.runtime.results import AnyResult, NBest, Result, Results, TaggedResult, Translations
from espnet2.runtime.timestamps import Timed
from espnet2.runtime.writers.search import SearchLines

if TYPE_CHECKING:
    from typing_extensions import Self

_OWN = re.compile(r"/dev/stdin|(/dev|/proc/self)/fd/\d+")  # what other processes have under the same name is not it
_PATIENCE = 5.0  # seconds that a process has to end by itself
Load = Callable[[argparse.Namespace], Any]  # makes an `espnet2.runtime.decode.SearchRunner`


def add_process_option(group: argparse._ActionsContainer) -> None:
    """Add the number of processes."""
    text = "processes among which the recordings are divided; they share the cores (default: 1)"
    group.add_argument("--nj", type=int, default=1, help=text)


class SentResult(Result):
    """A result that another process found, with its times, without the search's states."""

    times: Sequence[Timed] = ()


class SentTaggedResult(TaggedResult):
    """As `SentResult`, of a model whose texts have tags."""

    times: Sequence[Timed] = ()


class Loaded(NamedTuple):
    """Properties of a recogniser in another process that the writers of results need."""

    ends_with_eos: bool
    timestamps: bool | None
    batch_size: int

    def times(self, result: AnyResult) -> list[Timed]:
        """When each token, or word, of a result is said."""
        return list(getattr(result, "times", ()))


class ProcessRunner:
    """Recognises recordings by processes, which end with the `with` block, if not before.

    Args:
        args: Of the command, with which each process loads the model.
        load: Makes what recognises them of `args`; it has to be a function of a module.
        count: Processes.

    Raises:
        EspnetError: The model cannot be loaded; what the first process says.
    """

    shows_progress = True

    def __init__(self, args: argparse.Namespace, load: Load, count: int) -> None:
        threads = max(available_cores() // count, 1) if args.num_threads is None else args.num_threads
        own = argparse.Namespace(**{**vars(args), "num_threads": threads})
        spawn = multiprocessing.get_context("spawn")  # a copy of a process with threads may wait for ever
        self._workers: list[Any] = []
        self._pipes: list[Connection] = []
        try:
            for number in range(count):
                pipe, end = spawn.Pipe()
                worker = spawn.Process(target=_work, args=(end, own, load, number, count), daemon=True)
                worker.start()
                end.close()
                self._workers.append(worker)
                self._pipes.append(pipe)
            (self.recognizer, *_) = [self._received(pipe) for pipe in self._pipes]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def batch_size(self) -> int:
        """All recordings: the processes know how many they read ahead."""
        return 1 << 30

    def line_writer(self, count: int) -> Write[Results]:
        """Return the writer of a line for each recording."""
        return SearchLines(self.recognizer)

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.close()
        for worker in self._workers:
            worker.join(0)
            if worker.is_alive():
                worker.terminate()
            worker.join(_PATIENCE)

    def run(self, items: Sequence[Recording], report: Report) -> Iterator[Results | None]:
        """The results of all recordings, in order."""
        start = time.perf_counter()
        try:
            # Themselves, since their list may be one that can be read only once, or be changed meanwhile.
            for pipe in self._pipes:
                self._send(pipe, items)
            yield from self._in_order(self._found(len(items), report))
        finally:
            report.compute += time.perf_counter() - start

    def _in_order(self, found: Iterator[tuple[int, Results | None]]) -> Iterator[Results | None]:
        known: dict[int, Results | None] = {}
        due = 0
        for number, results in found:
            known[number] = results
            while due in known:
                yield known.pop(due)
                due += 1

    def _found(self, count: int, report: Report) -> Iterator[tuple[int, Results | None]]:
        """Number and results of each recording, as they come; failures and the duration go into the report."""
        size = min(self.recognizer.batch_size, math.ceil(count / len(self._pipes)))
        parts = iter([range(first, min(first + size, count)) for first in range(0, count, size)])
        busy = [pipe for pipe in self._pipes if self._sent(pipe, next(parts, None))]
        while busy:
            for pipe in wait(busy):
                assert isinstance(pipe, Connection)
                answer = self._received(pipe)
                if not isinstance(answer, Report):
                    yield answer
                    continue
                report.audio += answer.audio
                report.failures += answer.failures
                if not self._sent(pipe, next(parts, None)):
                    busy.remove(pipe)

    def _received(self, pipe: Connection) -> Any:
        """Receive the message of a process; raise the error that it met, or one where it has ended."""
        try:
            answer = pipe.recv()
        except (EOFError, OSError) as error:
            raise self._ended(pipe) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _sent(self, pipe: Connection, part: range | None) -> bool:
        """Send the numbers of some recordings, where there are any; else nothing."""
        if part is not None:
            self._send(pipe, part)
        return part is not None

    def _send(self, pipe: Connection, message: Any) -> None:
        try:
            pipe.send(message)
        except OSError as error:
            raise self._ended(pipe) from error

    def _ended(self, pipe: Connection) -> EspnetError:
        worker = self._workers[self._pipes.index(pipe)]
        worker.join(_PATIENCE)
        return EspnetError(
            f"--nj: expected {len(self._pipes)} processes that recognise, found one that ended with status "
            f"{worker.exitcode}; with too little memory, start fewer"
        )


def processes_for(args: argparse.Namespace, recordings: Sequence[Recording]) -> int:
    """The number of processes that recognise these recordings.

    Raises:
        OptionError: `--nj` is below 1, or a recording is an open file of this process, as standard input.
    """
    if args.nj < 1:
        raise OptionError(f"--nj: expected a number of processes of at least 1, found {args.nj}")
    if args.nj > 1 and any(recording.place == "-" for recording in recordings):
        raise OptionError(f"--nj: expected 1, since standard input is one recording, found {args.nj}")
    count = int(min(args.nj, len(recordings)))
    own = next((recording.place for recording in recordings if _OWN.fullmatch(recording.place)), None)
    if count > 1 and own is not None:
        raise OptionError(f"--nj: expected 1, since other processes cannot read {own}, found {args.nj}")
    return count


def _work(pipe: Connection, args: argparse.Namespace, load: Load, number: int, count: int) -> None:
    """Load the model, and recognise what comes until there is no more; the process is `number` of `count`."""
    from espnet2.utils.cli import start_logging, use_utf8

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the first process ends the others
    use_utf8()
    start_logging(args.log_level if number == 0 else max(args.log_level.upper(), "WARNING", key=logging.getLevelName))
    share_memory(count)
    try:
        runner = load(args)
    except Exception as error:
        _tell(pipe, error)
        return
    try:
        _serve(pipe, runner)
    except (EOFError, ConnectionError):
        pass  # the first process has ended, or needs no more
    except Exception as error:
        _tell(pipe, error)


def _tell(pipe: Connection, error: Exception) -> None:
    """Send an error to the first process, where that has not ended."""
    logging.debug("", exc_info=error)
    with contextlib.suppress(ConnectionError):
        pipe.send(portable_error(error))


def portable_error(error: Exception) -> Exception:
    """An error that another process can read: itself, or its message."""
    try:
        pickle.loads(pickle.dumps(error))  # of those that take more than a message, some are written but not read
    except Exception:
        return EspnetError(sentence_of(error))
    return error


def _serve(pipe: Connection, runner: Any) -> None:
    """Recognise recordings: all come, and then the numbers of parts of them.

    Sends the results of each, and a report behind the last one of a part.
    """
    maker = runner.recognizer
    pipe.send(Loaded(maker.ends_with_eos, None if maker.timestamps is None else True, runner.batch_size))
    recordings: Sequence[Recording] = pipe.recv()
    while True:
        part, report = pipe.recv(), Report()
        items = [recordings[place] for place in part]
        for place, results in zip(part, runner.run(items, report), strict=True):
            pipe.send((place, None if results is None else _portable(maker, results)))
        pipe.send(report)


def _portable(maker: Any, results: Results) -> Results:
    """Results that another process can read."""
    found: Any = [_portable(maker, one) if isinstance(one, list) else _sent_result(maker, one) for one in results]
    if isinstance(results, Translations):
        found = Translations(found)
        found.recognised = [_sent_result(maker, one) for one in results.recognised]
    portable: Results = NBest(found, results.interctc) if isinstance(results, NBest) else found
    return portable


def _sent_result(maker: Any, result: AnyResult) -> SentResult | SentTaggedResult:
    hypothesis = result.hypothesis
    bare = Hypothesis(as_array(hypothesis.yseq), float(hypothesis.score))
    kind: Any = SentTaggedResult if isinstance(result, TaggedResult) else SentResult
    sent: SentResult | SentTaggedResult = kind(*result[:-1], bare)
    sent.times = () if maker.timestamps is None else maker.times(result)
    return sent
