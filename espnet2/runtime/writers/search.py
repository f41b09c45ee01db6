"""Results of a search: the files that upstream's recipes read, and texts on stdout."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.interface.errors import one_line, visible
from espnet2.runtime.loop import print_line
from espnet2.runtime.results import AnyResult, Results, TaggedResult, by_speaker
from espnet2.runtime.timestamps import Timed, ctm_fields, timed_line

TABLES = ("text", "token", "token_int", "score", "text_nospecial", "ctm")
INTERCTC = "encoder_interctc_layer{}.txt"
CLEAR = "\r\x1b[K"  # of a terminal: to the start of the line, and clear it


class Maker(Protocol):
    """The recogniser that made the results: a `ResultMaker`, or what is known of one in another process."""

    @property
    def ends_with_eos(self) -> bool: ...

    @property
    def timestamps(self) -> Any: ...

    def times(self, result: AnyResult) -> list[Timed]:
        """When each token, or word, of a result is said."""


class SearchFiles:
    """Tables `text`, `token`, `token_int` and `score`, with time stamps `ctm`, in `1best_recog`, `2best_recog`, ...

    Of models whose texts have tags, `text_nospecial` holds texts without. Of several speakers, the tables end in
    `_spk1`, `_spk2`, ... Tokens of intermediate CTC, where results have them, are in
    `1best_recog/encoder_interctc_layer6.txt`, ...
    """

    def __init__(self, directory: Path, recognizer: Maker) -> None:
        self.directory = directory
        self.writer = DatadirWriter(directory)
        self.recognizer = recognizer
        # Upstream's transducers score with plain numbers, its other searches with tensors.
        self.format_score = format_score if recognizer.ends_with_eos else str

    def __enter__(self) -> SearchFiles:
        return self

    def __exit__(self, *error: Any) -> None:
        self.writer.__exit__(*error)

    @property
    def outdated(self) -> set[Path]:
        """The tables of an earlier run that have no lines now."""
        written = {table.path for ranked in self.writer.children.values() for table in ranked.children.values()}
        names = [f"[0-9]*best_recog/{table}{suffix}" for table in TABLES for suffix in ("", "_spk[0-9]*", ".partial")]
        names += [f"[0-9]*asr_best_recog/asr_{table}{suffix}" for table in TABLES for suffix in ("", ".partial")]
        names.append(f"1best_recog/{INTERCTC.format('[0-9]*')}")
        return {path for name in names for path in self.directory.glob(name)} - written

    def _score(self, result: AnyResult) -> str:
        return self.format_score(float(result.hypothesis.score))

    def __call__(self, name: str, results: Results | None) -> None:
        """Write a line for each result into the tables of its rank, and for those of a recognition before it."""
        for suffix, nbest in by_speaker(results or []).items():
            for rank, result in enumerate(nbest, 1):
                tables = self.writer[f"{rank}best_recog"]
                write_result(tables, name, result, self._score(result), suffix)
                for timed in _times(self.recognizer, result):
                    tables["ctm" + suffix][name] = ctm_fields(timed)
        for rank, result in enumerate(getattr(results, "recognised", ()), 1):
            write_result(self.writer[f"{rank}asr_best_recog"], name, result, self._score(result), prefix="asr_")
        for layer, tokens in getattr(results, "interctc", {}).items():
            self.writer["1best_recog"][INTERCTC.format(layer)][name] = " ".join(tokens)


def write_result(
    tables: DatadirWriter, name: str, result: AnyResult, score: str, suffix: str = "", prefix: str = ""
) -> None:
    """Write the lines of a result into `text`, `token`, `token_int` and `score`, whose names get prefix and suffix."""
    tables[f"{prefix}token{suffix}"][name] = " ".join(result.token)
    tables[f"{prefix}token_int{suffix}"][name] = " ".join(map(str, result.token_int))
    tables[f"{prefix}score{suffix}"][name] = score
    texts = {"text": result.text}
    if isinstance(result, TaggedResult):
        texts["text_nospecial"] = result.text_nospecial
    for table, text in texts.items():
        if text is not None:
            tables[prefix + table + suffix][name] = text


class SearchLines:
    """The best text of each recording as a line on stdout, with tabs between speakers' texts.

    The line is empty where there is no text, so that lines and recordings correspond.
    """

    def __init__(self, recognizer: Maker) -> None:
        self.recognizer = recognizer

    def __call__(self, name: str, results: Results | None) -> None:
        nbests = by_speaker(results or []).values()
        print_line("\t".join(line_of(self.recognizer, nbest[0]) if nbest else "" for nbest in nbests))


class GrowingLine:
    """The text of a stream on stdout: on a terminal it grows in its line, elsewhere, if `growing`, each change has one.

    The final text is the last line of a recording; it is empty where there is none.
    """

    def __init__(self, recognizer: Maker, growing: bool) -> None:
        self.recognizer = recognizer
        self.terminal = sys.stdout.isatty()
        self.growing = growing
        self.shown = ""

    def show(self, results: Sequence[AnyResult]) -> None:
        """Show the best result so far."""
        line = line_of(self.recognizer, results[0]).rstrip() if results else ""
        if line == self.shown:
            return
        self.shown = line
        if self.terminal:
            room = shutil.get_terminal_size().columns - 1
            print(CLEAR + visible(line)[-room:], end="", flush=True)
        elif self.growing:
            print_line(line)

    def __call__(self, name: str, results: Results | None) -> None:
        """Show the final text, and end the line."""
        (nbest,) = by_speaker(results or []).values()
        line = line_of(self.recognizer, nbest[0]) if nbest else ""
        if self.terminal:
            print(CLEAR + visible(line), flush=True)
        elif not self.growing or line.rstrip() != self.shown or not line:
            print_line(line)
        self.shown = ""


def line_of(recognizer: Maker, result: AnyResult) -> str:
    """The text of a result, or its tokens where there is none, with times where they are known and asked for."""
    text = " ".join(result.token) if result.text is None else result.text
    return one_line(timed_line(_times(recognizer, result)) or text)


def format_score(score: float) -> str:
    """A score as upstream's files have it: as PyTorch prints a tensor of one number, `tensor(-0.8684)`."""
    value = float(np.float32(score))
    if not math.isfinite(value):
        return f"tensor({value})"
    if value == int(value) and abs(value) < 1e8:
        return f"tensor({value:.0f}.)"
    return f"tensor({value:.4f})" if 1e-4 <= abs(value) <= 1e8 else f"tensor({value:.4e})"


def _times(recognizer: Maker, result: AnyResult) -> list[Timed]:
    return [] if recognizer.timestamps is None else recognizer.times(result)
