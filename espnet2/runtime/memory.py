"""Memory that this process may still take, and that attention takes, in bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

GB = 10**9
SHARE = 0.5  # of the available memory that a model may take
BYTES = 4  # of a score of attention
# Numbers of 32 bits that live at once for each head and pair of frames. Measured with relative positions: 8.0 to 9.0 in
# onnxruntime, 4.3 to 7.1 in PyTorch.
COPIES = 8
UNKNOWN = 4 * GB  # assumed where the system does not say
_UNLIMITED = 1 << 60  # control groups without a limit have numbers above that, or none
_processes = 1  # see `share_memory`


def available_memory(root: Path = Path("/")) -> int:
    """The least of the machine's free memory and what limits of its control group and of the process leave.

    `root` is where `proc` and `sys` are.
    """
    sources: tuple[Callable[[Path], Iterator[int]], ...] = (_machine, _control_groups, _address_space)
    found = [left for source in sources for left in source(root)]
    return max(min(found, default=UNKNOWN), 0)


def usable_memory() -> int:
    """Bytes that one computation may take: a share of what is available, divided among processes that share it."""
    return int(SHARE * available_memory()) // _processes


def share_memory(processes: int) -> None:
    """Let this process take no more than one of so many may that compute at the same time."""
    global _processes
    _processes = processes


def attention_memory(heads: int, frames: int) -> int:
    """Bytes that heads take which compare all of so many frames with each other."""
    return BYTES * COPIES * heads * frames**2


def _machine(root: Path) -> Iterator[int]:
    """MemAvailable of Linux; the free physical memory of Windows; half of the memory of others, as macOS."""
    fields = _fields(root / "proc" / "meminfo", ":")
    if "MemAvailable" in fields:
        yield fields["MemAvailable"] * 1024
    elif sys.platform == "win32":
        yield _windows()
    elif hasattr(os, "sysconf") and {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(os.sysconf_names):
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _control_groups(root: Path) -> Iterator[int]:
    """Memory that each group of the process, and each above it, leaves; the cache of files can be given up."""
    groups = root / "sys" / "fs" / "cgroup"
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            base, names, prefix = groups, ("memory.max", "memory.current"), ""
        elif "memory" in controllers.split(","):
            base = groups / "memory"
            names, prefix = ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_"
        else:
            continue
        # In a container, the path may be the one that the host sees.
        own = base.joinpath(*(part for part in path.split("/") if part not in ("", "..")))
        for group in {base, own, *(parent for parent in own.parents if base in parent.parents)}:
            limit, used = (_number(group / name) for name in names)
            if limit is not None and used is not None and limit < _UNLIMITED:
                cached = _fields(group / "memory.stat", " ")
                yield limit - used + sum(cached.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))


def _address_space(root: Path) -> Iterator[int]:
    """Memory that `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _text(root / "proc" / "self" / "statm").split()
    if limit != resource.RLIM_INFINITY and pages:
        yield limit - int(pages[0]) * os.sysconf("SC_PAGE_SIZE")


def _windows() -> int:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "page", "free_page", "virtual", "rest", "more")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - known on Windows only
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else UNKNOWN


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _fields(path: Path, separator: str) -> dict[str, int]:
    """Numbers by name, of lines `name number`."""
    pairs = (line.partition(separator)[::2] for line in _text(path).splitlines())
    numbers = {name.strip(): value.split()[:1] for name, value in pairs}
    return {name: int(value[0]) for name, value in numbers.items() if value and value[0].isdigit()}
