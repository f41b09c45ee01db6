"""`RESULTS.md`: PyTorch and the graphs of a bundle side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.recipe.files import write_lines
from espnet2.recipe.score import COLUMNS, COUNTS, Counts, markdown_table, read_counts
from espnet2.utils.yaml_file import read_yaml

RATES = ("wer", "cer", "ter")
SPEED = re.compile(r"recognised \d+ of \d+ recordings: ([\d.]+) s of speech in ([\d.]+) s")


@dataclass(frozen=True)
class System:
    """A system to compare: its name, the directory with a decode of each set, and its size in bytes."""

    name: str
    decodes: Path
    size: int | None = None

    @classmethod
    def parse(cls, text: str) -> System:
        """Parse `NAME=DECODES[,FILE...]`; the files give the size, and a bundle may be `BUNDLE:fp32` or `:int8`.

        Raises:
            OptionError: Anything else.
            DataError: A file is missing.
        """
        name, equals, rest = text.partition("=")
        decodes, *files = rest.split(",")
        if not equals or not decodes:
            raise OptionError(f"--system: expected NAME=DIRECTORY,FILE,..., found {text!r}")
        return cls(name, Path(decodes), sum(map(size_of, files)) if files else None)

    def counts(self, dataset: str, rate: str) -> Counts | None:
        """Counts of a set; None if it is not scored."""
        path = self.decodes / dataset / f"score_{rate}" / COUNTS
        return read_counts(path) if path.is_file() else None

    def real_time_factor(self, dataset: str) -> float | None:
        """Real-time factor over all jobs of a decode; None if their logs do not give it."""
        logs = sorted((self.decodes / dataset / "logdir").glob("*.log"))
        speeds = [SPEED.findall(log.read_text(encoding="utf-8", errors="replace")) for log in logs]
        found = [matches[-1] for matches in speeds if matches]  # a restarted decode appends to the log
        speech, compute = (sum(float(pair[index]) for pair in found) for index in (0, 1))
        return compute / speech if speech else None

    def texts(self, dataset: str) -> dict[str, str]:
        """Utterance → hypothesis."""
        return read_2columns_text(self.decodes / dataset / "1best_recog" / "text")


def size_of(name: str) -> int:
    """Size in bytes of a file, or of a bundle's graphs: `BUNDLE:fp32`, `BUNDLE:int8`."""
    bundle, colon, kind = name.rpartition(":")
    if not colon or kind not in ("fp32", "int8"):
        return _file_size(Path(name))
    path = Path(bundle) / "bundle.yaml"
    manifest = read_yaml(path, "a bundle", DataError)
    entries = dict(manifest["components"])
    if kind == "int8":
        entries.update((manifest.get("quantized") or {}).get("int8") or {})
    files = [entry["file"] for entry in entries.values()]
    files += [entry["data"]["file"] for entry in entries.values() if "data" in entry]
    return sum(_file_size(Path(bundle) / file) for file in files)


def _file_size(path: Path) -> int:
    if not path.is_file():
        raise DataError(f"{path}: expected a file whose size to report, found none")
    return path.stat().st_size


def write_results(output: Path | str, title: str, systems: Sequence[System], datasets: Sequence[str]) -> None:
    """Write a table of error rates, speed and size, then one of counts for each rate.

    Raises:
        DataError: A system has no scores of a set.
    """
    for system in systems:
        for dataset in datasets:
            if system.counts(dataset, "wer") is None:
                place = system.decodes / dataset / "score_wer" / COUNTS
                raise DataError(f"{place}: expected scores of {system.name}, found none; stages 13 and 15 make them")
    rows = [_summary(system, systems[0], dataset) for dataset in datasets for system in systems]
    head = ("set", "system", "WER %", "CER %", "TER %", "S.Err %", "texts unlike " + systems[0].name, "RTF", "MB")
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"# {title}", "", f"Written by stage 15 of the recipe, {made}.", "", *markdown_table(head, rows)]
    for rate in RATES:
        found = [(s.name, dataset, c) for dataset in datasets for s in systems if (c := s.counts(dataset, rate))]
        if found:
            table = [(f"{name}, {dataset}", *counts.row()) for name, dataset, counts in found]
            lines += ["", f"## {rate.upper()}", "", *markdown_table(("system, set", *COLUMNS), table)]
    note = "RTF: seconds of recognition by seconds of speech, one job on one core. MB: weights or graphs, all together."
    write_lines(output, [*lines, "", note])


def _summary(system: System, first: System, dataset: str) -> tuple[str, ...]:
    counts = [system.counts(dataset, rate) for rate in RATES]
    rates = ["-" if found is None else f"{found.error_rate:.2f}" for found in counts]
    words = counts[0] or Counts()
    ours, theirs = system.texts(dataset), first.texts(dataset)
    unlike = sum(ours.get(utterance) != theirs.get(utterance) for utterance in {*ours, *theirs})
    factor = system.real_time_factor(dataset)
    return (
        dataset,
        system.name,
        *rates,
        words.row()[-1],
        "" if system is first else str(unlike),
        "-" if factor is None else f"{factor:.3f}",
        "-" if system.size is None else f"{system.size / 1e6:.1f}",
    )
