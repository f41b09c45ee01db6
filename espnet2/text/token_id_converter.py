"""Tokens to indices of the vocabulary, and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from espnet2.runtime.errors import DataError
from espnet2.utils.text_file import lines_of


class TokenIDConverter:
    """The vocabulary: a list of tokens, or a file with one on each line.

    Args:
        token_list: Tokens in the order of their indices.
        unk_symbol: The token that stands for all that are not in the list.

    Raises:
        DataError: The file cannot be read, a token comes twice, or `unk_symbol` is not in the list.
    """

    def __init__(self, token_list: Path | str | Iterable[str], unk_symbol: str = "<unk>") -> None:
        if isinstance(token_list, str | Path):
            source, tokens = str(token_list), read_token_list(token_list)
        else:
            source, tokens = "token list", list(token_list)
        self.token_list = tokens
        self.token2id = {token: index for index, token in enumerate(tokens)}
        if len(self.token2id) != len(tokens):
            twice = next(token for index, token in enumerate(tokens) if self.token2id[token] != index)
            raise DataError(f"{source}: expected each token once, found {twice!r} again")
        if unk_symbol not in self.token2id:
            raise DataError(f"{source}: expected the unknown symbol {unk_symbol!r}, found none")
        self.unk_symbol = unk_symbol
        self.unk_id = self.token2id[unk_symbol]

    def get_num_vocabulary_size(self) -> int:
        """V."""
        return len(self.token_list)

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]:
        """Tokens of a sequence of indices; raises `ValueError` for an array that is not one-dimensional."""
        if isinstance(integers, np.ndarray) and integers.ndim != 1:
            raise ValueError(f"expected indices of shape (U,), found {integers.shape}")
        return [self.token_list[index] for index in integers]

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]:
        """Indices of a sequence of tokens."""
        return [self.token2id.get(token, self.unk_id) for token in tokens]


def read_token_list(path: Path | str) -> list[str]:
    """One token per line; blanks at the end of a line do not belong to it, unless the token is a blank itself."""
    return [line[0] + line[1:].rstrip() for line in lines_of(path, "a token list in UTF-8", DataError)]
