"""Merging of texts for language models and sentencepiece."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError
from espnet2.recipe.files import line_of, write_lines, write_table

_log = logging.getLogger(__name__)


def merge_texts(inputs: Sequence[Path | str], output: Path | str, keep_keys: bool = True) -> int:
    """Write the non-empty lines of Kaldi-style texts to one file, with or without keys; returns their number.

    Raises:
        DataError: A file cannot be read, a key is in two of them, or all texts are empty.
    """
    texts: dict[str, str] = {}
    for path in inputs:
        for key, text in read_2columns_text(path).items():
            if key in texts:
                raise DataError(f"{line_of(path, key)}: expected keys that no other text has, found {key!r} again")
            texts[key] = text
    spoken = {key: text for key, text in texts.items() if text}
    if not spoken:
        raise DataError(f"{inputs[0]}: expected lines with a text, found none")
    if keep_keys:
        write_table(output, spoken)
    else:
        write_lines(output, spoken.values())
    _log.info("wrote %s: %d lines", output, len(spoken))
    return len(spoken)
