"""Time to load a bundle, against the time to read its files.

    python tools/bench/loading.py BUNDLE [--options '{"beam_size": 10}'] [--repeat 5]

Each measurement is a process of its own, so that the runtime comes as the installed version, or the one that PYTHONPATH
names, has it. `first`: the constructor in a process whose user never loaded the bundle, so that its checksums are
computed; `again`: in a process after that; `in process`: a second constructor in such a process. Files are in the
page cache. Besides seconds on the clock, of which the fastest of all repetitions counts, those of all processor cores
are printed, which other processes change less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import json, sys, time
def timed(run):
    start = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - start[0], time.process_time() - start[1]
def load():
    from espnet2.runtime import Speech2Text
    return Speech2Text
loader, *imported = timed(load)
made, *fresh = timed(lambda: loader(sys.argv[1], **json.loads(sys.argv[2])))
del made
made, *second = timed(lambda: loader(sys.argv[1], **json.loads(sys.argv[2])))
print(json.dumps([imported, fresh, second]))
"""
Seconds = tuple[float, float]  # on the clock, and of the processor


def measure(bundle: Path, options: str, cache: str) -> list[Seconds]:
    """Import, constructor, and second constructor of a process with this cache directory."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache}
    command = [sys.executable, "-c", CHILD, str(bundle), options]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [tuple(pair) for pair in json.loads(found.stdout.splitlines()[-1])]


def read(bundle: Path) -> Seconds:
    """Read all files of a bundle, one after the other."""
    start = time.perf_counter(), time.process_time()
    for path in bundle.iterdir():
        path.read_bytes()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def processor() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def main() -> None:
    """Print the fastest of several measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--options", default="{}", help="options of Speech2Text, as JSON")
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    rows: dict[str, list[Seconds]] = {name: [] for name in ("reading", "import", "first", "again", "in process")}
    for _ in range(args.repeat):
        rows["reading"].append(read(args.bundle))
        with tempfile.TemporaryDirectory() as cache:
            imported, fresh, _ = measure(args.bundle, args.options, cache)
            rows["import"].append(imported)
            rows["first"].append(fresh)
            _, again, second = measure(args.bundle, args.options, cache)
            rows["again"].append(again)
            rows["in process"].append(second)
    size = sum(path.stat().st_size for path in args.bundle.iterdir())
    print(f"{args.bundle}: {size / 1e6:.0f} MB, {os.cpu_count()} cores of {processor()}")
    reading = min(rows["reading"])[0]
    for name, found in rows.items():
        clock, busy = (min(column) for column in zip(*found, strict=True))
        print(f"{name:10}  {clock:6.3f} s  processor {busy:6.3f} s  {clock / reading:5.2f} x reading")


if __name__ == "__main__":
    main()
