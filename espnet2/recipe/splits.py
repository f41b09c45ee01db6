"""Splitting of lists for jobs, and merging of the jobs' results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError
from espnet2.recipe.files import write_lines, write_table
from espnet2.utils.text_file import lines_of

MERGED = ("text", "token", "token_int", "score")
OF_SPEECH = (
    *("durations/durations", "focus_rates/focus_rates", "speech_shape/speech_shape"),
    *("norm/feats.scp", "denorm/feats.scp"),
)


def split_keys(sources: Mapping[str, Path | str], directory: Path | str, nj: int) -> int:
    """Write the keys of each table to `directory/<name>.{1..n}.scp`, in order and in equal shares; returns n.

    n is `nj`, or the number of keys of the shortest table if that is less.

    Raises:
        DataError: A table cannot be read, or is empty.
    """
    keys = {name: list(read_2columns_text(path)) for name, path in sources.items()}
    for name, path in sources.items():
        if not keys[name]:
            raise DataError(f"{path}: expected at least one line, found none")
    count = min(nj, *map(len, keys.values()))
    for name, listed in keys.items():
        bounds = [len(listed) * index // count for index in range(count + 1)]
        for index in range(count):
            write_lines(Path(directory) / f"{name}.{index + 1}.scp", listed[bounds[index] : bounds[index + 1]])
    return count


def merge_decodes(parts: Sequence[Path | str], directory: Path | str, keys: Path | str | None = None) -> int:
    """Merge `{1best_recog,...}/{text,token,token_int,score}` and `failures` of several decodes.

    Returns the number of recordings that were not recognised.

    Args:
        parts: Directories of decodes.
        directory: Output directory.
        keys: A table of the utterances that must be in the parts, as results or as failures.

    Raises:
        DataError: A part has no results, or an utterance is in none.
    """
    target = Path(directory)
    for part in parts:
        if not _hypotheses(part) and not (Path(part) / "failures").is_file():
            raise DataError(f"{part}: expected a decode with 1best_recog, found none")
    if keys is not None:
        _require_utterances(parts, keys)
    ranks = sorted({path.name for part in parts for path in Path(part).glob("*best_recog")})
    for rank in ranks:
        for name in MERGED:
            tables = [path for part in parts if (path := Path(part) / rank / name).is_file()]
            if tables:
                merged = {key: value for path in tables for key, value in read_2columns_text(path).items()}
                write_table(target / rank / name, merged)
    failures = [path for part in parts if (path := Path(part) / "failures").is_file()]
    lines = [line for path in failures for line in _lines(path)]
    if lines:
        write_lines(target / "failures", lines)
    else:
        (target / "failures").unlink(missing_ok=True)
    return len(lines)


def merge_speech(parts: Sequence[Path | str], directory: Path | str) -> int:
    """Merge the tables of syntheses, and list their recordings in `wav/wav.scp`; returns the number of recordings.

    Raises:
        DataError: No part has recordings.
    """
    target = Path(directory)
    wavs = {path.stem: str(path) for part in parts for path in sorted((Path(part) / "wav").glob("*.wav"))}
    if not wavs:
        raise DataError(f"{Path(parts[0]).parent}: expected recordings in wav of a part, found none")
    write_table(target / "wav" / "wav.scp", wavs)
    for name in OF_SPEECH:
        tables = [path for part in parts if (path := Path(part) / name).is_file()]
        if tables:
            write_table(
                target / name, {key: value for path in tables for key, value in read_2columns_text(path).items()}
            )
    return len(wavs)


def _lines(path: Path) -> list[str]:
    return [line.removesuffix("\n") for line in lines_of(path, "a list of failures", DataError)]


def _hypotheses(part: Path | str) -> list[Path]:
    """Tables of the best hypotheses, for each speaker if there are several."""
    return [path for path in Path(part).glob("1best_recog/token*") if path.suffix != ".partial"]


def _require_utterances(parts: Sequence[Path | str], keys: Path | str) -> None:
    found = {key for part in parts for path in _hypotheses(part) for key in read_2columns_text(path)}
    failures = [path for part in parts if (path := Path(part) / "failures").is_file()]
    found |= {line.split("\t")[0] for path in failures for line in _lines(path)}
    for key in read_2columns_text(keys):
        if key not in found:
            raise DataError(f"{Path(parts[0]).parent}: expected a result or a failure of {key!r}, found neither")
