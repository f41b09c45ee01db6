"""`espnet transcribe` on an hour of speech: real-time factor, peak memory, word errors, and times of the subtitles.

    OMP_NUM_THREADS=1 python tools/bench/transcribe_hour.py BUNDLE [--minutes 60] [--options '{beam_size: 10}']

The demo recogniser's recordings, cut to their speech (10 ms louder than -35 dB of the loudest), are joined in turns
with pauses of 0.7 to 1.5 s, all over noise of -66 dBFS. So the times of every utterance are known: those of its first
and last sample. A frame is one of the encoder's output. Times are CPU times of the whole process, start included.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from espnet2.runtime.bundle import Bundle
from espnet2.runtime.timestamps import frame_seconds
from espnet2.utils.edit_distance import edit_distance

RATE = 16000
DEMO = Path(__file__).parents[2] / "egs2" / "digits" / "asr1" / "demo" / "recordings"
NOISE, LOUD, HOP = 5e-4, 10 ** (-35 / 20), 160
# The command, and its peak memory in kiB; what the system counts of a child includes that of this process before.
MEASURED = """
import sys
from espnet2.bin.cli import main
status = main(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
raise SystemExit(status)
"""
TIMES = re.compile(r"(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)")


def utterances() -> list[tuple[np.ndarray, str]]:
    """Samples and text of each recording."""
    texts = dict(line.split(maxsplit=1) for line in (DEMO / "text").read_text().splitlines())
    return [(cropped(soundfile.read(path)[0]), texts[path.stem]) for path in sorted(DEMO.glob("*.flac"))]


def cropped(samples: np.ndarray) -> np.ndarray:
    """The part of a recording that begins and ends with speech."""
    level = np.sqrt((samples[: len(samples) // HOP * HOP].reshape(-1, HOP) ** 2).mean(axis=1))
    loud = np.flatnonzero(level > LOUD * level.max())
    return samples[loud[0] * HOP : (loud[-1] + 1) * HOP]


def joined(minutes: float) -> tuple[np.ndarray, list[tuple[float, float, str]]]:
    """Samples, and start, end and text of each utterance."""
    rng, known = np.random.default_rng(0), utterances()
    samples = NOISE * rng.normal(size=int(minutes * 60 * RATE))
    truth, at = [], RATE
    while True:
        speech, text = known[len(truth) % len(known)]
        if at + len(speech) + RATE > len(samples):
            return samples.astype(np.float32), truth
        samples[at : at + len(speech)] += speech
        truth.append((at / RATE, (at + len(speech)) / RATE, text))
        at += len(speech) + int(rng.uniform(0.7, 1.5) * RATE)


def subtitles(text: str) -> list[tuple[float, float, str]]:
    """Start, end and text of each subtitle of an SRT file."""
    found = []
    for block in text.strip().split("\n\n"):
        _, times, *lines = block.splitlines()
        numbers = list(map(int, TIMES.fullmatch(times).groups()))  # type: ignore[union-attr]
        start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (numbers[:4], numbers[4:]))
        found.append((start, end, " ".join(lines)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--options", default="{}")
    args = parser.parse_args()
    bundle = Bundle.read(args.bundle)
    frame = frame_seconds(bundle.components["encoder"], bundle.section.sample_rate)
    samples, truth = joined(args.minutes)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hour.flac"
        soundfile.write(path, samples, RATE)
        command = [sys.executable, "-c", MEASURED, "transcribe", args.bundle, str(path), "--format", "srt"]
        run = subprocess.run(
            [*command, "--options", args.options, "--num_threads", "1"], capture_output=True, text=True, check=True
        )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found, took = subtitles(run.stdout), used.ru_utime + used.ru_stime
    *_, speed, memory = run.stderr.strip().splitlines()
    print(speed)
    print(f"CPU time {took:.1f} s, real-time factor {took / (60 * args.minutes):.4f}")
    print(f"peak memory {int(memory) / 1024:.0f} MiB, where the samples would take {samples.nbytes / 2**20:.0f}")
    print(f"{len(truth)} utterances, {len(found)} subtitles")
    words = " ".join(text for *_, text in truth).split()
    wrong = sum(edit_distance(a[2].split(), b[2].split()) for a, b in zip(truth, found, strict=False))
    print(f"{wrong} of {len(words)} words wrong")
    errors = np.array([(b[0] - a[0], b[1] - a[1]) for a, b in zip(truth, found, strict=False)]) * 1000
    for name, column in (("start", errors[:, 0]), ("end", errors[:, 1])):
        within = (np.abs(column) <= 1000 * frame + 1e-6).mean()
        print(
            f"{name}: mean {column.mean():+.1f} ms, largest {np.abs(column).max():.1f} ms, "
            f"{100 * within:.1f} % within a frame of {1000 * frame:.0f} ms"
        )


if __name__ == "__main__":
    main()
