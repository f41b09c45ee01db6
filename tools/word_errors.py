"""Word errors of a decode: `word_errors.py REFERENCE HYPOTHESIS`, two Kaldi text files (`utterance words ...`).

Prints reference and hypothesis of each utterance, and the word error rate at the end.
"""

import sys
from pathlib import Path

from espnet2.utils.edit_distance import edit_distance


def read_text(path: str) -> dict[str, list[str]]:
    """Read utterance → words."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {utterance: words for utterance, *words in map(str.split, lines)}


def main(reference_file: str, hypothesis_file: str) -> None:
    references, hypotheses = read_text(reference_file), read_text(hypothesis_file)
    errors = words = 0
    for utterance, reference in references.items():
        hypothesis = hypotheses.get(utterance, [])
        errors += edit_distance(reference, hypothesis)
        words += len(reference)
        print(f"{utterance}\n   reference   {' '.join(reference)}\n   hypothesis  {' '.join(hypothesis)}")
    print(f"word errors: {errors} of {words} ({100 * errors / max(words, 1):.1f} %)")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: word_errors.py REFERENCE HYPOTHESIS")
    main(*sys.argv[1:])
