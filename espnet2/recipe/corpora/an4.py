"""AN4 (CMU, 1991): alphanumeric utterances, `an4/{etc,wav}`, 16 kHz.

`etc/an4_{train,test}.fileids` list recordings (`an4_clstk/fash/an251-fash-b`), `etc/an4_{train,test}.transcription`
    have
their texts: `<s> YES </s> (an251-fash-b)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from espnet2.interface.errors import DataError
from espnet2.recipe.data_dir import DataDir
from espnet2.utils.text_file import lines_of

SUFFIXES = (".wav", ".sph")
LINE = re.compile(r"^(?:<s>)?(?P<text>.*?)(?:</s>)?\s*\((?P<name>[^()\s]+)\)\s*$")


def prepare_an4(corpus: Path | str, data: Path | str, valid_share: int = 10) -> None:
    """Write `train_nodev`, `train_dev` and `test` below `data`.

    `corpus` is the directory `an4` or its parent. The first `valid_share` percent of the training recordings, sorted by
    name, are for validation.

    Raises:
        DataError: A list or a recording is missing, or a line of a transcription cannot be read.
    """
    root = Path(corpus)
    root = root / "an4" if (root / "an4").is_dir() else root
    train, test = (_read_part(root, name) for name in ("train", "test"))
    count = max(1, len(train.utterances) * valid_share // 100)
    train.subset(train.utterances[:count]).write(Path(data) / "train_dev")
    train.subset(train.utterances[count:]).write(Path(data) / "train_nodev")
    test.write(Path(data) / "test")


def _read_part(root: Path, part: str) -> DataDir:
    names = root / "etc" / f"an4_{part}.fileids"
    texts = _transcriptions(root / "etc" / f"an4_{part}.transcription")
    wav, text, utt2spk = {}, {}, {}
    for number, line in enumerate(_lines(names), 1):
        place, name = f"{names}, line {number}", Path(line).name
        if name not in texts:
            raise DataError(f"{place}: expected a recording with a transcription, found {name!r}, which has none")
        speaker = Path(line).parent.name
        utterance = f"{speaker}-{name}"  # the speaker first, so that utterances and speakers have the same order
        wav[utterance], text[utterance], utt2spk[utterance] = _recording(root, line, place), texts[name], speaker
    if not wav:
        raise DataError(f"{names}: expected names of recordings, found none")
    order = sorted(wav)
    tables = {"text": text, "utt2spk": utt2spk}
    return DataDir(root, {u: wav[u] for u in order}, {n: {u: t[u] for u in order} for n, t in tables.items()})


def _recording(root: Path, name: str, place: str) -> str:
    paths = [root / "wav" / f"{name}{suffix}" for suffix in SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise DataError(f"{place}: expected a recording {paths[0]} (or {SUFFIXES[1]}), found none")
    return str(found)


def _transcriptions(path: Path) -> dict[str, str]:
    texts = {}
    for number, line in enumerate(_lines(path), 1):
        match = LINE.match(line)
        if match is None:
            raise DataError(f"{path}, line {number}: expected 'WORDS (recording)', found {line!r}")
        texts[match["name"]] = " ".join(match["text"].split())
    return texts


def _lines(path: Path) -> Iterable[str]:
    return [line.rstrip() for line in lines_of(path, "a list of AN4", DataError) if line.strip()]
