"""LibriSpeech (Panayotov et al. 2015): read books, `LibriSpeech/<part>/<speaker>/<chapter>/*.flac`, 16 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet2.interface.errors import DataError
from espnet2.recipe.data_dir import DataDir
from espnet2.utils.text_file import lines_of

# Names of data directories, as in other recipes of LibriSpeech.
NAMES = {
    "train-clean-100": "train_clean_100",
    "train-clean-360": "train_clean_360",
    "train-other-500": "train_other_500",
    "dev-clean": "dev_clean",
    "dev-other": "dev_other",
    "test-clean": "test_clean",
    "test-other": "test_other",
}


def prepare_librispeech(corpus: Path | str, data: Path | str, parts: Sequence[str]) -> None:
    """Write a directory below `data` for each part (`train-clean-100`, `dev-clean`, ...).

    `corpus` is the directory `LibriSpeech` or its parent. A speaker is a reader and a chapter, as in Kaldi's recipes,
    since a chapter was recorded in one session.

    Raises:
        DataError: A part, a transcription or a recording is missing.
    """
    root = Path(corpus)
    root = root / "LibriSpeech" if (root / "LibriSpeech").is_dir() else root
    read = {part: _read_part(root / part) for part in parts}
    for part, directory in read.items():
        directory.write(Path(data) / NAMES.get(part, part.replace("-", "_")))


def _read_part(path: Path) -> DataDir:
    wav: dict[str, str] = {}
    texts: dict[str, str] = {}
    for transcription in sorted(path.glob("*/*/*.trans.txt")):
        for number, line in enumerate(lines_of(transcription, "a transcription", DataError), 1):
            utterance, _, text = line.partition(" ")
            recording = transcription.with_name(f"{utterance}.flac")
            if not recording.is_file():
                raise DataError(f"{transcription}, line {number}: expected a recording {recording}, found none")
            wav[utterance], texts[utterance] = str(recording), text.strip()
    if not wav:
        raise DataError(f"{path}: expected speaker/chapter/*.trans.txt of LibriSpeech, found none")
    order = sorted(wav)
    utt2spk = {utterance: utterance.rpartition("-")[0] for utterance in order}
    return DataDir(path, {u: wav[u] for u in order}, {"text": {u: texts[u] for u in order}, "utt2spk": utt2spk})
