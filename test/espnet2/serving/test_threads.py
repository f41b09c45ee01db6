"""Answers that are not taken to their ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

pytest.importorskip("fastapi")

from espnet.nets.together import Abandoned
from espnet2.serving.scheduler import Ticket
from espnet2.serving.threads import Answer, in_thread, iterate_in_threads, while_connected


def make(events, ended, waits):
    def items():
        try:
            yield 1
            waits.wait(10)
            events.append("made")
            yield 2
        finally:
            events.append("closed")

    running = contextlib.ExitStack()
    running.callback(events.append, "ended")
    running.callback(ended.set)
    return Answer(items(), running)


async def take(answer, give_up):
    return [item async for item in iterate_in_threads(answer, give_up)]


def test_all_items_come_and_then_what_runs_ends():
    events, ended, waits = [], threading.Event(), threading.Event()
    waits.set()
    assert asyncio.run(take(make(events, ended, waits), lambda: events.append("given up"))) == [1, 2]
    assert events == ["made", "closed", "given up", "ended"]


def test_an_answer_that_nobody_waits_for_is_given_up_and_closed_where_it_does_not_run():
    events, ended, waits = [], threading.Event(), threading.Event()

    async def run():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(take(make(events, ended, waits), lambda: events.append("given up")), 0.05)
        assert events == ["given up"]
        waits.set()
        while not ended.is_set():
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert events == ["given up", "made", "closed", "ended"]


def test_an_answer_that_is_not_begun_ends_what_runs():
    events, ended, waits = [], threading.Event(), threading.Event()
    answer = iterate_in_threads(make(events, ended, waits), lambda: None)
    del answer
    assert events == ["ended"]


def test_many_wait_at_once():
    barrier = threading.Barrier(100)

    async def run():
        await asyncio.gather(*(in_thread(lambda: barrier.wait(30)) for _ in range(100)))

    asyncio.run(run())


def test_errors_are_raised():
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(in_thread(fail))


def test_work_that_is_cancelled_is_given_up_and_ends_first():
    ticket, begun, ended = Ticket(time.monotonic() + 10), threading.Event(), threading.Event()

    class Connected:
        async def is_disconnected(self):
            return False

    def compute():
        begun.set()
        while not ticket.is_over():
            time.sleep(0.01)
        ended.set()
        raise Abandoned

    async def cancelled():
        start, task = time.monotonic(), asyncio.ensure_future(while_connected(Connected(), ticket, compute))
        await in_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ended.is_set(), time.monotonic() - start

    is_ended, seconds = asyncio.run(cancelled())
    assert is_ended and seconds < 10
