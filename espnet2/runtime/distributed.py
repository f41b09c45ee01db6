"""Work on a long list by the actors of a Ray cluster, which is this machine or many of them.

The list is cut into blocks of items of similar length, the longest first. Each actor owns what it needs for all blocks,
such as one set of sessions, and takes one block after the other; nothing is shuffled, and what travels is names of
files one way and results the other way. A block whose actor ends is given to another one. Where that happens again and
again, the items of the block are tried one by one, so that one that ends its actor is known.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from espnet2.interface.errors import EspnetError, MissingPackageError, OptionError, reason_of, shortened

RETRIES = 2  # of a block whose actor has ended
SECONDS = 600.0  # of the items of a block: what is lost with an actor, and how well the last blocks are divided

_log = logging.getLogger(__name__)


class Item(NamedTuple):
    """An item of a list: its name in results, its file, and its length in seconds, as far as it is known."""

    name: str
    place: str
    seconds: float = 0.0


class Done(NamedTuple):
    """The result of an item as a text, or why it has none, and its length in seconds."""

    name: str
    result: str
    error: str = ""
    seconds: float = 0.0


Work = Callable[[Sequence[tuple[str, str]]], Iterable[Done]]  # takes names and files of a block


def blocks(items: Sequence[Item], most: int, seconds: float = SECONDS) -> Iterator[list[Item]]:
    """Items in blocks of at most `most`, and of at most `seconds` together, the longest items first."""
    block: list[Item] = []
    length = 0.0
    for item in sorted(items, key=lambda item: item.seconds, reverse=True):
        if block and (len(block) == most or length + item.seconds > seconds):
            yield block
            block, length = [], 0.0
        block.append(item)
        length += item.seconds
    if block:
        yield block


@contextlib.contextmanager
def cluster(part: str, address: str, cpus: int | None) -> Iterator[Any]:
    """Connect to a cluster, or start one of `cpus` cores on this machine, until the block ends; gives the package ray.

    Args:
        part: Of Ray that is needed: `data` or `serve`, which have packages of their own.
        address: Of the cluster, `auto` for one that this machine is part of; "": start one.
        cpus: Of a cluster that is started; None: all.

    Raises:
        MissingPackageError: Ray is not installed.
        OptionError: There is no cluster at this address.
    """
    try:
        import ray

        importlib.import_module(f"ray.{part}")
    except ImportError as error:
        raise MissingPackageError('--ray: expected the package ray, found none; pip install ".[ray]"') from error
    own: dict[str, Any] = {"address": address} if address else {"address": "local", "num_cpus": cpus}
    if not address:
        own["include_dashboard"] = False
    try:
        ray.init(**own, logging_level=logging.WARNING, log_to_driver=False)
    except Exception as error:  # one that cannot be started raises no other
        expected = "the address of a cluster" if address else "a cluster that starts on this machine"
        raise OptionError(f"--ray: expected {expected}, found: {reason_of(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def work_on(
    ray: Any, items: Sequence[Item], make: Callable[[], Work], *, size: int, workers: int, cpus: int
) -> Iterator[Done]:
    """Results of items as they come, each once; an item whose actors end is the last, and has an error.

    Args:
        ray: See `cluster`.
        items: The list, of different names.
        make: Makes what works on a block; called once in each actor.
        size: Items of a block, at most.
        workers: Actors.
        cpus: Cores of each.

    Raises:
        EspnetError: The cluster cannot do it.
    """
    waiting = {item.name: item for item in items}
    for most in (size, 1):
        if not waiting:
            return
        given = [*blocks([*waiting.values()], most)]
        _log.info("%d items in %d blocks for %d workers", len(waiting), len(given), workers)
        for done in _run(ray, given, make, min(workers, len(given)), cpus):
            if waiting.pop(done.name, None) is not None:  # else it is one that another actor was also given
                yield done
    for item in waiting.values():
        yield Done(item.name, "", f"{item.place}: expected workers that recognise it, found that each has ended")


def _run(
    ray: Any, given: Sequence[Sequence[Item]], make: Callable[[], Work], workers: int, cpus: int
) -> Iterator[Done]:
    """Results of blocks; those of blocks that are lost with their actors are missing."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1
    rows = [{"names": [item.name for item in block], "places": [item.place for item in block]} for block in given]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Actor,
        batch_size=1,
        fn_constructor_args=(make,),
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=cpus,
        max_task_retries=RETRIES,
    )
    try:
        for row in dataset.iter_rows():
            yield Done(**row)
    except (ray.exceptions.RayError, ray.data.exceptions.SystemException) as error:
        raise failed("workers that work", error) from error


def failed(expected: str, error: Exception) -> EspnetError:
    """The error of a cluster that gives an error instead of what was expected; that of an actor is its own."""
    return EspnetError(
        shortened(f"--ray: expected {expected}, found {reason_of(getattr(error, 'cause', None) or error)}")
    )


class _Actor:
    """One worker: makes what it needs, and works on blocks, which come as columns of one row."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self._work = make()

    def __call__(self, columns: dict[str, Any]) -> dict[str, list[Any]]:
        names, places = ([str(value) for value in columns[name][0]] for name in ("names", "places"))
        found = [*self._work([*zip(names, places, strict=True)])]
        return {field: [getattr(done, field) for done in found] for field in Done._fields}
