"""Recognition by several processes, of recognisers that only tell what they were given."""

import argparse
import os
import pickle
import threading

import numpy as np
import process_recognizers
import pytest
import soundfile

from espnet2.fileio.recording import recordings_of_list
from espnet2.interface.errors import DataError, EspnetError, OptionError
from espnet2.runtime import processes
from espnet2.runtime.decode import decode
from espnet2.runtime.processes import portable_error


@pytest.fixture
def listed(tmp_path):
    """Four recordings of different lengths, by their list."""
    for number, name in enumerate("abcd", 1):
        soundfile.write(tmp_path / f"{name}.wav", np.full(100 * number, 0.1), 16000)
    (tmp_path / "wav.scp").write_text("".join(f"{n} {tmp_path / n}.wav\n" for n in "abcd"), encoding="utf-8")
    return tmp_path / "wav.scp"


def options(listed, **others):
    usual = {"recordings": [], "key_file": None, "output_dir": None, "log_level": "WARNING", "num_threads": None}
    return argparse.Namespace(
        **{**usual, "data_path_and_name_and_type": [(str(listed), "speech", "sound")], "nj": 2, **others}
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_list_is_read_only_once(listed, tmp_path, capsys):
    """As `<(...)` of a shell; each process has its part of the memory."""
    (tmp_path / "lists").mkdir()
    pipe = tmp_path / "lists" / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(listed.read_text(encoding="utf-8"),), daemon=True)
    writer.start()
    assert decode(options(pipe), process_recognizers.load) == 0
    assert capsys.readouterr().out.splitlines() == ["a 100 2", "b 200 2", "c 300 2", "d 400 2"]
    writer.join()


def test_no_threads_are_refused_as_without_processes(listed):
    for nj in (1, 2):
        with pytest.raises(OptionError, match="num_threads: expected at least 1, found 0"):
            decode(options(listed, num_threads=0, nj=nj), process_recognizers.load)


def test_an_error_that_cannot_be_sent_is_told(listed):
    with pytest.raises(EspnetError, match=r"^expected a model, found nothing$"):
        decode(options(listed), process_recognizers.load_nothing)


def test_errors_that_can_be_sent_are_kept():
    error = DataError("wav.scp: expected lines, found none")
    assert portable_error(error) is error


def test_processes_end_where_nothing_can_be_written(listed, tmp_path, monkeypatch):
    made = []

    class Watched(processes.ProcessRunner):
        def __init__(self, *args):
            super().__init__(*args)
            made.extend(self._workers)

    monkeypatch.setattr("espnet2.runtime.decode.ProcessRunner", Watched)
    with pytest.raises(DataError, match="expected a directory that can be written"):
        decode(options(listed, output_dir=str(tmp_path / "a.wav" / "out")), process_recognizers.load)
    assert [worker.is_alive() for worker in made] == [False, False]


@pytest.mark.parametrize(
    ("kind", "line", "segments"),
    [
        ("sound", "a {}/a.wav", None),
        ("sound", "a cat {}/a.wav |", None),
        ("sound", "a {}/a.wav", "a-1 a 0 0.00625\n"),
        ("multi_columns_sound", "a {0}/a.wav {0}/a.wav", None),
        ("kaldi_ark", "a {}/a.wav", None),
        ("npy", "a {}/a.npy", None),
    ],
)
def test_recordings_can_be_sent(listed, tmp_path, kind, line, segments):
    np.save(tmp_path / "a.npy", np.zeros((100, 2), np.float32))
    listed.write_text(line.format(tmp_path) + "\n", encoding="utf-8")
    if segments is not None:
        (tmp_path / "segments").write_text(segments, encoding="utf-8")
    (sent,) = pickle.loads(pickle.dumps(recordings_of_list(str(listed), kind)))
    assert len(sent.read(16000, axes=2)) == 100
