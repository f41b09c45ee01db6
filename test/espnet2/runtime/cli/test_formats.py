"""Formats of transcriptions, as their readers expect them."""

import json

import pytest

from espnet2.runtime.cli.formats import FORMATS, clock
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.timestamps import Timed

WORDS = [Timed("a", 0.5, 0.75), Timed("<b>", 1.0, 1.25)]
SEGMENTS = [Segment(0.5, 1.25, "a <b>", WORDS), Segment(3661.0, 3662.0, "c\n-->", [])]
RECORDING = {"recording": "x.wav", "duration": 4000.12345}


def written(name, words):
    made = FORMATS[name](words)
    return made.begin() + "".join(map(made.segment, SEGMENTS)) + made.end(RECORDING)


@pytest.mark.parametrize(
    ("name", "words", "text"),
    [
        ("txt", False, "a <b>\nc -->\n"),
        ("txt", True, "a[0.50-0.75] <b>[1.00-1.25]\nc -->\n"),
        (
            "srt",
            False,
            "1\n00:00:00,500 --> 00:00:01,250\na <b>\n\n2\n01:01:01,000 --> 01:01:02,000\nc ->\n\n",
        ),
        (
            "srt",
            True,
            "1\n00:00:00,500 --> 00:00:00,750\na\n\n2\n00:00:01,000 --> 00:00:01,250\n<b>\n\n"
            "3\n01:01:01,000 --> 01:01:02,000\nc ->\n\n",
        ),
        (
            "vtt",
            False,
            "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\na &lt;b&gt;\n\n01:01:01.000 --> 01:01:02.000\nc --&gt;\n\n",
        ),
        (
            "vtt",
            True,
            "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\n<00:00:00.500>a <00:00:01.000>&lt;b&gt;\n\n"
            "01:01:01.000 --> 01:01:02.000\nc --&gt;\n\n",
        ),
    ],
)
def test_segments_are_written_as_the_format_has_them(name, words, text):
    assert written(name, words) == text


@pytest.mark.parametrize("words", [False, True])
def test_json_has_all_of_a_recording_on_one_line(words):
    line, end = written("json", words).split("\n")
    found = json.loads(line)
    assert not end
    assert (found["recording"], found["duration"], found["text"]) == ("x.wav", 4000.123, "a <b> c\n-->")
    assert [segment["start"] for segment in found["segments"]] == [0.5, 3661.0]
    assert found["segments"][0].get("words") == (
        [{"text": "a", "start": 0.5, "end": 0.75}, {"text": "<b>", "start": 1.0, "end": 1.25}] if words else None
    )


def test_control_characters_and_halves_of_characters_are_escapes_in_json():
    text = "a\x9b2J\x7f\u202e\ud800\x1b"
    made = FORMATS["json"]()
    made.segment(Segment(0.0, 1.0, text))
    line = made.end({"duration": 1.0})
    assert line[:-1].isprintable() and line.encode() and json.loads(line)["text"] == text


def test_times_are_rounded_to_milliseconds():
    assert clock(59.9996, ",") == "00:01:00,000"
    assert clock(-0.1, ".") == "00:00:00.000"
