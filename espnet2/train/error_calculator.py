"""Character and word error rates for the statistics of training."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from espnet2.utils.edit_distance import edit_distance

LONGEST_GRAM = 4  # characters of an n-gram of BLEU
Ids = Sequence[Sequence[int]]
Rates = tuple[float | None, float | None]  # of characters and of words; None where not computed


class ErrorCalculator:
    """Character and word error rates of token sequences: edits of a batch, divided by the length of its references.

    Args:
        char_list: the tokens in the order of their indices.
        sym_space: the token that stands between words.
        sym_blank: the blank of CTC, which is removed.
        report_cer, report_wer: which of the two to compute.
        ignore_id: padding of references.
    """

    def __init__(
        self,
        char_list: Sequence[str],
        sym_space: str,
        sym_blank: str,
        report_cer: bool = False,
        report_wer: bool = False,
        ignore_id: int = -1,
    ) -> None:
        self.char_list = list(char_list)
        self.space, self.blank, self.ignore_id = sym_space, sym_blank, ignore_id
        self.report_cer, self.report_wer = report_cer, report_wer

    def __call__(self, ys_hat: Ids, ys_pad: Ids, is_ctc: bool = False) -> Rates:
        """Compute the rates of characters and of words; None for one that is not reported or has no references.

        Args:
            ys_hat: best token at each position, cut to the reference's length; with `is_ctc` of each frame, and
                the word error rate is not computed.
            ys_pad: references, padded by `ignore_id`.
        """
        references = [[token for token in row if token != self.ignore_id] for row in ys_pad]
        if is_ctc:
            blank = self.char_list.index(self.blank) if self.blank in self.char_list else 0
            pairs = [(collapsed(row, blank), reference) for row, reference in zip(ys_hat, references, strict=True)]
            pairs = [pair for pair in pairs if pair[1]]
            return self.cer(self.texts(found for found, _ in pairs), self.texts(wanted for _, wanted in pairs)), None
        hypotheses = [row[: len(reference)] for row, reference in zip(ys_hat, references, strict=True)]
        return self.rates(hypotheses, references)

    def rates(self, hypotheses: Iterable[Sequence[int]], references: Iterable[Sequence[int]]) -> Rates:
        """Compute both rates of token sequences without padding."""
        texts = self.texts(hypotheses), self.texts(references)
        return self.cer(*texts) if self.report_cer else None, self.wer(*texts) if self.report_wer else None

    def texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Join tokens to texts."""
        joined = ("".join(self.char_list[token] for token in row) for row in sequences)
        return [text.replace(self.space, " ").replace(self.blank, "") for text in joined]

    def cer(self, hypotheses: Sequence[str], references: Sequence[str]) -> float | None:
        """Compute the character error rate, without spaces."""
        return _rate([text.replace(" ", "") for text in hypotheses], [text.replace(" ", "") for text in references])

    def wer(self, hypotheses: Sequence[str], references: Sequence[str]) -> float | None:
        """Compute the word error rate."""
        return _rate([text.split() for text in hypotheses], [text.split() for text in references])

    def bleu(self, ys_hat: Ids, ys_pad: Ids, is_ctc: bool = False) -> float:
        """Compute the BLEU score of a batch over the characters of its texts; arguments as for a call.

        As upstream, it is in percent, but with `is_ctc` from 0 to 1, and without spaces.
        """
        references = [[token for token in row if token != self.ignore_id] for row in ys_pad]
        if not is_ctc:
            found = [row[: len(ref)] for row, ref in zip(ys_hat, references, strict=True)]
            return 100 * corpus_bleu(self.texts(found), self.texts(references))
        blank = self.char_list.index(self.blank) if self.blank in self.char_list else 0
        pair = self.texts(collapsed(row, blank) for row in ys_hat), self.texts(references)
        return corpus_bleu(*([text.replace(" ", "") for text in texts] for texts in pair))


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Compute BLEU (Papineni et al. 2002) of texts, from their characters: n-grams up to 4, one reference each.

    Where no n-gram of a size is right, its precision is the smallest number above 0, and the score nearly 0.
    """
    logarithms = []
    for size in range(1, LONGEST_GRAM + 1):
        right = total = 0
        for hypothesis, reference in zip(hypotheses, references, strict=True):
            found, wanted = _grams(hypothesis, size), _grams(reference, size)
            right += sum((found & wanted).values())
            total += max(sum(found.values()), 1)
        if not right and size == 1:
            return 0.0
        logarithms.append(math.log(right / total if right else sys.float_info.min))
    written, given = sum(map(len, hypotheses)), sum(map(len, references))
    brevity = 0.0 if written > given else 1 - given / written
    return math.exp(brevity + sum(logarithms) / LONGEST_GRAM)


def _grams(text: str, size: int) -> Counter[tuple[str, ...]]:
    """The n-grams of a text, with their numbers."""
    return Counter(tuple(text[start : start + size]) for start in range(len(text) + 1 - size))


def collapsed(row: Sequence[int], blank: int) -> list[int]:
    """Merge repeated tokens of neighbouring frames, and remove blanks and padding (below 0), as CTC is decoded."""
    changed = (token for before, token in zip([None, *row], row, strict=False) if token != before)
    return [token for token in changed if token != blank and token >= 0]


def _rate(hypotheses: Sequence[Sequence], references: Sequence[Sequence]) -> float | None:
    length = sum(map(len, references))
    return sum(map(edit_distance, references, hypotheses)) / length if length else None
