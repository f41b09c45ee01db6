"""Utterances of all requests, decoded together.

Each utterance is a task of a gathering (`espnet.nets.together`), from the encoder on: calls of the encoder, of CTC and
of decoder steps are answered together for all utterances that wait for them, so that weights are read once for all, and
an utterance enters as soon as there is a place for it. There is a thread for each gathering; none waits for a batch to
end.
"""

from __future__ import annotations

import functools
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from espnet.nets.together import Abandoned, Gathering, Outcome, abandon_if, together
from espnet2.interface.errors import EspnetError
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.results import Results

NEVER = float("inf")


class BusyError(EspnetError, RuntimeError):
    """More work than may wait; `seconds`: when it is worth another attempt."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Ticket:
    """Interest of one request in its results: until its deadline, or until it is given up.

    Args:
        deadline: In seconds of `time.monotonic()`.
    """

    def __init__(self, deadline: float = NEVER) -> None:
        self.deadline = deadline
        self._given_up = False

    def give_up(self) -> None:
        """End the work for this request at its next step."""
        self._given_up = True

    def is_over(self) -> bool:
        """Whether nobody waits for the results any more."""
        return self._given_up or time.monotonic() > self.deadline


@dataclass
class _Job:
    """An utterance, samples (T,) or features (T, D) as `Recognizer.check` gives them, for a recogniser."""

    recognizer: Recognizer
    speech: np.ndarray
    ticket: Ticket
    future: Future[Results] = field(default_factory=Future)


class Scheduler:
    """Recognises utterances of many threads together; `close` ends it.

    Args:
        recognizer: Whose options hold for all; utterances may have one of their own, which differs in its prompt.
        size: Utterances at once, divided among the gatherings.
        most_waiting: Seconds of speech that may wait for a place.
        company: Seconds that the first utterance waits for others, where nothing runs.
        gatherings: Threads.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        size: int,
        most_waiting: float,
        company: float = 0.005,
        gatherings: int = 1,
    ) -> None:
        self.recognizer, self.most_waiting, self._company = recognizer, most_waiting, company
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting = 0  # samples, or frames
        self._speed = 1.0  # seconds of speech that are recognised in a second
        self._closed = False
        count = max(1, min(gatherings, size))
        sizes = [size // count + (number < size % count) for number in range(count)]
        self._threads = [threading.Thread(target=self._serve, args=(share,), daemon=True) for share in sizes]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> float:
        """Seconds of speech that wait for a place."""
        return self._seconds(self._waiting)

    def submit(self, speech: np.ndarray, ticket: Ticket, recognizer: Recognizer | None = None) -> Future[Results]:
        """Have an utterance recognised, speech as `Recognizer.check` gives it; the future has its n-best results.

        Args:
            speech: Of the utterance.
            ticket: Of its request.
            recognizer: One that is made of the scheduler's with another prompt (default: the scheduler's).

        Raises:
            BusyError: Too much waits already, or the scheduler is closed.
        """
        with self._lock:
            if self._closed:
                raise BusyError("service: expected no more requests, since it is shutting down, found one", 10.0)
            found = self._seconds(self._waiting + len(speech))
            if self._waiting and found > self.most_waiting:
                raise BusyError(
                    f"service: expected at most {self.most_waiting:g} s of speech waiting, found {found:.0f} s",
                    max(1.0, self.waiting / self._speed),
                )
            self._waiting += len(speech)
            job = _Job(recognizer or self.recognizer, speech, ticket)
            self._jobs.put(job)  # ahead of the end that `close` puts there
        return job.future

    def each(
        self, recognizer: Recognizer, speeches: Sequence[np.ndarray], ticket: Ticket
    ) -> Iterator[Outcome[Results]]:
        """The outcome of each utterance of one request, in order; see `submit`.

        Raises `BusyError` as `submit` does, and gives the request up, so that nothing of it runs on.
        """
        try:
            futures = [self.submit(speech, ticket, recognizer) for speech in speeches]
        except BusyError:
            ticket.give_up()
            raise
        for future in futures:
            error = future.exception()
            yield Outcome(error=error) if error is not None else Outcome(future.result())

    def close(self) -> None:
        """Take nothing new, and wait for what runs or waits."""
        with self._lock:
            closed, self._closed = self._closed, True
        for _ in self._threads if not closed else ():
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _seconds(self, steps: int) -> float:
        return steps / self.recognizer.long_form.rate

    def _serve(self, size: int) -> None:
        """Run the tasks of one gathering until the scheduler is closed."""
        running: dict[int, _Job] = {}
        for number, outcome in Gathering(size).run(self._tasks(running)):
            job = running.pop(number)
            if outcome.error is None:
                job.future.set_result(outcome.value())
            else:
                job.future.set_exception(outcome.error)

    def _tasks(self, running: dict[int, _Job]) -> Iterator[Callable[[], Results] | None]:
        """The next utterance, or None where none waits and others run; `running` has them by number."""
        number, closing = 0, False
        while not closing or running:
            job = None
            if not closing:  # behind the end of the queue there is nothing but the ends of other threads
                try:
                    job = self._jobs.get(block=not running)
                    closing = job is None
                except queue.Empty:
                    pass
            if job is None:
                if running:
                    yield None
                continue
            if not running and self._company:
                time.sleep(self._company)
            with self._lock:
                self._waiting -= len(job.speech)
            running[number] = job
            number += 1
            yield functools.partial(self._recognized, job)

    def _recognized(self, job: _Job) -> Results:
        """The results of an utterance; a task of the gathering."""
        abandon_if(job.ticket.is_over)
        if job.ticket.is_over():
            raise Abandoned
        start = time.monotonic()
        if self.recognizer.long_form.cuts(len(job.speech)):
            results: Results = list(job.recognizer.recognize_long(job.speech, lambda steps: None))
        else:
            results = job.recognizer.search(together(self._encoded, job))
        spent = max(time.monotonic() - start, 1e-3)
        self._speed += 0.1 * (self._seconds(len(job.speech)) / spent - self._speed)
        return results

    def _encoded(self, jobs: Sequence[_Job]) -> list[np.ndarray]:
        """Encoder outputs of utterances, those of similar length as one batch."""
        order = sorted(range(len(jobs)), key=lambda number: len(jobs[number].speech))
        found: dict[int, np.ndarray] = {}
        groups = self.recognizer.long_form.groups([jobs[number].speech for number in order])
        numbers = iter(order)
        for group in groups:
            members = [*itertools.islice(numbers, len(group))]
            owners = [jobs[number].recognizer for number in members]
            found.update(zip(members, self.recognizer.forward_of(owners, group), strict=True))
        return [found[number] for number in range(len(jobs))]
