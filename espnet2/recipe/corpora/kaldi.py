"""Corpora in Kaldi's layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet2.fileio.read_text import found_path, read_2columns_text, require_values
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.files import require, write_table


def prepare_kaldi(corpus: Path | str, data: Path | str, sets: Sequence[str], lm_text: str, suffix: str = "") -> None:
    """Copy data directories of a corpus in Kaldi's layout, with paths that are valid in the working directory.

    Paths of its `wav.scp` are relative to the working directory, to the list's own directory, or to one above it;
    commands are copied unchanged.

    Args:
        corpus: Directory with a data directory for each set.
        data: Output directory.
        sets: Names of the sets.
        lm_text: Text for the language model, in `corpus`.
        suffix: Suffix of the copies' names.

    Raises:
        DataError: A table is missing or cannot be read.
    """
    texts = read_2columns_text(require(Path(corpus) / lm_text, "a text for the language model"))
    for name in sets:
        found = DataDir.read(Path(corpus) / name)
        require_values(found.path / "wav.scp", found.wav, "the path of a recording, or a command")
        wav = {key: _from_here(listed, found.path / "wav.scp") for key, listed in found.wav.items()}
        DataDir(found.path, wav, found.tables).write(Path(data) / f"{name}{suffix}")
    write_table(Path(data) / f"lm_train{suffix}" / "text", texts)


def _from_here(listed: str, table: Path) -> str:
    return listed if listed.endswith("|") else str(Path(found_path(listed, table)).absolute())
