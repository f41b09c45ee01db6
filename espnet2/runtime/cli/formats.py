"""Formats of transcriptions: plain text, SubRip (SRT), WebVTT and JSON."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from espnet2.interface.errors import visible
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.timestamps import timed_line
from espnet2.utils.json_file import json_text


class Format:
    """Base: a format that writes segments as they come; `words` asks for the times of words, too.

    Attributes:
        suffix: Of its files.
        several: Whether stdout may hold several recordings.
        labelled: Whether their names precede the lines of several recordings there.
    """

    suffix = ""
    several = True
    labelled = False

    def __init__(self, words: bool = False) -> None:
        self.words = words
        self.count = 0

    def begin(self) -> str:
        """Text before the first segment."""
        return ""

    def segment(self, segment: Segment) -> str:
        """Text of the next segment."""
        self.count += 1
        return self._segment(segment)

    def end(self, recording: Mapping[str, Any]) -> str:
        """Text behind the last segment; `recording` has what is known of it."""
        return ""

    def _segment(self, segment: Segment) -> str:
        raise NotImplementedError


class Txt(Format):
    """A line for each segment: its text, or its words with their times."""

    suffix, labelled = ".txt", True

    def _segment(self, segment: Segment) -> str:
        line = one_line(timed_line(segment.words) if self.words and segment.words else segment.text)
        return f"{line}\n"


class Srt(Format):
    """Numbered subtitles; with words, one for each word."""

    suffix, several = ".srt", False

    def _segment(self, segment: Segment) -> str:
        if not self.words or not segment.words:
            return self._cue(segment.start, segment.end, segment.text, self.count)
        cues = [self._cue(word.start, word.end, word.text, self.count + n) for n, word in enumerate(segment.words)]
        self.count += len(cues) - 1
        return "".join(cues)

    def _cue(self, start: float, end: float, text: str, number: int) -> str:
        shown = one_line(text).replace("-->", "->")
        return f"{number}\n{clock(start, ',')} --> {clock(max(end, start), ',')}\n{shown}\n\n"


class Vtt(Format):
    """WebVTT; with words, the time of each is in the text of its segment."""

    suffix, several = ".vtt", False

    def begin(self) -> str:
        return "WEBVTT\n\n"

    def _segment(self, segment: Segment) -> str:
        text = html.escape(one_line(segment.text), quote=False)
        if self.words and segment.words:
            text = " ".join(f"<{clock(w.start, '.')}>{html.escape(w.text, quote=False)}" for w in segment.words)
        return f"{clock(segment.start, '.')} --> {clock(max(segment.end, segment.start), '.')}\n{text}\n\n"


class Json(Format):
    """One object for each recording, on one line: name, duration, text and segments."""

    suffix = ".json"

    def __init__(self, words: bool = False) -> None:
        super().__init__(words)
        self._segments: list[dict[str, Any]] = []

    def _segment(self, segment: Segment) -> str:
        entry: dict[str, Any] = {"start": segment.start, "end": segment.end, "text": segment.text}
        if self.words:
            entry["words"] = [{"text": w.text, "start": w.start, "end": w.end} for w in segment.words]
        self._segments.append(_rounded(entry))
        return ""

    def end(self, recording: Mapping[str, Any]) -> str:
        text = " ".join(entry["text"] for entry in self._segments)
        whole = {**_rounded(recording), "text": text, "segments": self._segments}
        return json_text(whole) + "\n"


FORMATS: Mapping[str, type[Format]] = {"txt": Txt, "srt": Srt, "vtt": Vtt, "json": Json}


def clock(seconds: float, point: str) -> str:
    """`01:02:03,456`, with `point` before the milliseconds."""
    total = round(max(seconds, 0.0) * 1000)
    minutes, rest = divmod(total, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def one_line(text: str) -> str:
    """A text without line ends, with control characters as escapes."""
    return visible(" ".join(text.split()))


def _rounded(value: Any) -> Any:
    """The same with times in milliseconds."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
