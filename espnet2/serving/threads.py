"""Threads of requests that wait for results: as many as there may be connections, so that none waits for another."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

MOST = 1024
_END: Any = object()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, "request")


async def in_thread(compute: Callable[[], _T]) -> _T:
    """The result of a function that may wait, in a thread, which goes on where this is cancelled."""
    return await asyncio.shield(_started(compute))


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
