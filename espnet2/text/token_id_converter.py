"""Tokens to indices of the vocabulary, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.utils.text_file import lines_of


class Converter(Protocol):
    """Tokens to indices, and back."""

    def get_num_vocabulary_size(self) -> int: ...

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]: ...

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]: ...


class TokenIDConverter:
    """Converter over a vocabulary: a list of tokens, or a file with one on each line.

    Args:
        token_list: Tokens in the order of their indices.
        unk_symbol: The token for all that are not in the list; None: there is none.

    Raises:
        DataError: The file cannot be read.
        DataError: A token comes twice, or `unk_symbol` is not in the list.
    """

    def __init__(self, token_list: Path | str | Iterable[str], unk_symbol: str | None = "<unk>") -> None:
        if isinstance(token_list, str | Path):
            source, tokens = str(token_list), read_token_list(token_list)
        else:
            source, tokens = "token list", list(token_list)
        self.token_list = tokens
        self.token2id = {token: index for index, token in enumerate(tokens)}
        if len(self.token2id) != len(tokens):
            twice = next(token for index, token in enumerate(tokens) if self.token2id[token] != index)
            raise DataError(f"{source}: expected each token once, found {twice!r} again")
        if unk_symbol is not None and unk_symbol not in self.token2id:
            raise DataError(f"{source}: expected the unknown symbol {unk_symbol!r}, found none")
        self.unk_symbol = unk_symbol
        self.unk_id = None if unk_symbol is None else self.token2id[unk_symbol]

    def get_num_vocabulary_size(self) -> int:
        """V."""
        return len(self.token_list)

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]:
        """Convert indices to tokens; raises `ValueError` for an array that is not one-dimensional."""
        return [self.token_list[index] for index in as_indices(integers)]

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]:
        """Convert tokens to indices; raises `DataError` for an unknown token without an unknown symbol."""
        ids = []
        for token in tokens:
            index = self.token2id.get(token, self.unk_id)
            if index is None:
                raise DataError(f"token list: expected one of its tokens, found {token!r}")
            ids.append(index)
        return ids


def lenient_converter(token_list: Sequence[str], unk_symbol: str = "<unk>") -> TokenIDConverter:
    """Make the converter of a list that may lack the unknown symbol."""
    return TokenIDConverter(token_list, unk_symbol if unk_symbol in token_list else None)


def as_indices(integers: np.ndarray | Iterable[int]) -> Iterable[int]:
    """Convert to a sequence of indices; raises `ValueError` for an array that is not one-dimensional."""
    if not isinstance(integers, np.ndarray):
        return integers
    if integers.ndim != 1:
        raise ValueError(f"expected indices of shape (U,), found {integers.shape}")
    return integers.tolist()


def read_token_list(path: Path | str) -> list[str]:
    """Read one token per line; white space at the end of a line is stripped, unless the token itself is white space."""
    return [line[0] + line[1:].rstrip() for line in lines_of(path, "a token list in UTF-8", DataError)]
