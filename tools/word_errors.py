"""Word errors of a decode: `word_errors.py REFERENCE HYPOTHESIS`, two Kaldi text files (`utterance words ...`).

Prints each utterance's reference, its hypothesis below where they differ, and the word error rate at the end.
"""

import sys
from pathlib import Path


def read_text(path: str) -> dict[str, list[str]]:
    """Utterance -> words."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {utterance: words for utterance, *words in map(str.split, lines)}


def edit_distance(reference: list[str], hypothesis: list[str]) -> int:
    """The fewest insertions, deletions and substitutions that turn one into the other."""
    row = list(range(len(hypothesis) + 1))
    for i, said in enumerate(reference, 1):
        above_left, row[0] = row[0], i
        for j, heard in enumerate(hypothesis, 1):
            best = min(row[j] + 1, row[j - 1] + 1, above_left + (said != heard))
            above_left, row[j] = row[j], best
    return row[-1]


def main(reference_file: str, hypothesis_file: str) -> None:
    references, hypotheses = read_text(reference_file), read_text(hypothesis_file)
    errors = words = 0
    for utterance, reference in references.items():
        hypothesis = hypotheses.get(utterance, [])
        errors += edit_distance(reference, hypothesis)
        words += len(reference)
        heard = "the same" if hypothesis == reference else " ".join(hypothesis)
        print(f"{utterance}\n   said   {' '.join(reference)}\n   heard  {heard}")
    print(f"{errors} errors in {words} words: {100 * errors / max(words, 1):.1f} %")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: word_errors.py REFERENCE HYPOTHESIS")
    main(*sys.argv[1:])
