"""Uploads that become samples in a process of its own, which files may end."""

from __future__ import annotations

import errno
import os
import signal
import time

import numpy as np
import pytest

pytest.importorskip("fastapi")

import soundfile

from espnet.nets.together import Abandoned
from espnet2.interface.errors import AudioError
from espnet2.serving.decoding import AudioDecoder
from espnet2.serving.scheduler import Ticket


@pytest.fixture(scope="module")
def decoder():
    decoder = AudioDecoder(most_seconds=1.0)
    yield decoder
    decoder.close()


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(4000, 0.25), 8000)
    return tmp_path / "a.wav"


def samples_of(decoder, path, fs=8000) -> np.ndarray:
    found = decoder(path, fs, "file")
    samples = np.concatenate([*found])
    found.close()
    assert found.count == len(samples) and found.seconds == len(samples) / fs
    return samples


def test_a_recording_has_its_samples_at_the_rate_of_the_model(decoder, recording):
    assert np.array_equal(samples_of(decoder, recording), np.full(4000, 0.25, np.float32))
    assert len(samples_of(decoder, recording, 16000)) == 8000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_told_to_end_between_two_recordings_costs_none(decoder, recording, number):
    samples_of(decoder, recording)
    process, _ = decoder._all[0]._running
    os.kill(process.pid, number)
    process.join(0 if number == signal.SIGINT else 10)
    assert len(samples_of(decoder, recording)) == 4000


def test_recordings_that_are_refused_leave_the_process_as_it_is(decoder, recording, tmp_path):
    (tmp_path / "text.wav").write_text("no recording")
    soundfile.write(tmp_path / "long.wav", np.zeros(8001), 8000)
    samples_of(decoder, recording)
    process, _ = decoder._all[0]._running
    for name, message in (("text.wav", "file: expected a recording"), ("long.wav", "file: expected .* at most 1 s")):
        with pytest.raises(AudioError, match=message):
            decoder(tmp_path / name, 8000, "file")
    assert decoder._all[0]._running[0] is process and process.is_alive()


def test_a_recording_that_takes_too_long_is_refused_and_the_next_one_has_another_process(recording):
    decoder = AudioDecoder(patience=0.05)
    try:
        with pytest.raises(AudioError, match="expected a recording that can be read, found one that takes too long"):
            decoder(recording, 8000, "file")
        decoder.patience = 60.0
        assert len(samples_of(decoder, recording)) == 4000
    finally:
        decoder.close()


def given_up() -> Ticket:
    ticket = Ticket()
    ticket.give_up()
    return ticket


@pytest.mark.parametrize("busy", [True, False], ids=["none is free", "one is free"])
def test_a_recording_that_nobody_waits_for_is_not_decoded(decoder, recording, busy):
    worker = decoder._workers.get() if busy else None
    with pytest.raises(Abandoned):
        decoder(recording, 8000, "file", Ticket(time.monotonic()) if busy else given_up())
    if worker is not None:
        decoder._workers.put(worker)
    assert len(samples_of(decoder, recording)) == 4000


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device without room")
def test_a_full_disk_is_no_fault_of_the_recording(decoder, recording):
    (worker,) = decoder._all
    with pytest.raises(OSError) as found:
        worker.ask((str(recording), "/dev/full", 8000, "file", 60.0), "file", 60.0)
    assert found.value.errno == errno.ENOSPC
    assert len(samples_of(decoder, recording)) == 4000
