"""Transcriptions as OpenAI's clients ask for them: JSON, text, subtitles, and streamed events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from espnet.nets.together import Abandoned
from espnet2.interface.errors import EspnetError
from espnet2.runtime.cli.formats import FORMATS
from espnet2.runtime.cli.segments import Segment
from espnet2.serving.guard import FAILED
from espnet2.utils.json_file import json_text

_log = logging.getLogger(__name__)

TEXT, JSON = "text/plain; charset=utf-8", "application/json"


@dataclass(frozen=True)
class Wanted:
    """Wishes of a request.

    Attributes:
        task: `transcribe` or `translate`.
        words: Times of words, too.
    """

    task: str
    language: str | None
    words: bool


def _written(name: str) -> Callable[[Sequence[Segment], float, Wanted], str]:
    """The function that writes segments in a format of `espnet transcribe`."""

    def write(segments: Sequence[Segment], seconds: float, wanted: Wanted) -> str:
        made = FORMATS[name](wanted.words)
        body = "".join(map(made.segment, segments))
        return made.begin() + body + made.end({"duration": seconds})

    return write


def text_of(segments: Iterable[Segment]) -> str:
    """The text of segments."""
    return " ".join(segment.text for segment in segments)


def _json(segments: Sequence[Segment], seconds: float, wanted: Wanted) -> str:
    return json_text({"text": text_of(segments)})


def _verbose(segments: Sequence[Segment], seconds: float, wanted: Wanted) -> str:
    entries = [
        {"id": number, "start": round(segment.start, 3), "end": round(segment.end, 3), "text": segment.text}
        for number, segment in enumerate(segments)
    ]
    whole: dict[str, Any] = {
        "task": wanted.task,
        "language": wanted.language or "",
        "duration": round(seconds, 3),
        "text": text_of(segments),
        "segments": entries,
    }
    if wanted.words:
        whole["words"] = [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
            for segment in segments
            for word in segment.words
        ]
    return json_text(whole)


# Media type, and the function that writes segments of a recording of so many seconds.
RESPONSES: Mapping[str, tuple[str, Callable[[Sequence[Segment], float, Wanted], str]]] = {
    "json": (JSON, _json),
    "verbose_json": (JSON, _verbose),
    "text": (TEXT, _written("txt")),
    "srt": (TEXT, _written("srt")),
    "vtt": ("text/vtt; charset=utf-8", _written("vtt")),
}


def events(segments: Iterable[Segment]) -> Generator[str, None, None]:
    """Server-sent events: `transcript.text.delta` for each segment, then `transcript.text.done`, or `error`."""
    found: list[Segment] = []
    try:
        for segment in segments:
            delta = segment.text if not found else f" {segment.text}"
            found.append(segment)
            yield event({"type": "transcript.text.delta", "delta": delta})
    except (EspnetError, Abandoned) as error:
        yield event({"type": "error", "message": str(error) or "the deadline is over"})
        return
    except Exception:
        _log.exception("a transcription has failed")
        yield event({"type": "error", "message": FAILED})
        return
    yield event({"type": "transcript.text.done", "text": text_of(found)})


def event(content: Mapping[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json_text(content)}\n\n"
