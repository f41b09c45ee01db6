"""Results of language identifiers: the language of each recording, and embeddings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet2.runtime.lid import Identified
from espnet2.runtime.writers.arrays import ArrayFile
from espnet2.runtime.writers.tables import TableFiles
from espnet2.utils.file_name import require_member_name

if TYPE_CHECKING:
    from typing_extensions import Self

# Files of embeddings by the option that asks for them, as upstream's recipes read them.
OF_UTTERANCES, OF_LANGUAGES, MEANS = "save_embd_per_utt", "extract_embd", "save_embd_avg_lang"
ARRAYS = {OF_UTTERANCES: "utt_embds.npz", OF_LANGUAGES: "lang_to_embds.npz", MEANS: "lang_to_avg_embd.npz"}


class LanguageFiles:
    """Table `lids` of the closest language of each recording, and the files of `ARRAYS` that are wanted.

    Args:
        directory: Of the files.
        prefix: Of their names.
        wanted: Keys of `ARRAYS`.
        labels: Languages of recordings by name, by which embeddings are collected; of others, the identified one.
    """

    def __init__(self, directory: Path, prefix: str, wanted: Collection[str], labels: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.labels = labels
        self._lids = TableFiles(directory, {f"{prefix}lids": lambda found: found.languages[0][0]})
        self._arrays = {key: ArrayFile(directory / f"{prefix}{ARRAYS[key]}") for key in ARRAYS if key in wanted}
        self._embeddings: dict[str, list[np.ndarray]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        try:
            self._add_languages()
        except OSError as failed:
            self._end(type(failed), failed, failed.__traceback__)
            raise
        self._end(kind, *error)

    def _add_languages(self) -> None:
        for language, embeddings in sorted(self._embeddings.items()):
            if OF_LANGUAGES in self._arrays:
                self._arrays[OF_LANGUAGES].add(language, np.stack(embeddings))
            if MEANS in self._arrays:
                self._arrays[MEANS].add(language, np.mean(embeddings, axis=0))

    def _end(self, kind: Any, *error: Any) -> None:
        for array in self._arrays.values():
            array.finish(kind is None)
        self._lids.__exit__(kind, *error)

    @property
    def outdated(self) -> set[Path]:
        """The table of an earlier run, if it has no lines now."""
        return self._lids.outdated

    def __call__(self, name: str, result: Identified | None) -> None:
        """Write the language, and keep the embedding, of a recording; raises `FileNameError` as `ArrayFile` does."""
        if result is None:
            return
        if OF_UTTERANCES in self._arrays:
            self._arrays[OF_UTTERANCES].add(name, result.embedding)
        if not self._arrays.keys().isdisjoint((OF_LANGUAGES, MEANS)):
            language = self.labels.get(name, result.languages[0][0])
            require_member_name(language)
            self._embeddings.setdefault(language, []).append(result.embedding)
        self._lids(name, result)
