"""The meeting point of searches that run side by side: calls of the same kind are answered as one.

A search asks its scorers step by step. Where several utterances are searched in a `Gathering`, each such call waits
until all utterances wait, and those that ask the same (`many`) are answered by one call for all of them, so that a
graph's weights are read once for all. Searches stay as they are: what they call ends in `together`, which outside of a
gathering answers at once.

    def score(self, state):                     # of a scorer, called by each search for itself
        return together(self._score_all, state)

    def _score_all(self, states):               # one result for each of the states, in their order
        ...

    for number, outcome in Gathering(8).run(partial(search, x) for x in encoder_outs):
        results[number] = outcome.value()       # raises what the search raised

Each task has a thread of its own, but one alone runs at a time: the thread that iterates `run` hands control to a task
and gets it back with the task's next call, as with coroutines. So tasks need no locks, calls are answered in the thread
that iterates `run` (where PyTorch's modes and a GPU's context are set), and nothing can wait for ever. A switch to a
task and back takes 10 to 20 us. What runs without Python's lock, as graphs do, runs beside another gathering's tasks.
"""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

_Call = TypeVar("_Call")
_Result = TypeVar("_Result")

_kept: contextvars.ContextVar[dict[Any, list[tuple[Sequence[Any], Any]]] | None]
_kept = contextvars.ContextVar("kept", default=None)  # what `kept` holds for the gathering whose calls are answered
_KEPT = 2  # values of each kind: where some tasks are a step behind, two sets of them take turns
_task: contextvars.ContextVar[_Task[Any] | None] = contextvars.ContextVar("together", default=None)


def together(many: Callable[[Sequence[_Call]], Sequence[_Result]], call: _Call) -> _Result:
    """The result of `many` for this call, which in a `Gathering` is answered along with those of other tasks.

    Args:
        many: Function of several calls that returns their results in order, hashable. Calls with an equal one (bound
            methods of one object are) are answered together. It is run in the thread, and in the context, of whoever
            runs the gathering. What it calls is not part of the gathering. Where it fails for several calls, it is
            called again with each of them alone.
        call: What it needs to know of this one.

    Raises:
        Exception: What `many` raised for this call alone.
    """
    task = _task.get()
    return many([call])[0] if task is None else task.ask(many, call)


def kept(name: Any, parts: Sequence[Any], make: Callable[[], _Result]) -> _Result:
    """Make something of these parts, or return what an earlier call of `many` made of the same objects.

    It is for what lasts from step to step, such as the encoder outputs of the utterances as one batch. A gathering
    keeps the last two of each name.
    """
    store = _kept.get()
    if store is None:
        return make()
    known = store.setdefault(name, [])
    for place, (others, made) in enumerate(known):
        if len(others) == len(parts) and all(one is other for one, other in zip(parts, others, strict=True)):
            known.append(known.pop(place))
            result: _Result = made
            return result
    known.append(([*parts], make()))
    del known[:-_KEPT]
    new: _Result = known[-1][1]
    return new


def abandon_if(unwanted: Callable[[], bool]) -> None:
    """Let the next call of the task that is running raise `Abandoned` once `unwanted` says so; elsewhere do nothing."""
    task = _task.get()
    if task is not None:
        task.unwanted = unwanted


class Abandoned(Exception):
    """Raised in a task of a gathering whose result nobody waits for any more, see `abandon_if`."""


class Stopped(BaseException):
    """Raised in the tasks of a gathering that is given up: no `Exception`, so that no task takes it for its own."""


class Outcome(Generic[_Result]):
    """Result of a task, or the error that ended it."""

    def __init__(self, result: Any = None, error: BaseException | None = None) -> None:
        self._result = result
        self.error = error

    def value(self) -> _Result:
        """The result; raises the error instead where there is one."""
        if self.error is not None:
            raise self.error
        result: _Result = self._result
        return result


def outcome_of(task: Callable[[], _Result]) -> Outcome[_Result]:
    """The result of a task that runs in the thread of the caller, or its error."""
    try:
        return Outcome(task())
    except Exception as error:
        return Outcome(error=error)


def outcomes(tasks: Sequence[Callable[[], _Result]]) -> list[Outcome[_Result]]:
    """The outcomes of tasks, in order; several run in a gathering of all, one alone without."""
    if len(tasks) == 1:
        return [outcome_of(tasks[0])]
    found = dict(Gathering(len(tasks)).run(tasks)) if tasks else {}
    return [found[number] for number in range(len(tasks))]


class _Task(Generic[_Result]):
    """A task in a thread of its own, which runs only between `go_on` and its next call."""

    def __init__(self, number: int, work: Callable[[], _Result]) -> None:
        self.number = number
        self.outcome: Outcome[_Result] | None = None
        self.many: Callable[..., Any] | None = None  # and `call`: what it waits for
        self.call: Any = None
        self.waited = 0  # rounds
        self.unwanted: Callable[[], bool] | None = None
        self._stopped = False
        # Queues, since an interrupt of `go_on` leaves two messages for one wait, which locks refuse.
        self._answers: queue.SimpleQueue[Outcome[Any]] = queue.SimpleQueue()  # the task runs where it gets one
        self._waits: queue.SimpleQueue[None] = queue.SimpleQueue()  # and puts one where it waits or has ended
        context = contextvars.copy_context()
        context.run(_task.set, self)
        self._thread = threading.Thread(target=context.run, args=(self._work, work), daemon=True)
        self._thread.start()

    def go_on(self, answer: Outcome[Any]) -> None:
        """Let the task run with the answer of its call, until its next call or its end."""
        self._answers.put(answer)
        self._waits.get()

    def ask(self, many: Callable[..., Any], call: Any) -> Any:
        """Wait for the answer of a call; the task's own side."""
        if self._stopped:  # while it unwinds
            raise Stopped
        if self.unwanted is not None and self.unwanted():
            raise Abandoned
        self.many, self.call, self.waited = many, call, 0
        self._waits.put(None)
        answer = self._answers.get()
        self.many = self.call = None
        return answer.value()

    def stop(self) -> None:
        """End a task that waits, or that is on its way to its next call."""
        self._stopped = True
        self._answers.put(Outcome(error=Stopped()))

    def join(self) -> None:
        """Wait until the thread of a task that was stopped has ended."""
        self._thread.join()

    def _work(self, work: Callable[[], _Result]) -> None:
        try:
            self._answers.get().value()  # raises where the task is stopped before it has begun
            self.outcome = Outcome(work())
        except BaseException as error:  # also SystemExit: whoever takes the outcome decides
            self.outcome = Outcome(error=error)
        finally:
            self._waits.put(None)


class Gathering:
    """Runs tasks side by side, at most `size` at once, and answers their calls of `together` together."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"expected at least one task at once, found {size}")
        self.size = size
        self._stopped = False

    def stop(self) -> None:
        """Let `run` raise `Stopped`, in whichever thread it is, as soon as the tasks wait for answers."""
        self._stopped = True

    def run(self, tasks: Iterable[Callable[[], _Result] | None]) -> Iterator[tuple[int, Outcome[_Result]]]:
        """The number, from 0 on, and the outcome of each task, in the order in which they end.

        The next task is taken from `tasks` when a place becomes free. Where `tasks` has none at the moment, it gives
        None, and is asked again after the next step; only where nothing runs it has to wait for one. An error of a task
        ends that task alone; one of `tasks`, or of the caller, as a `KeyboardInterrupt`, ends all. Where the system
        gives no more threads, fewer run at once from then on; where it gives none, tasks run one after the other in the
        thread of the caller.
        """
        waiting: Iterator[tuple[int, Callable[[], _Result] | None]] = _numbered(tasks)
        size = self.size
        running: list[_Task[_Result]] = []
        context = contextvars.copy_context()
        context.run(_kept.set, {})
        try:
            while True:
                while not self._stopped and len(running) < size and (item := next(waiting, None)) is not None:
                    number, work = item
                    if work is None:
                        break
                    try:
                        running.append(_Task(number, work))
                    except RuntimeError:  # of a thread that cannot be started
                        if running:
                            waiting, size = itertools.chain([item], waiting), len(running)
                        else:
                            yield number, outcome_of(work)
                    else:
                        running[-1].go_on(Outcome())
                if self._stopped:
                    raise Stopped
                if not running:
                    return
                if all(task.outcome is None for task in running):
                    context.run(_answer, running)
                ended = [task for task in running if task.outcome is not None]
                running = [task for task in running if task.outcome is None]
                for task in ended:
                    assert task.outcome is not None
                    task.join()  # so that its thread can be had again
                    yield task.number, task.outcome
        finally:
            for task in running:
                task.stop()
            for task in running:
                task.join()


def _numbered(tasks: Iterable[Callable[[], _Result] | None]) -> Iterator[tuple[int, Callable[[], _Result] | None]]:
    number = 0
    for work in tasks:
        yield number, work
        number += work is not None


def _answer(waiting: Sequence[_Task[Any]]) -> None:
    """Answer one group of calls, the one that has the most of them, and let its tasks run to their next call.

    The tasks of other groups wait, so that those of this one may join them: searches that are out of step, as one that
    has just begun, come into step. A call counts once more for each round that it has waited, so that it is not kept
    waiting for more rounds than there are tasks.
    """
    groups: dict[Any, list[_Task[Any]]] = {}
    for task in waiting:
        task.waited += 1
        groups.setdefault(task.many, []).append(task)
    group = max(groups.values(), key=lambda tasks: sum(task.waited for task in tasks))
    for task, answer in zip(group, _answers(group), strict=True):
        task.go_on(answer)


def _answers(group: Sequence[_Task[Any]]) -> list[Outcome[Any]]:
    """The answers of calls of one kind; where they fail together, of each alone."""
    many, calls = group[0].many, [task.call for task in group]
    assert many is not None
    try:
        results = many(calls)
        if len(results) != len(calls):
            raise RuntimeError(f"{many}: expected {len(calls)} results, found {len(results)}")
        return [Outcome(result) for result in results]
    except Exception as error:
        if len(group) == 1:
            return [Outcome(error=error)]
    return [answer for task in group for answer in _answers([task])]
