"""The demo model as one graph where `doc/anywhere` takes it: a program in C++, and the format of phones."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import soundfile

from espnet2.fileio.audio import read_audio
from espnet2.runtime import OneGraphRecognizer

PLACES = ("/usr/include/onnxruntime", "/usr/local/include/onnxruntime", "/usr/include", "/usr/local/include")
RATE = 16000


@pytest.fixture(scope="module")
def program(repo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in C++, linked with the library of the installed package."""
    places = [Path(place) for place in (os.environ.get("ONNXRUNTIME_INCLUDE"), *PLACES) if place]
    include = next((place for place in places if (place / "onnxruntime_cxx_api.h").is_file()), None)
    library = next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"), None)
    compiler = shutil.which("c++") or shutil.which("g++")
    if include is None or library is None or compiler is None:
        pytest.skip("needs a C++ compiler, and onnxruntime's headers in ONNXRUNTIME_INCLUDE or below /usr")
    path = tmp_path_factory.mktemp("anywhere") / "recognize"
    linked = path.with_name("libonnxruntime.so.1")  # the name that programs look for
    linked.symlink_to(library)
    source = repo_dir / "doc" / "anywhere" / "recognize.cpp"
    options = ["-std=c++17", "-O1", "-Wall", "-Werror", "-isystem", str(include)]
    command = [compiler, *options, str(source), str(linked), f"-Wl,-rpath,{path.parent}", "-o", str(path)]
    subprocess.run(command, check=True)
    return path


def _run(program: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_program_in_cpp_prints_the_texts_of_the_demo(program, one_graph, demo_dir, tmp_path):
    model, tokens = one_graph / "recognizer.onnx", one_graph / "tokens.txt"
    rows = [json.loads(line) for line in (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows[:2]:
        samples, _ = soundfile.read(demo_dir / row["file"], dtype="int16")
        soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="PCM_16")
        found = _run(program, model, tokens, tmp_path / "a.wav")
        assert (found.stdout, found.stderr) == (row["lm"]["nbest"][0]["text"] + "\n", "")
    soundfile.write(tmp_path / "short.wav", samples[:100], RATE, subtype="PCM_16")
    soundfile.write(tmp_path / "slow.wav", samples, 8000, subtype="PCM_16")
    for file, code, message in (
        ("short.wav", 1, "not recognised, status 1"),
        ("slow.wav", 2, "expected one channel of 16 bits at 16000 Hz"),
        ("missing.wav", 2, "expected a WAV file"),
    ):
        found = _run(program, model, tokens, tmp_path / file)
        assert (found.returncode, found.stderr.strip()) == (code, message)


def test_the_format_of_phones_gives_the_same_hypotheses(one_graph, demo_dir, tmp_path):
    shutil.copy(one_graph / "recognizer.onnx", tmp_path)
    tool = ["-m", "onnxruntime.tools.convert_onnx_models_to_ort", "recognizer.onnx", "--optimization_style", "Fixed"]
    subprocess.run([sys.executable, *tool], cwd=tmp_path, check=True, capture_output=True)
    operators = (tmp_path / "recognizer.required_operators.config").read_text(encoding="utf-8")
    assert "Loop" in operators
    speech = read_audio(demo_dir / "recordings" / "en-029_f3-test-00031.flac", RATE)
    options = {"ctc_weight": 0.3, "lm_weight": 0.5, "nbest": 3}
    found, expected = (
        OneGraphRecognizer(path, **options)(speech)
        for path in (tmp_path / "recognizer.ort", one_graph / "recognizer.onnx")
    )
    assert [result[:2] for result in found] == [result[:2] for result in expected]
    assert [result.score for result in found] == pytest.approx([result.score for result in expected], abs=1e-3)
