"""Memory of a process that recognises streams for a day, sped up.

    python tools/bench/stream_day.py --bundle BUNDLE [--hours 24] [--recordings DIRECTORY] [--options '{beam_size: 3}']

Two streams are open all the time and stepped together: the recogniser's own, which begins anew after each utterance,
and a session, which is made anew. Their samples come in pieces; utterances are those of the recordings, or noise, with
pauses. Prints the memory of the process at every hour of audio. Exit status 1 where it has grown by more than
`--megabytes` from the first tenth to the end.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from espnet2.fileio.audio import read_audio
from espnet2.runtime import Speech2TextStreaming
from espnet2.utils.types import mapping_or_none

MIB = 1 << 20
NOISE = (1.0, 12.0)  # seconds of an utterance of noise
PAUSE = 0.5  # seconds


def resident() -> float:
    """Memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / MIB


def utterances(directory: Path | None, rate: int, seed: int) -> Iterator[np.ndarray]:
    """Recordings in random order, or noise, without end; a pause follows each."""
    rng = np.random.default_rng(seed)
    files = [] if directory is None else sorted(directory.iterdir())
    speeches = [read_audio(path, rate) for path in files if path.suffix in (".flac", ".wav")]
    while True:
        size = int(rng.uniform(*NOISE) * rate)
        speech = speeches[rng.integers(len(speeches))] if speeches else rng.normal(0, 0.1, size).astype(np.float32)
        yield np.concatenate([speech, rng.normal(0, 1e-4, int(PAUSE * rate)).astype(np.float32)])


def pieces(utterance: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, bool]]:
    """The samples of an utterance, and whether they are the last."""
    for start in range(0, len(utterance), size):
        yield utterance[start : start + size], start + size >= len(utterance)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle of streams")
    parser.add_argument("--hours", type=float, default=24.0, help="of audio, those of both streams together")
    parser.add_argument("--recordings", type=Path, help="directory of .flac and .wav files; default: noise")
    parser.add_argument("--options", type=mapping_or_none, default={"ctc_greedy": True}, help="of the search")
    parser.add_argument("--chunk_ms", type=float, default=320.0)
    parser.add_argument("--megabytes", type=float, default=16.0, help="growth that is allowed")
    args = parser.parse_args()
    recognizer = Speech2TextStreaming(args.bundle, num_threads=1, **(args.options or {}))
    rate, total, tokens, count = recognizer.sample_rate, 0, 0, 0
    size, most, start = max(1, round(rate * args.chunk_ms / 1000)), int(args.hours * 3600 * rate), time.process_time()
    sources = [utterances(args.recordings, rate, seed) for seed in (0, 1)]
    streams = [[recognizer._own, pieces(next(source), size)] for source in sources]
    streams[1][0] = recognizer.session()
    measured: list[tuple[float, float]] = []
    while total < most:
        taken = [(session, *next(waiting)) for session, waiting in streams]
        found = recognizer.advance(taken)
        total += sum(len(samples) for _, samples, _ in taken)
        for number, (session, _, is_final) in enumerate(taken):
            if is_final:
                tokens, count = tokens + len(found[number][0].token_int), count + 1
                streams[number][1] = pieces(next(sources[number]), size)
                streams[number][0] = recognizer.session() if number else session
                if not number:
                    recognizer.reset()
        hours = total / rate / 3600
        if hours >= len(measured) * max(args.hours / 24, 1e-3):
            gc.collect()
            measured.append((hours, resident()))
            print(f"{hours:.2f} h of audio, {time.process_time() - start:.0f} s: {measured[-1][1]:.1f} MiB", flush=True)
    first = max(memory for hours, memory in measured if hours <= max(args.hours / 10, measured[0][0]))
    grown = measured[-1][1] - first
    print(f"{count} utterances, {tokens} tokens; grown by {grown:.1f} MiB since the first tenth")
    return int(grown > args.megabytes)


if __name__ == "__main__":
    raise SystemExit(main())
