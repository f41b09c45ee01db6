"""Results of synthesis: the files that upstream's recipes read, and one recording."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.npy_scp import NpyScpWriter
from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.graph_calls import Arrays
from espnet2.utils.atomic import write_atomically
from espnet2.utils.file_name import FileNameError, require_file_name

FOLDERS = {"feat_gen": "norm", "feat_gen_denorm": "denorm"}
LIST = "feats.scp"
SUFFIX = ".wav"
SHAPES, DURATIONS = "speech_shape", "durations"


def _is_file_name(name: str) -> bool:
    try:
        require_file_name(name)
    except FileNameError:
        return False
    return True


def write_samples(path: Path, samples: np.ndarray, fs: int) -> None:
    """Write samples (N,) from -1 to 1 as 16-bit PCM; the file is complete, or is not there."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path, "wb") as file:
        soundfile.write(file, samples, fs, subtype="PCM_16", format=path.suffix.removeprefix(".").upper())


class SampleFile:
    """The samples of one text as a file; raises `OptionError` for an unknown file type, and for a directory."""

    def __init__(self, path: Path, fs: int) -> None:
        import soundfile

        known = [f".{kind.lower()}" for kind in soundfile.available_formats()]
        if path.suffix.lower() not in known:
            raise OptionError(f"--output: expected a file such as {path.stem}{SUFFIX}, found {str(path)!r}")
        if path.is_dir():
            raise OptionError(f"--output: expected a file, found the directory {str(path)!r}")
        self.path, self.fs = path, fs

    def __call__(self, name: str, result: Arrays | None) -> None:
        if result is not None:
            write_samples(self.path, result["wav"], self.fs)


class SynthesisFiles:
    """Folders `wav`, `norm` and `denorm`, and tables `durations/durations` and `speech_shape/speech_shape`."""

    def __init__(self, directory: Path, fs: int) -> None:
        self.directory, self.fs = directory, fs
        self.earlier = self._recorded()
        self.tables = DatadirWriter(directory)
        self.stack = ExitStack()
        self.features: dict[str, NpyScpWriter] = {}
        self.files: set[Path] = set()

    def __enter__(self) -> SynthesisFiles:
        self.stack.enter_context(self.tables)
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)

    @property
    def outdated(self) -> set[Path]:
        """Files that the table of shapes of an earlier run lists, where this run has results in their place."""
        tables = {table.path for folder in self.tables.children.values() for table in folder.children.values()}
        return self.earlier - tables - self.files if self.files else set()

    def _recorded(self) -> set[Path]:
        """Files of an earlier run: its tables, and the files of the texts that its table of shapes lists."""
        table = self.directory / SHAPES / SHAPES
        try:
            names = [name for name in read_2columns_text(table) if _is_file_name(name)] if table.is_file() else []
        except DataError:
            names = []  # a table of another program
        if not names:
            return set()
        features = {self.directory / folder / f"{name}.npy" for folder in FOLDERS.values() for name in names}
        samples = {self.directory / "wav" / f"{name}{SUFFIX}" for name in names}
        lists = {self.directory / folder / LIST for folder in FOLDERS.values()}
        return {table, self.directory / DURATIONS / DURATIONS, *features, *samples, *lists}

    def __call__(self, name: str, result: Arrays | None) -> None:
        """Write the results of a text; raises `FileNameError` for a name that no file can have."""
        if result is None:
            return
        require_file_name(name)
        for key, folder in FOLDERS.items():
            if key in result:
                self._writer(folder)[name] = result[key]
                self.files.add(self.directory / folder / f"{name}.npy")
        self.tables[SHAPES][SHAPES][name] = ",".join(map(str, result["feat_gen"].shape))
        if result["duration"].dtype.kind == "i":
            self.tables[DURATIONS][DURATIONS][name] = " ".join(map(str, result["duration"]))
        path = self.directory / "wav" / f"{name}{SUFFIX}"
        write_samples(path, result["wav"], self.fs)
        self.files.add(path)

    def _writer(self, folder: str) -> NpyScpWriter:
        if folder not in self.features:
            place = self.directory / folder
            self.features[folder] = self.stack.enter_context(NpyScpWriter(place, place / LIST))
            self.files.add(place / LIST)
        return self.features[folder]
