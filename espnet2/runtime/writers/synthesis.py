"""Results of synthesis: the files that upstream's recipes read, and one recording."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.npy_scp import NpyScpWriter
from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.graph_calls import Arrays
from espnet2.runtime.pictures import PICTURES, Draw
from espnet2.utils.atomic import write_atomically
from espnet2.utils.figure import save
from espnet2.utils.file_name import FileNameError, require_file_name

FOLDERS = {"feat_gen": "norm", "feat_gen_denorm": "denorm"}
LIST = "feats.scp"
SUFFIX = ".wav"
STANDARD, RAW, FULL_SCALE = "-", (".raw", ".pcm"), 32767
SHAPES, DURATIONS, FOCUS = TABLES = ("speech_shape", "durations", "focus_rates")
PICTURE = ".png"


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
    """The samples of one text as a file.

    Raises:
        OptionError: A directory, or a file type that is unknown or cannot hold 16-bit PCM.
    """

    def __init__(self, path: Path, fs: int) -> None:
        import soundfile

        kinds = (kind for kind in soundfile.available_formats() if soundfile.check_format(kind, "PCM_16"))
        known = [f".{kind.lower()}" for kind in kinds]
        if path.suffix.lower() not in known:
            raise OptionError(f"--output: expected a file such as {path.stem}{SUFFIX}, found {str(path)!r}")
        if path.is_dir():
            raise OptionError(f"--output: expected a file, found the directory {str(path)!r}")
        self.path, self.fs = path, fs

    def __call__(self, name: str, result: Arrays | None) -> None:
        if result is not None:
            write_samples(self.path, result["wav"], self.fs)


class SampleStream:
    """Samples of texts as they come, one behind the other: raw 16-bit PCM on stdout or in a file, or a sound file.

    Args:
        output: A file, or `-` for stdout; the first samples replace an earlier file, which then grows, and what is
            written stays where synthesis ends early.
        fs: Sampling rate in Hz.

    Raises:
        OptionError: An unknown file type, or a directory.
    """

    def __init__(self, output: str, fs: int) -> None:
        self.stack = ExitStack()
        raw = output == STANDARD or Path(output).suffix.lower() in RAW
        if not raw:
            SampleFile(Path(output), fs)
        self.open = functools.partial(_open_raw, output) if raw else functools.partial(_open_sound, Path(output), fs)

    def __enter__(self) -> SampleStream:
        return self

    def write(self, samples: np.ndarray) -> None:
        """Write the next samples (n,) from -1 to 1."""
        self._append(samples)

    @functools.cached_property
    def _append(self) -> Callable[[np.ndarray], None]:
        return self.stack.enter_context(self.open())

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)


@contextmanager
def _open_raw(output: str) -> Iterator[Callable[[np.ndarray], None]]:
    """The function that writes samples as raw PCM."""
    with ExitStack() as stack:
        file: Any = sys.stdout.buffer if output == STANDARD else stack.enter_context(_created(Path(output)).open("wb"))

        def write(samples: np.ndarray) -> None:
            file.write(np.round(np.clip(samples, -1, 1) * FULL_SCALE).astype("<i2").tobytes())
            file.flush()

        yield write


@contextmanager
def _open_sound(path: Path, fs: int) -> Iterator[Callable[[np.ndarray], None]]:
    """The function that writes samples into a sound file."""
    import soundfile

    kind = path.suffix.removeprefix(".").upper()
    with soundfile.SoundFile(_created(path), "w", fs, 1, "PCM_16", format=kind) as file:

        def write(samples: np.ndarray) -> None:
            file.write(samples)
            file.flush()

        yield write


def _created(path: Path) -> Path:
    """The path, whose directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class SynthesisFiles:
    """Folders `wav`, `norm` and `denorm`, and tables `durations`, `focus_rates` and `speech_shape`, each in a folder.

    Args:
        directory: Of the results.
        fs: Sampling rate in Hz.
        draw: Draws pictures of a text's results: path in the directory, such as `att_ws`, to a figure.
    """

    def __init__(self, directory: Path, fs: int, draw: Draw | None = None) -> None:
        self.directory, self.fs, self.draw = directory, fs, draw
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
        """Files that the tables of an earlier run list, where this run has results in their place."""
        tables = {table.path for folder in self.tables.children.values() for table in folder.children.values()}
        return self.earlier - tables - self.files if self.files else set()

    def _recorded(self) -> set[Path]:
        """Files of an earlier run: its tables, and the files of the texts that they list."""
        names, tables = set[str](), set[Path]()
        for table in (self.directory / name / name for name in TABLES):
            listed = _names(table)
            names |= listed
            tables |= {table} if listed else set()
        if not names:
            return set()
        lists = {self.directory / folder / LIST for folder in FOLDERS.values()}
        return tables | lists | {path for name in names for path in self._files(name)}

    def _files(self, name: str) -> Iterator[Path]:
        """All files that a text may have."""
        for folder, suffix in (("wav", SUFFIX), *((folder, ".npy") for folder in FOLDERS.values())):
            yield self.directory / folder / f"{name}{suffix}"
        for folder in PICTURES:
            yield self.directory / folder / f"{name}{PICTURE}"

    def __call__(self, name: str, result: Arrays | None) -> None:
        """Write the results of a text; raises `FileNameError` for a name that no file can have."""
        if result is None:
            return
        require_file_name(name)
        for key, folder in FOLDERS.items():
            if key in result:
                self._writer(folder)[name] = result[key]
                self.files.add(self.directory / folder / f"{name}.npy")
        if "feat_gen" in result:
            self.tables[SHAPES][SHAPES][name] = ",".join(map(str, result["feat_gen"].shape))
        if "duration" in result and result["duration"].dtype.kind == "i":
            self.tables[DURATIONS][DURATIONS][name] = " ".join(map(str, result["duration"]))
        if "focus_rate" in result:
            self.tables[FOCUS][FOCUS][name] = f"{float(result['focus_rate']):.5f}"
        if "wav" in result:
            path = self.directory / "wav" / f"{name}{SUFFIX}"
            write_samples(path, result["wav"], self.fs)
            self.files.add(path)
        for folder, figure in (self.draw(name, result) if self.draw else {}).items():
            path = self.directory / folder / f"{name}{PICTURE}"
            save(figure, path)
            self.files.add(path)

    def _writer(self, folder: str) -> NpyScpWriter:
        if folder not in self.features:
            place = self.directory / folder
            self.features[folder] = self.stack.enter_context(NpyScpWriter(place, place / LIST))
            self.files.add(place / LIST)
        return self.features[folder]


def _names(table: Path) -> set[str]:
    """Names of the texts of a table of an earlier run; none where it is not there, or another program's."""
    try:
        return {name for name in read_2columns_text(table) if _is_file_name(name)} if table.is_file() else set()
    except DataError:
        return set()
