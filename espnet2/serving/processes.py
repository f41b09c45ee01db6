"""Processes of one service: each has a number, with it a group of cores, and figures that are added to the others'.

Numbers are locks in a directory of the service, which end with their process, even if it is killed. So a process that
replaces another one has its number: it takes the group that is free, and goes on with its counters.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2.runtime.opening import available_cores
from espnet2.utils.lock import try_lock


def take_number(directory: Path) -> int:
    """Take the first number, from 0 on, that no other process has, until this one ends."""
    for number in itertools.count():
        descriptor = os.open(directory / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if try_lock(descriptor):
            return number
        os.close(descriptor)
    raise AssertionError("numbers do not end")


def group_of(number: int, count: int, cores: Sequence[int]) -> Sequence[int]:
    """The cores of process `number` of `count`: its share, or one core where there are fewer than processes."""
    first, end = (place * len(cores) // count for place in (number, number + 1))
    return cores[first : max(end, first + 1)]


def use_cores(number: int, count: int, threads: int | None) -> int:
    """Bind this process to its group of cores, and return the threads of its graphs: those, or one for each core.

    A process that is to have more threads than its group has cores may use all; as may one more than `count`, which a
    service has while its processes are replaced one by one, and each where the platform cannot bind processes.
    """
    share = max(available_cores() // count, 1)
    if number < count and hasattr(os, "sched_setaffinity"):
        group = group_of(number, count, sorted(os.sched_getaffinity(0)))
        if threads is None or threads <= len(group):
            with contextlib.suppress(OSError):  # of a sandbox that forbids it
                os.sched_setaffinity(0, group)
                share = len(group)
    return share if threads is None else threads
