"""Surroundings of a command: standard streams that are closed, and Ctrl-C while a graph takes long."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

PATIENCE = 3.0  # seconds that a computation may go on after Ctrl-C
INTERRUPTED = 130  # exit status


def open_closed_streams() -> None:
    """Open the null device in place of standard output and error that are closed: files would get their numbers."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null_in_place_of(number)
        if getattr(sys, name) is None:
            stream = open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def null_in_place_of(number: int) -> None:
    """Let an open file of this number be the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def flush_output() -> None:
    """Write what standard output holds; raises `OSError` where it cannot be written, and leaves it out."""
    try:
        with naming_output():
            sys.stdout.flush()
    except OSError:
        null_in_place_of(1)  # which Python flushes again when it ends
        raise


@contextlib.contextmanager
def naming_output() -> Iterator[None]:
    """Give errors of writing to standard output its name, for their sentence."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def leave(status: int) -> NoReturn:
    """End the process behind Ctrl-C; at its usual end, a native library that was being imported would abort it."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def take_interrupts() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt`, where `espnet2.bin` has had it end the process."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def heeding_interrupts(prog: str) -> Iterator[None]:
    """Raise `KeyboardInterrupt` at Ctrl-C, as usual; where a library computes on for `PATIENCE`, end the process.

    Nothing is lost by that: what is being written keeps its temporary name.
    """
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored, or another program's
        yield
        return
    heeded = threading.Event()

    def heed(number: int, frame: object) -> None:
        heeded.set()
        raise KeyboardInterrupt

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGINT, heed)
    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, heeded, prog), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(writer)


def _watch(reader: int, heeded: threading.Event, prog: str) -> None:
    """End the process where a signal of Ctrl-C comes and is not heeded; return when the pipe is closed."""
    while signals := os.read(reader, 64):
        if signal.SIGINT not in signals or heeded.wait(PATIENCE):
            continue
        if select.select([reader], [], [], 0)[0] and not os.read(reader, 1):
            break
        os.write(2, f"{prog}: interrupted\n".encode())
        os._exit(INTERRUPTED)
    os.close(reader)
