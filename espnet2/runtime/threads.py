"""How many threads a model's graphs have, and how many gatherings of utterances run side by side."""

from __future__ import annotations

from typing import NamedTuple

from espnet2.interface.errors import OptionError
from espnet2.runtime.opening import available_cores
from espnet2.runtime.option_fields import is_integer

# Gatherings side by side: while one is within a graph, numpy works for the other. More would wait for Python's lock,
# since numpy takes a quarter of a batch's time, and would read the weights more often: further cores help by processes
# (`--nj`). Two gatherings on two cores are measured; that it is as good on four and more is not.
GATHERINGS = 2
FEWEST = 4  # utterances of a batch that are divided into two gatherings
MOST = 4  # threads of a step: its products are too small to be divided among more
MOST_ASKED = 1024  # more than any machine has cores; a number above is a slip


class Threads(NamedTuple):
    """Threads of graphs that read a whole utterance, and of those that take steps."""

    whole: int
    steps: int


def threads_of(num_threads: int | None, batched: bool) -> Threads:
    """The threads of graphs, where the option `num_threads` may be None, for all cores that the process may use.

    A step for one utterance is fastest with one thread; one for several, if `batched`, has its share of the cores.

    Raises:
        OptionError: See `require_threads`.
    """
    if num_threads is not None:
        require_threads(num_threads)
    threads = min(num_threads or available_cores(), available_cores())  # more of them would wait for each other
    return Threads(threads, min(max(threads // GATHERINGS, 1), MOST) if batched else 1)


def require_threads(num_threads: int) -> None:
    """Raise `OptionError` for a number of threads below 1 or above `MOST_ASKED`."""
    if not is_integer(num_threads):
        raise OptionError(f"num_threads: expected a whole number, found {num_threads!r}")
    if num_threads < 1:
        raise OptionError(f"num_threads: expected at least 1, found {num_threads}")
    if num_threads > MOST_ASKED:
        raise OptionError(f"num_threads: expected at most {MOST_ASKED}, found {num_threads}")


def gatherings_of(num_threads: int | None, batch_size: int) -> int:
    """The gatherings that a batch of utterances is divided into; 1 with one thread, or for a small batch."""
    return GATHERINGS if threads_of(num_threads, True).whole > 1 and batch_size >= FEWEST else 1
