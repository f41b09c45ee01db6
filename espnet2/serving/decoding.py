"""Uploads become samples, in processes of their own: a file that ends or hangs its reader ends no service."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import IO

import numpy as np

from espnet.nets.together import Abandoned
from espnet2.fileio.pieces import Pieces
from espnet2.interface.errors import AudioError
from espnet2.serving.scheduler import Ticket

PIECE = 10.0  # seconds of samples that are read at once
_SPAWN = multiprocessing.get_context("spawn")  # threads of a service do not survive a fork


class Samples:
    """Samples of a recording in a file without a name, of `size` bytes: iterates pieces (T,), float32; gone when it is
    closed."""

    def __init__(self, file: IO[bytes], count: int, rate: int) -> None:
        self._file, self.count, self.seconds = file, count, count / rate
        self.size = count * np.dtype(np.float32).itemsize
        self._piece = max(int(PIECE * rate), 1)

    def __iter__(self) -> Iterator[np.ndarray]:
        self._file.seek(0)
        for first in range(0, self.count, self._piece):
            yield np.fromfile(self._file, np.float32, min(self._piece, self.count - first))

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


class AudioDecoder:
    """Decodes recordings.

    Args:
        processes: Recordings at once; others wait.
        most_seconds: The longest recording.
        patience: Seconds that one may take.
    """

    def __init__(self, processes: int = 1, most_seconds: float = 3600.0, patience: float = 60.0) -> None:
        self.most_seconds, self.patience = most_seconds, patience
        self._workers: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all = [_Worker() for _ in range(processes)]
        for worker in self._all:
            self._workers.put(worker)

    def __call__(self, path: Path, fs: int, name: str, ticket: Ticket | None = None) -> Samples:
        """The samples of the file `path` at `fs` Hz, one channel; errors call it `name`.

        Raises:
            AudioError: It is no recording, is longer than `most_seconds`, or takes too long.
            Abandoned: Nobody waits for it any more, before there was a process for it.
            OSError: The samples cannot be written.
        """
        ticket = ticket or Ticket()
        try:
            worker = self._workers.get(timeout=min(max(ticket.deadline - time.monotonic(), 0), threading.TIMEOUT_MAX))
        except queue.Empty:
            raise Abandoned from None
        try:
            if ticket.is_over():
                raise Abandoned
            with tempfile.NamedTemporaryFile(suffix=".f32") as file:  # its samples stay as long as they are open
                count = worker.ask((str(path), file.name, fs, name, self.most_seconds), name, self.patience)
                return Samples(Path(file.name).open("rb"), count, fs)
        finally:
            self._workers.put(worker)

    def close(self) -> None:
        """End the processes."""
        for worker in self._all:
            worker.end()


class _Worker:
    """A process, begun with its first recording, that decodes one after the other; replaced where it ends or hangs."""

    def __init__(self) -> None:
        self._running: tuple[SpawnProcess, Connection] | None = None

    def _pipe(self) -> Connection:
        """The pipe to the process, which is begun where there is none, or where it has ended since the last task."""
        if self._running is not None and not self._running[0].is_alive():
            self.end()
        if self._running is None:
            pipe, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._running = process, pipe
        return self._running[1]

    def ask(self, task: tuple[str, str, int, str, float], name: str, patience: float) -> int:
        """The number of samples that were written for a task; raises `AudioError`, and `OSError` of their file."""
        fault = "takes too long"
        answer: int | AudioError | OSError | None = None
        try:
            pipe = self._pipe()
            pipe.send(task)
            if pipe.poll(patience):
                answer = pipe.recv()
        except (EOFError, OSError):
            fault = "ends its reader"
        if answer is None:
            self.end()
            raise AudioError(_unreadable(name, fault))
        if not isinstance(answer, int):
            raise answer
        return answer

    def end(self) -> None:
        """Kill the process."""
        running, self._running = self._running, None  # as several threads may ask for that
        if running is not None:
            process, pipe = running
            process.kill()
            process.join()
            pipe.close()


def _unreadable(name: str, found: str) -> str:
    return f"{name}: expected a recording that can be read, found one that {found}"


def _work(pipe: Connection) -> None:
    """Answer tasks until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all, and requests may end after it
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_decode(*task))
        except AudioError as error:
            pipe.send(AudioError(str(error)))
        except OSError as error:  # of the samples' file
            pipe.send(OSError(error.errno, error.strerror))
        except MemoryError:
            pipe.send(AudioError(_unreadable(task[3], "needs more memory than there is")))


def _decode(source: str, target: str, fs: int, name: str, most_seconds: float) -> int:
    """Write a recording's samples to a file, and return their number."""
    count, too_long = 0, f"{name}: expected a recording of at most {most_seconds:g} s, found a longer one"
    with open(target, "wb") as file, Pieces(Path(source), fs, name) as pieces:
        if pieces.seconds > most_seconds:
            raise AudioError(too_long)
        for piece in pieces:
            file.write(piece.astype(np.float32, copy=False).tobytes())  # whose errors, unlike numpy's, have numbers
            count += len(piece)
            if count > most_seconds * fs:
                raise AudioError(too_long)
    return count
