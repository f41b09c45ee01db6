"""Threads of requests that wait for results: as many as there may be connections, so that none waits for another."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

from fastapi import Request

from espnet.nets.together import Abandoned
from espnet2.serving.guard import RefusedError
from espnet2.serving.scheduler import Ticket

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

MOST = 1024
HANG_UP = 0.5  # seconds between looks whether a client is still there
_END: Any = object()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "request")


async def in_thread(compute: Callable[[], _T]) -> _T:
    """The result of a function that may wait, in a thread, which goes on where this is cancelled."""
    return await asyncio.shield(_started(compute))


async def while_connected(request: Request, ticket: Ticket, compute: Callable[[], _T]) -> _T:
    """The result of `compute`, in a thread; gives the ticket up where the client hangs up, or this is cancelled.

    Raises `RefusedError` where the result came to nothing for one of these reasons.
    """
    work = asyncio.ensure_future(in_thread(compute))
    try:
        while not (await asyncio.wait([work], timeout=HANG_UP))[0]:
            if await request.is_disconnected():
                ticket.give_up()
        return work.result()
    except Abandoned:
        raise RefusedError(504, "request: expected a result before its deadline, found none") from None
    except asyncio.CancelledError:
        ticket.give_up()
        await asyncio.wait([work])  # what it reads must not end before it
        work.exception()  # so that it is not reported as one that nobody has seen
        raise


class Answer(Generic[_T_co]):
    """Items of an answer, which may wait for each, and what ends with it, whether they are taken or not.

    Args:
        items: Generator of the items.
        running: What ends.
    """

    def __init__(self, items: Generator[_T_co, None, None], running: ExitStack) -> None:
        self._items, self._running = items, running

    def __iter__(self) -> Iterator[_T_co]:
        return self

    def __next__(self) -> _T_co:
        return next(self._items)

    def close(self) -> None:
        """End it."""
        self._items.close()
        self._running.close()

    __del__ = close


async def iterate_in_threads(items: Answer[_T], give_up: Callable[[], Any]) -> AsyncIterator[_T]:
    """The items of an answer.

    In the end, also where nobody takes them any more, `give_up` is called, and the answer ends as soon as none of its
    threads runs.
    """
    work: asyncio.Future[Any] | None = None
    try:
        while True:
            work = _started(functools.partial(next, items, _END))
            item = await asyncio.shield(work)
            if item is _END:
                return
            yield item
    finally:
        give_up()
        if work is None:
            items.close()
        else:
            work.add_done_callback(functools.partial(_end, items))


def _end(items: Answer[Any], work: asyncio.Future[Any]) -> None:
    work.exception()  # so that it is not reported as one that nobody has seen
    items.close()


def _started(compute: Callable[[], _T]) -> asyncio.Future[_T]:
    return asyncio.get_running_loop().run_in_executor(_pool(), compute)
