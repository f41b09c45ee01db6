"""Recall and insertions of hotwords by their weight, in speech with noise.

    python tools/bench/hotwords.py BUNDLE DATA [--root ..] [--words seven,nine] [--noise 0.9] [--utterances 40]

`DATA` has wav.scp, whose paths are relative to `--root`, and text. Noise is white, `--noise` times as loud as the
speech. Each word is the only hotword of a decode of all utterances. It is found where the best alignment of the text
with the reference has it in both, and inserted where the text alone has it.
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

import numpy as np
import soundfile

from espnet2.runtime import Speech2Text
from espnet2.utils.edit_distance import edit_distance


def read(path: Path) -> dict[str, str]:
    """Lines `name text` of a file."""
    return dict(line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())


def noisy(path: Path, noise: float, random: np.random.Generator) -> np.ndarray:
    """Samples (T,) of a recording with white noise."""
    speech, _ = soundfile.read(path, dtype="float32")
    return speech + (noise * speech.std() * random.standard_normal(len(speech))).astype(np.float32)


def counted(word: str, reference: list[str], found: list[str]) -> tuple[int, int]:
    """How often the word is found, and inserted."""
    pairs = difflib.SequenceMatcher(None, reference, found, autojunk=False).get_matching_blocks()
    hits = sum(reference[pair.a : pair.a + pair.size].count(word) for pair in pairs)
    return hits, found.count(word) - hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data", type=Path)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--words", default="seven,nine")
    parser.add_argument("--noise", type=float, default=0.9)
    parser.add_argument("--utterances", type=int, default=40)
    parser.add_argument("--beam_size", type=int, default=10)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 1, 2, 3, 4, 6])
    args = parser.parse_args()
    speech2text = Speech2Text(args.bundle, beam_size=args.beam_size, num_threads=1)
    random, texts = np.random.default_rng(0), read(args.data / "text")
    chosen = [name for name, text in texts.items() if len(text.split()) > 1][: args.utterances]
    paths = read(args.data / "wav.scp")
    speech = [noisy(args.root / paths[name], args.noise, random) for name in chosen]
    references, words = [texts[name].split() for name in chosen], args.words.split(",")
    spoken = sum(reference.count(word) for word in words for reference in references)
    print(f"{len(chosen)} utterances, {len(words)} words, spoken {spoken} times")
    for weight in args.weights:
        hits = inserted = errors = 0
        for word in words:
            for samples, reference in zip(speech, references, strict=True):
                found = speech2text(samples, hotwords=[word] if weight else [], hotword_weight=weight)[0][0].split()
                more = counted(word, reference, found)
                hits, inserted = hits + more[0], inserted + more[1]
                errors += edit_distance(reference, found)
        rate = errors / len(words) / sum(map(len, references))
        print(f"weight {weight:g}: {hits} found, {inserted} inserted, word error rate {rate:.3f}", flush=True)


if __name__ == "__main__":
    main()
