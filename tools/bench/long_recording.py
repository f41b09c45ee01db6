"""Decode a long recording made of short ones, and compare with the short ones decoded one by one.

    python tools/bench/long_recording.py --bundle BUNDLE --recordings DIRECTORY_OR_WAV_SCP [--minutes 60]

The recordings are concatenated in random order, with pauses of noise between them, up to the given number of minutes.
Prints the parts into which the long recording is cut; the words that differ from those of the utterances, next to a
cut and elsewhere; the real-time factors of both, and their ratio; and the largest memory of the process. Each distinct
utterance is decoded `--repeat` times to time it. Times are those of the processor, so that other processes matter
little.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.audio import read_audio
from espnet2.fileio.sound_scp import SoundScpReader
from espnet2.runtime import Speech2Text
from espnet2.utils.types import str2bool

KB = 1024 if sys.platform == "linux" else 1  # a unit of `ru_maxrss`, in bytes


@dataclass(frozen=True)
class Spoken:
    """An utterance within the long recording: samples [start, stop), and its words when decoded alone."""

    start: int
    stop: int
    words: list[str]


def main() -> None:
    args = parser().parse_args()
    options: dict[str, Any] = {name: getattr(args, name) for name in ("beam_size", "ctc_weight", "lm_weight")}
    options |= {"ctc_greedy": args.ctc_greedy, "num_threads": args.num_threads, "memory_limit": args.memory_limit}
    speech2text = Speech2Text(args.bundle, **options)
    rate = speech2text.sample_rate
    speeches = [read_audio(path, rate) for path in recordings(Path(args.recordings))]
    texts, seconds = one_by_one(speech2text, speeches, args.repeat)
    short = seconds / (args.repeat * sum(map(len, speeches)) / rate)
    recording, spoken = put_together(speeches, texts, int(args.minutes * 60 * rate), rate, args.pause, args.seed)
    start = time.process_time()
    text = speech2text(recording)[0].text
    whole = (time.process_time() - start) / (len(recording) / rate)
    speaking = sum(one.stop - one.start for one in spoken) / len(recording)
    report_parts(speech2text, recording, spoken)
    report_words(speech2text, recording, spoken, text.split())
    print(f"real-time factor: {short:.4f} one by one, {whole:.4f} of {len(recording) / rate:.0f} s, ratio ", end="")
    print(f"{whole / short:.2f} ({whole / speaking / short:.2f} of speech: {100 * speaking:.0f} %)")
    print(f"largest memory: {peak() / 1e9:.2f} GB")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--bundle", required=True)
    made.add_argument("--recordings", required=True, help="directory of FLAC and WAV files, or wav.scp")
    made.add_argument("--minutes", type=float, default=60.0)
    made.add_argument("--pause", type=float, nargs=2, default=(0.3, 1.0), help="seconds, at least and at most")
    made.add_argument("--repeat", type=int, default=3)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--beam_size", type=int, default=10)
    made.add_argument("--ctc_weight", type=float, default=0.3)
    made.add_argument("--lm_weight", type=float, default=0.5)
    made.add_argument("--ctc_greedy", type=str2bool, default=False)
    made.add_argument("--num_threads", type=int, default=1)
    made.add_argument("--memory_limit", type=float, default=0.0, help="GB; see the option of that name")
    return made


def recordings(source: Path) -> list[str]:
    """Paths of the recordings that a directory or a wav.scp has."""
    if source.is_dir():
        return sorted(str(path) for path in source.iterdir() if path.suffix in (".flac", ".wav"))
    reader = SoundScpReader(source)
    return [reader.get_path(utterance) for utterance in reader]


def one_by_one(speech2text: Speech2Text, speeches: list[np.ndarray], repeat: int) -> tuple[list[list[str]], float]:
    """Decode each utterance `repeat` times; returns the words and the time."""
    speech2text(speeches[0])  # the first one takes longer
    start = time.process_time()
    for _ in range(repeat):
        texts = [speech2text(speech)[0].text.split() for speech in speeches]
    return texts, time.process_time() - start


def put_together(
    speeches: list[np.ndarray], texts: list[list[str]], size: int, rate: int, pause: tuple[float, float], seed: int
) -> tuple[np.ndarray, list[Spoken]]:
    """Concatenate utterances in random order to at least `size` samples, with pauses of noise at -70 dB between
    them."""
    rng = np.random.default_rng(seed)
    pieces: list[np.ndarray] = []
    spoken: list[Spoken] = []
    length = 0
    while length < size:
        index = int(rng.integers(len(speeches)))
        silence = rng.standard_normal(int(rng.uniform(*pause) * rate)).astype(np.float32) * 10 ** (-70 / 20)
        spoken.append(Spoken(length, length + len(speeches[index]), texts[index]))
        pieces += [speeches[index], silence]
        length += len(speeches[index]) + len(silence)
    return np.concatenate(pieces), spoken


def report_parts(speech2text: Speech2Text, recording: np.ndarray, spoken: list[Spoken]) -> None:
    if not speech2text.long_form.cuts(len(recording)):
        print("not cut")
        return
    parts = speech2text.long_form.parts(recording)
    seconds = [(part.end - part.begin) / speech2text.sample_rate for part in parts]
    inside = [touched for part in parts[:-1] if (touched := [s for s in spoken if s.start < part.stop < s.stop])]
    print(
        f"{len(spoken)} utterances, {len(parts)} parts of {min(seconds):.1f} to {max(seconds):.1f} s, "
        f"{sum(not part.paused for part in parts)} without a pause; {len(inside)} cuts within an utterance"
    )


def report_words(speech2text: Speech2Text, recording: np.ndarray, spoken: list[Spoken], found: list[str]) -> None:
    """Print differences from the utterances' words, next to a cut and elsewhere."""
    wanted = [word for one in spoken for word in one.words]
    owner = [number for number, one in enumerate(spoken) for _ in one.words]
    form = speech2text.long_form
    cuts = [part.stop for part in form.parts(recording)[:-1]] if form.cuts(len(recording)) else []
    stops = np.array([one.stop for one in spoken])
    at_cut = {int(n) for cut in cuts for n in (np.searchsorted(stops, cut) - 1, np.searchsorted(stops, cut))}
    errors = [owner[place] for place in wrong_places(wanted, found)]
    joints = sum(number in at_cut for number in errors)
    print(
        f"{len(wanted)} words, {len(errors)} wrong ({100 * len(errors) / len(wanted):.2f} %): "
        f"{joints} next to a joint, {len(errors) - joints} elsewhere"
    )


def wrong_places(wanted: list[str], found: list[str], band: int = 100) -> list[int]:
    """Positions in `wanted` of the fewest substitutions, deletions and insertions that give `found` (Levenshtein 1966),
    searched within a band of `band` words."""
    rows, columns = len(wanted) + 1, len(found) + 1
    shift = [min(max(round(i * (columns - 1) / max(rows - 1, 1)) - band, 0), columns - 1) for i in range(rows)]
    cost = np.full((rows, 2 * band + 1), 10**6, np.int32)
    for i in range(rows):
        for j in range(shift[i], min(shift[i] + 2 * band + 1, columns)):
            cost[i, j - shift[i]] = min(ways(cost, shift, wanted, found, i, j))[0]
    places: list[int] = []
    i, j = rows - 1, columns - 1
    while i or j:
        best, i_before, j_before = min(ways(cost, shift, wanted, found, i, j))
        if best != cost[i_before, j_before - shift[i_before]]:
            places.append(min(max(i - 1, 0), len(wanted) - 1))
        i, j = i_before, j_before
    return places


def ways(
    cost: np.ndarray, shift: list[int], wanted: list[str], found: list[str], i: int, j: int
) -> list[tuple[int, int, int]]:
    """Cost of each step to (i, j), and its predecessor."""
    if not i and not j:
        return [(0, 0, 0)]

    def known(i: int, j: int) -> int:
        inside = i >= 0 and j >= 0 and 0 <= j - shift[i] < cost.shape[1]
        return int(cost[i, j - shift[i]]) if inside else 10**6

    same = i > 0 and j > 0 and wanted[i - 1] == found[j - 1]
    return [
        (known(i - 1, j - 1) + (not same), i - 1, j - 1),
        (known(i - 1, j) + 1, i - 1, j),
        (known(i, j - 1) + 1, i, j - 1),
    ]


def peak() -> int:
    """The largest memory of this process in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KB


if __name__ == "__main__":
    main()
