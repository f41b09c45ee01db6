"""A list of recordings on a cluster: what is done, what is left, and what is written."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile
import stream_graphs

from espnet2.bin.cli import get_parser
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.distributed import Done
from espnet2.serving import corpus
from espnet2.serving.corpus import Worker, find_items, with_seconds

OPTIONS = ["--beam_size=3", "--batch_size=2", "--num_threads=1", "--word_timestamps"]


@pytest.fixture(scope="module")
def recordings(demo_dir) -> list[Path]:
    return sorted((demo_dir / "recordings").glob("*.flac"))[:4]


def arguments(bundle, output_dir, *words) -> argparse.Namespace:
    args = get_parser("transcribe").parse_args(
        ["transcribe", str(bundle), *map(str, words), *OPTIONS, f"--output_dir={output_dir}", "--ray"]
    )
    args.bundle = args.recordings.pop(0)
    return args


@pytest.fixture
def run(demo_bundle, monkeypatch):
    """Run the verb with blocks that this process works on; gives its status and the names that were worked on."""

    def run(directory, *words, fail=(), **options):
        worked = []

        def work_on(ray, items, make, *, size, workers, cpus):
            work = make()
            for item in items:
                worked.append(item.name)
                yield from work([(item.name, item.place)]) if item.name not in fail else [Done(item.name, "", "x: no")]

        monkeypatch.setattr(corpus, "work_on", work_on)
        monkeypatch.setattr(corpus, "cluster", lambda *args: contextlib.nullcontext())
        args = argparse.Namespace(**{**vars(arguments(demo_bundle, directory, *words)), "workers": 1, **options})
        return corpus.transcribe(args), worked

    return run


def test_a_later_run_does_what_is_left_and_tables_have_the_order_of_the_list(run, tmp_path, recordings, capsys):
    names = ["z", "b", "a"]
    lines = [f"{name} {path}\n" for name, path in zip(names, recordings[:3], strict=True)]
    (tmp_path / "wav.scp").write_text("".join(lines))
    assert run(tmp_path / "out", tmp_path / "wav.scp", fail=["b"]) == (1, names)
    assert (tmp_path / "out/failures").read_text() == "b\tx: no\n"
    assert [line.split()[0] for line in (tmp_path / "out/text").read_text().splitlines()] == ["z", "a"]
    assert run(tmp_path / "out", tmp_path / "wav.scp") == (0, ["b"])
    assert run(tmp_path / "out", tmp_path / "wav.scp") == (0, [])
    text, lengths, ctm = ((tmp_path / "out" / name).read_text().splitlines() for name in ("text", "utt2dur", "ctm"))
    assert [line.split()[0] for line in text] == [line.split()[0] for line in lengths] == names
    assert [line.split()[4] for line in ctm] == [word for line in text for word in line.split()[1:]]
    assert not (tmp_path / "out/failures").exists()
    assert len((tmp_path / "out/results.jsonl").read_text().splitlines()) == 3


def test_results_of_another_model_or_of_other_options_are_not_taken_for_those_of_this_one(run, tmp_path, recordings):
    assert run(tmp_path, recordings[0]) == (0, [recordings[0].stem])
    assert run(tmp_path, recordings[0], num_threads=2, batch_size=1) == (0, [])
    with pytest.raises(DataError, match="expected results of this model and these options, found those of others"):
        run(tmp_path, recordings[1], beam_size=2)
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"text": 1},
        {"duration": "long"},
        {"duration": True},
        {"segments": {}},
        {"segments": [1]},
        {"segments": [{"text": "a", "start": 0, "end": None}]},
        {"segments": [{"text": "a", "start": 0, "end": 1, "words": [{"text": "a"}]}]},
        {"segments": [{"text": "a", "start": 0, "end": 1, "words": 5}]},
    ],
    ids=str,
)
def test_forged_results_are_refused(run, tmp_path, recordings, forged):
    entry = {"recording": recordings[0].stem, "duration": 1.0, "text": "a", "segments": [], **forged}
    (tmp_path / "results.jsonl").write_text(json.dumps(entry) + "\n")
    with pytest.raises(DataError, match="expected results of an earlier run, found another file"):
        run(tmp_path, recordings[0])


def test_a_file_whose_name_is_not_utf8_is_a_failure_of_its_own(run, tmp_path, recordings):
    (tmp_path / "in").mkdir()
    for name in ("a\udcff.flac", "b.flac", "\x1b[31m.flac"):
        shutil.copy(recordings[0], tmp_path / "in" / name)
    status, worked = run(tmp_path / "out", tmp_path / "in")
    assert (status, worked) == (1, ["\\x1b[31m", "b"])
    assert (tmp_path / "out/failures").read_text().startswith("a\\udcff\t")
    assert [line.split()[0] for line in (tmp_path / "out/text").read_text().splitlines()] == worked


def test_texts_are_those_of_the_verb_alone(demo_bundle, tmp_path, recordings):
    from espnet2.bin.cli import main

    args = arguments(demo_bundle, tmp_path, *recordings)
    found = {done.name: json.loads(done.result) for done in Worker(args, 1)([(p.stem, str(p)) for p in recordings])}
    alone = [str(demo_bundle), *map(str, recordings[:2]), *OPTIONS, "--format=json", f"--output_dir={tmp_path}"]
    assert main(["transcribe", *alone]) == 0
    for path in recordings[:2]:
        expected = json.loads((tmp_path / f"{path.stem}.json").read_text())
        assert found[path.stem] == {**expected, "recording": path.stem}


def test_models_of_streams_read_recordings_as_streams(demo_bundle, tmp_path, monkeypatch):
    sent = {"ab": (2, 3), "ba": (3, 2), "a": (2,)}
    for text, tokens in sent.items():
        soundfile.write(tmp_path / f"{text}.wav", stream_graphs.slowly(*tokens), 100, "FLOAT")
    monkeypatch.setattr(corpus, "open_recognizer", lambda args, options, streams: stream_graphs.recognizer())
    worker = Worker(arguments(demo_bundle, tmp_path), 1)
    found = [json.loads(done.result) for done in worker([(text, str(tmp_path / f"{text}.wav")) for text in sent])]
    worker.close()
    assert [entry["text"] for entry in found] == [*sent]


def test_what_is_no_recording_is_an_error_of_its_own(demo_bundle, tmp_path, recordings):
    (tmp_path / "a.wav").write_bytes(b"no recording")
    args = arguments(demo_bundle, tmp_path, *recordings)
    broken, good = Worker(args, 1)([("a", str(tmp_path / "a.wav")), ("b", str(recordings[0]))])
    assert not broken.result and broken.error.startswith(f"{tmp_path}/a.wav: expected a recording")
    assert good.result and not good.error and good.seconds > 1


def test_lists_have_lengths_beside_them_and_recordings_say_theirs(tmp_path, recordings):
    (tmp_path / "wav.scp").write_text(f"a {recordings[0]}\nb none.wav\nc {recordings[1]}\n")
    (tmp_path / "utt2dur").write_text("a 2.5\n")
    first, second, third = with_seconds(find_items([str(tmp_path / "wav.scp")]))
    assert (first.seconds, second.seconds, second.place) == (2.5, 0.0, f"{Path('none.wav').absolute()}")
    assert 1 < third.seconds < 20


@pytest.mark.parametrize(
    "words, options, message",
    [
        (["-"], {}, "expected recordings that all workers can read, found standard input"),
        (["a.wav", "b/a.wav"], {}, "recordings: expected different names, found"),
        (["a b.wav"], {}, "recordings: expected names without blanks"),
        (["a.wav"], {"format": "srt"}, "--format: expected one of txt, json, parquet with --ray, found 'srt'"),
        (["a.wav"], {"output_dir": None}, "--ray: expected --output_dir with it"),
        (["a.wav"], {"workers": 0}, "--workers: expected a number of at least 1"),
    ],
)
def test_refused_options(run, tmp_path, words, options, message):
    with pytest.raises(OptionError, match=message):
        run(tmp_path, *words, **options)


@pytest.mark.parametrize("options", [["--format=parquet"], ["--workers=2"]])
def test_options_of_a_cluster_need_one(demo_bundle, options, capsys):
    from espnet2.bin.cli import main

    assert main(["transcribe", str(demo_bundle), "a.wav", *options]) == 2
    assert "expected --ray with it, found none" in capsys.readouterr().err


# Half a minute of processor time, most of which the cluster takes to start.
@pytest.mark.skipif(
    find_spec("ray") is None or "ESPNET_TEST_RAY" not in os.environ,
    reason="needs ray, and to be asked for: ESPNET_TEST_RAY=1",
)
def test_with_a_worker_that_is_killed_nothing_is_lost_and_nothing_is_there_twice(demo_bundle, tmp_path, recordings):
    names = [f"u{number:02}" for number in range(24)]
    lines = [f"{name} {recordings[number % 4]}\n" for number, name in enumerate(names)]
    (tmp_path / "wav.scp").write_text("".join(lines))
    command = [sys.executable, "-m", "espnet2.bin.cli", "transcribe", str(demo_bundle), str(tmp_path / "wav.scp")]
    more = [*OPTIONS, "--format=parquet", f"--output_dir={tmp_path / 'out'}", "--workers=2", "--ray"]
    with subprocess.Popen([*command, *more, "--batch_size=1"], start_new_session=True) as process:
        try:
            kill_a_worker(process, tmp_path / "out/results.jsonl")
            assert process.wait(120) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(tmp_path / "out/results.parquet").to_pylist()
    assert [row["recording"] for row in table] == names
    assert len((tmp_path / "out/results.jsonl").read_text().splitlines()) == len(names)
    assert {row["text"] for row in table} == {row["text"] for row in table[:4]}


def kill_a_worker(process, journal) -> None:
    """Kill one of the workers of a command once there are results."""
    end = time.monotonic() + 120
    while not (journal.exists() and journal.stat().st_size):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"MapWorker" in status.read_bytes() and os.getsid(int(status.parent.name)) == process.pid:
                os.kill(int(status.parent.name), signal.SIGKILL)
                return
    raise AssertionError("found no worker")
