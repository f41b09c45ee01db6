"""Workers of a Ray cluster on this machine, two against one, on a corpus of copies of recordings.

    OMP_NUM_THREADS=1 python tools/bench/ray_workers.py BUNDLE RECORDING ... [--workers 1 2] [--minutes 60]

`espnet transcribe --ray` recognises the corpus with each number of workers, in turns (`--repeat`). The cluster and the
workers take their time to start; so speech in a second is counted from when each worker has done a block on, to the
last result, and `whole` is that of the command from its start to its end. Efficiency is the speed of N workers by N
times that of one (of the first of `--workers`, divided by its number).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile
from machine import processor

BLOCK = 4  # batches of a block, see `espnet2.serving.corpus.Worker`
LOOK = 0.1  # seconds between looks at the results


class Run(NamedTuple):
    """Seconds of speech in a second behind the first blocks, those of the whole command, and seconds that it took."""

    speed: float
    whole: float
    took: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--minutes", type=float, default=60.0, help="of the corpus (default: 60)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--options", default="{beam_size: 10}", help="decoding options (default: {beam_size: 10})")
    args = parser.parse_args()
    runs: dict[int, list[Run]] = {workers: [] for workers in args.workers}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        count, seconds = write_corpus(directory, args.recordings, 60 * args.minutes)
        print(f"{processor()}; {count} recordings, {seconds:.0f} s, batches of {args.batch_size}", flush=True)
        for turn in range(args.repeat):
            for workers in args.workers:
                found = recognized(args, directory, directory / f"{turn}-{workers}", workers)
                print(f"turn {turn + 1}, {workers} workers: {found.speed:.2f} s of speech in a second", flush=True)
                runs[workers].append(found)
    print("\n".join(table(runs)))


def write_corpus(directory: Path, recordings: Sequence[str], seconds: float) -> tuple[int, float]:
    """Write a list of so many seconds of the recordings, again and again; returns how many, and their seconds."""
    lengths = [soundfile.info(path).duration for path in recordings]
    places, spoken = list[int](), 0.0
    while spoken < seconds:
        places.append(len(places) % len(recordings))
        spoken += lengths[places[-1]]
    for table, values in (
        ("wav.scp", [str(Path(path).resolve()) for path in recordings]),
        ("utt2dur", [f"{length:.3f}" for length in lengths]),
    ):
        lines = [f"u{number:06} {values[place]}\n" for number, place in enumerate(places)]
        (directory / table).write_text("".join(lines), encoding="utf-8")
    return len(places), spoken


def recognized(args: argparse.Namespace, directory: Path, output_dir: Path, workers: int) -> Run:
    """Recognise the corpus."""
    command = [sys.executable, "-m", "espnet2.bin.cli", "transcribe", args.bundle, str(directory / "wav.scp"), "--ray"]
    command += [f"--workers={workers}", f"--batch_size={args.batch_size}", f"--options={args.options}"]
    first = BLOCK * args.batch_size * workers  # results of the first blocks
    log = output_dir.with_suffix(".log")
    start = time.perf_counter()
    with log.open("w") as errors:
        process = subprocess.Popen([*command, "--num_threads=1", f"--output_dir={output_dir}"], stderr=errors)
        seen = [*results(process, output_dir / "results.jsonl")]
    took = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(log.read_text())
    warm = next((place for place, (_, lines, _) in enumerate(seen) if lines >= first), 0)
    (begin, _, before), (end, _, spoken) = seen[warm], seen[-1]
    if begin == end:
        raise SystemExit(f"--minutes: expected more than the first {first} recordings, found no others")
    return Run((spoken - before) / (end - begin), spoken / took, took)


def results(process: subprocess.Popen[bytes], journal: Path) -> Iterator[tuple[float, int, float]]:
    """Time, number of results and seconds of their speech, whenever there are more, until the process has ended."""
    lines, spoken, rest, ended = 0, 0.0, b"", False
    place = 0
    while not ended:
        time.sleep(LOOK)
        ended = process.poll() is not None
        if not journal.exists():
            continue
        with journal.open("rb") as file:
            file.seek(place)
            *whole, rest = (rest + file.read()).split(b"\n")
            place = file.tell()
        if whole:
            lines, spoken = lines + len(whole), spoken + sum(json.loads(line)["duration"] for line in whole)
            yield time.perf_counter(), lines, spoken


def table(runs: dict[int, list[Run]]) -> list[str]:
    """A row for each number of workers, with medians."""
    rows = [f"{'workers':>8} {'speech/s':>9} {'efficiency':>11} {'whole':>7} {'took s':>7}"]
    one = 0.0
    for workers, found in runs.items():
        speed, whole, took = (statistics.median(values) for values in zip(*found, strict=True))
        one = one or speed / workers
        rows.append(f"{workers:8} {speed:9.2f} {speed / workers / one:11.2f} {whole:7.2f} {took:7.1f}")
    return rows


if __name__ == "__main__":
    main()
