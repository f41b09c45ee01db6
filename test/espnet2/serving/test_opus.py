"""Packets of Opus in live streams."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("av")

import av
import stream_graphs
from starlette.testclient import TestClient

from espnet2.interface.errors import MissingPackageError
from espnet2.serving.app import make_service
from espnet2.serving.guard import RefusedError
from espnet2.serving.limits import Limits
from espnet2.serving.models import Streaming
from espnet2.serving.opus import RATE, OpusPackets


def packets(samples: np.ndarray) -> list[bytes]:
    """Packets of 20 ms that FFmpeg's libopus makes of samples (T,) at 48 kHz."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = RATE, "mono", "s16"
    found = []
    for first in range(0, len(samples) - 959, 960):
        content = (samples[None, first : first + 960] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(content, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, first
        found += codec.encode(frame)
    return [bytes(packet) for packet in found + codec.encode(None)]


def test_samples_are_those_that_were_encoded():
    time = np.arange(RATE) / RATE
    samples = 0.5 * np.sin(2 * np.pi * 440 * time)
    decode = OpusPackets()
    found = np.concatenate([decode(packet) for packet in packets(samples)])
    assert found.dtype == np.float32 and abs(len(found) - len(samples)) <= 2 * 960
    spectrum = np.abs(np.fft.rfft(found[4800:43200] * np.hanning(38400)))
    assert np.argmax(spectrum) * RATE / 38400 == pytest.approx(440, abs=2)
    assert np.abs(found[4800:43200]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("content", [b"", bytes(5000), b"\xff" * 40])
def test_what_is_no_packet_is_refused(content):
    with pytest.raises(RefusedError, match="stream: expected packets of"):
        OpusPackets()(content)


def test_without_the_package_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match="expected pcm, since this service lacks the package av"):
        OpusPackets()


def test_a_stream_of_packets_is_recognised_and_other_formats_are_refused():
    models = {"live": Streaming("live", stream_graphs.recognizer())}
    with TestClient(make_service(models, Limits())) as client:
        with client.websocket_connect("/v1/stream?format=opus") as socket:
            for packet in packets(np.zeros(2 * RATE)):
                socket.send_bytes(packet)
            socket.send_text('{"type": "end"}')
            while (message := socket.receive_json())["type"] == "partial":
                pass
            assert message["type"] == "final"
        with client.websocket_connect("/v1/stream?format=mp3") as socket:
            assert socket.receive_json()["message"] == "format: expected pcm or opus, found 'mp3'"
