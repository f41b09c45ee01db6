"""Kill a command at random moments, start it again, and compare what it has written with an undisturbed run.

    python tools/kill_at_random.py --times 50 --output build/killed --compare '*best_recog/*' -- \
        python -m espnet2.bin.asr_inference_onnx --bundle build/demo/bundle --output_dir build/killed ...

The command writes to `--output`, which is removed before the undisturbed run. Then, each time, it is started with what
is there, killed (SIGKILL, with its children) at a random moment of its duration, and run to its end. Contents of the
files that `--compare` names have to be as after the undisturbed run, and nothing else may be left: neither beside the
output nor in the directory of temporary files, which is one of its own. Exit status 1 where that fails.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def contents(output: Path, patterns: Sequence[str]) -> dict[str, str]:
    """Checksums of the files below `output` that the patterns name."""
    files = {path for pattern in patterns for path in output.glob(pattern) if path.is_file()}
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def names(*directories: Path) -> set[str]:
    """All names below some directories."""
    return {str(path) for directory in directories for path in directory.rglob("*")}


def run(command: Sequence[str], temporary: Path, log: Path, seconds: float | None = None) -> int | None:
    """Run a command, and kill it after so many seconds; return its status, None where it was killed."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "TMPDIR": str(temporary)}, start_new_session=True
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None


def faults(before: Mapping[str, str], after: Mapping[str, str], left: set[str]) -> list[str]:
    """Differences from the undisturbed run."""
    differ = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [*(f"differs: {name}" for name in differ), *(f"left over: {name}" for name in sorted(left))]


def main(cmd: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--output", type=Path, required=True, help="what the command writes: a directory")
    parser.add_argument("--compare", action="append", required=True, help="files below it whose contents are compared")
    parser.add_argument("--anew", action="store_true", help="remove the output before each time, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(cmd)
    command, output = args.command[args.command[:1] == ["--"] :], args.output.absolute()
    rng, bad = random.Random(args.seed), 0
    with tempfile.TemporaryDirectory() as place:
        temporary, log = Path(place) / "tmp", Path(place) / "log"
        temporary.mkdir()
        shutil.rmtree(output, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        if run(command, temporary, log) != 0:
            print(log.read_text(encoding="utf-8", errors="replace")[-2000:], file=sys.stderr)
            return 2
        duration = time.perf_counter() - started
        expected, usual = contents(output, args.compare), names(output.parent, temporary)
        print(f"undisturbed: {duration:.1f} s, {len(expected)} files are compared")
        for number in range(1, args.times + 1):
            if args.anew:
                shutil.rmtree(output, ignore_errors=True)
            moment = rng.uniform(0, duration)
            killed = run(command, temporary, log, moment) is None
            status = run(command, temporary, log)
            found = faults(expected, contents(output, args.compare), names(output.parent, temporary) - usual)
            found += [] if status == 0 else [f"status {status} of the run after it"]
            bad += bool(found)
            print(f"{number}: {'killed' if killed else 'ended'} after {moment:.2f} s: {'; '.join(found) or 'the same'}")
        if bad:
            print(log.read_text(encoding="utf-8", errors="replace")[-2000:], file=sys.stderr)
    print(f"{args.times - bad} of {args.times} came out as the undisturbed run")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
