"""The JavaScript package and the page in `web/`: the texts of upstream's Python, in Node and in headless Chromium."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from espnet2.runtime import Speech2TextStreaming
from espnet2.runtime.bundle import Bundle

STREAMS = Path(__file__).parent / "golden" / "format_1" / "streams"
LIMIT = 120  # seconds of one command


def _program(*names: str) -> str:
    """The first of some programs that is installed."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"needs {names[0]}")
    return found


@pytest.fixture
def waves(demo_dir: Path, tmp_path: Path) -> Path:
    """The demo's recordings as WAV files."""
    soundfile = pytest.importorskip("soundfile")
    directory = tmp_path / "waves"
    directory.mkdir()
    for recording in (demo_dir / "recordings").glob("*.flac"):
        soundfile.write(directory / f"{recording.stem}.wav", *soundfile.read(recording, dtype="int16"))
    return directory


@pytest.fixture
def stream(waves: Path, tmp_path: Path) -> Path:
    """A small streaming bundle, and the token ids of greedy CTC for two recordings."""
    import soundfile

    directory = tmp_path / "stream"
    shutil.copytree(STREAMS, directory)
    (directory / "bundle.yaml").write_text(json.dumps(Bundle.load(STREAMS).manifest.to_dict()))
    recognize, expected = Speech2TextStreaming(STREAMS, num_threads=1, ctc_greedy=True), {}
    for path in sorted(waves.glob("*.wav"))[:2]:
        expected[path.stem] = recognize(soundfile.read(path, dtype="float32")[0])[0].token_int
        recognize.reset()
    (directory / "expected.json").write_text(json.dumps(expected))
    return directory


def test_package_and_page_give_the_texts_of_python(request, repo_dir: Path):
    npm, chromium = _program("npm"), _program("chromium", "chromium-browser", "google-chrome")
    web = repo_dir / "web"
    if not (web / "node_modules").is_dir():
        pytest.skip("needs web/node_modules: npm ci in web/")
    given = {
        "RECOGNIZER": request.getfixturevalue("one_graph") / "recognizer.onnx",
        "WAVES": request.getfixturevalue("waves"),
        "STREAM": request.getfixturevalue("stream"),
        "CHROMIUM": chromium,
    }
    environment = {**os.environ, **{name: str(value) for name, value in given.items()}}
    for command in ([npm, "run", "build"], [npm, "test"]):
        done = subprocess.run(command, cwd=web, env=environment, capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 0, done.stdout + done.stderr
        print(done.stdout)
