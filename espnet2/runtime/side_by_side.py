"""Utterances that are searched side by side, in one gathering or in several, whose graphs run at the same time."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from espnet.nets.together import Gathering, Outcome

_Result = TypeVar("_Result")
Numbered = tuple[int, Outcome[_Result]]


def side_by_side(
    tasks: Iterable[Callable[[], _Result]], size: int, gatherings: int = 1
) -> Iterator[tuple[int, Outcome[_Result]]]:
    """The number and the outcome of each task, in the order in which they end.

    Args:
        tasks: Taken one after the other, as there is place for them.
        size: Tasks at once.
        gatherings: Among which they are shared out, each in a thread; while one is within a graph, another computes.
    """
    count = min(gatherings, size)
    if count == 1:
        yield from Gathering(size).run(tasks)
        return
    shared = _Shared(tasks)
    found: queue.SimpleQueue[tuple[int, Outcome[_Result]] | BaseException | None] = queue.SimpleQueue()
    groups = [Gathering(size // count + (number < size % count)) for number in range(count)]

    def work(gathering: Gathering) -> None:
        numbers: list[int] = []
        outcome: Outcome[_Result]
        try:
            for number, outcome in gathering.run(shared.taken(numbers)):
                found.put((numbers[number], outcome))
        except BaseException as error:  # of the tasks' iterator: whoever takes the results raises it
            found.put(error)
        else:
            found.put(None)

    threads: list[threading.Thread] = []
    try:
        for gathering in groups:
            with contextlib.suppress(RuntimeError):  # where the system has no more threads, fewer do
                thread = threading.Thread(target=work, args=(gathering,), daemon=True)
                thread.start()
                threads.append(thread)
        if not threads:
            yield from Gathering(size).run(tasks)
        ended = 0
        while ended < len(threads):
            result = found.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                ended += 1
            else:
                yield result
    finally:
        for gathering in groups:
            gathering.stop()
        for thread in threads:
            thread.join()


class _Shared(Generic[_Result]):
    """Tasks that several threads take from one iterator."""

    def __init__(self, tasks: Iterable[Callable[[], _Result]]) -> None:
        self._tasks = enumerate(tasks)
        self._lock = threading.Lock()

    def taken(self, numbers: list[int]) -> Iterator[Callable[[], _Result]]:
        """The tasks that one thread gets; their numbers are added to `numbers`."""
        while True:
            with self._lock:
                number, task = next(self._tasks, (None, None))
            if number is None or task is None:
                return
            numbers.append(number)
            yield task
