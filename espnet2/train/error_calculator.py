"""Error rates of what a model would write, for the statistics of training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espnet2.utils.edit_distance import edit_distance

Ids = Sequence[Sequence[int]]
Rates = tuple[float | None, float | None]  # of characters and of words; None for what is not computed


class ErrorCalculator:
    """Character and word error rates of token sequences: edits of a batch, divided by the length of its references.

    Args:
        char_list: the tokens in the order of their indices.
        sym_space: the token that stands between words.
        sym_blank: the token that stands for nothing.
        report_cer, report_wer: which of the two are asked for.
        ignore_id: what references are padded by.
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
        """Rates of characters and of words, None for one that is not asked for or that has no references.

        Args:
            ys_hat: the best token at each place, which ends where the reference does; of each frame with `is_ctc`,
                where only characters are asked for.
            ys_pad: references, padded by `ignore_id`.
        """
        references = [[token for token in row if token != self.ignore_id] for row in ys_pad]
        if is_ctc:
            blank = self.char_list.index(self.blank) if self.blank in self.char_list else 0
            pairs = [(collapsed(row, blank), said) for row, said in zip(ys_hat, references, strict=True)]
            pairs = [pair for pair in pairs if pair[1]]
            return self.cer(self.texts(heard for heard, _ in pairs), self.texts(said for _, said in pairs)), None
        heard = [row[: len(reference)] for row, reference in zip(ys_hat, references, strict=True)]
        return self.rates(heard, references)

    def rates(self, heard: Iterable[Sequence[int]], references: Iterable[Sequence[int]]) -> Rates:
        """Both rates, of sequences as they are."""
        texts = self.texts(heard), self.texts(references)
        return self.cer(*texts) if self.report_cer else None, self.wer(*texts) if self.report_wer else None

    def texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Sequences of tokens as text."""
        joined = ("".join(self.char_list[token] for token in row) for row in sequences)
        return [text.replace(self.space, " ").replace(self.blank, "") for text in joined]

    def cer(self, heard: Sequence[str], references: Sequence[str]) -> float | None:
        """Edits of characters, without spaces, per character of the references."""
        return _rate([text.replace(" ", "") for text in heard], [text.replace(" ", "") for text in references])

    def wer(self, heard: Sequence[str], references: Sequence[str]) -> float | None:
        """Edits of words per word of the references."""
        return _rate([text.split() for text in heard], [text.split() for text in references])


def collapsed(row: Sequence[int], blank: int) -> list[int]:
    """What CTC's best tokens of frames spell: equal neighbours are one, and blanks none; padding below 0 is none."""
    changed = (token for before, token in zip([None, *row], row, strict=False) if token != before)
    return [token for token in changed if token != blank and token >= 0]


def _rate(heard: Sequence[Sequence], references: Sequence[Sequence]) -> float | None:
    length = sum(map(len, references))
    return sum(map(edit_distance, references, heard)) / length if length else None
