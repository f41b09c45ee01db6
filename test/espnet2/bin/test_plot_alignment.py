"""The command that draws recordings with their alignments."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from espnet2.bin.plot_alignment import main


@pytest.fixture
def command(demo_dir, tmp_path):
    model = demo_dir / "exp" / "asr"
    given = ["--asr_train_config", model / "config.yaml", "--asr_model_file", model / "valid.acc.ave.pth"]
    return lambda *more: main([str(word) for word in (*given, "--output_dir", tmp_path / "images", *more)])


@pytest.fixture
def recordings(demo_dir):
    return sorted((demo_dir / "recordings").glob("*.flac"))


def written(tmp_path):
    return sorted(path.name for path in (tmp_path / "images").iterdir()) if (tmp_path / "images").exists() else []


def test_recordings(command, recordings, tmp_path):
    assert command(*recordings[:2]) == 0
    assert written(tmp_path) == [f"{path.stem}.png" for path in recordings[:2]]


def test_list_and_text(command, demo_dir, recordings, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"{recordings[1].stem}\n")
    wav_scp = demo_dir / "recordings" / "wav.scp"
    options = ["--data_path_and_name_and_type", f"{wav_scp},speech,sound", "--key_file", keys]
    assert command(*options, "--text", demo_dir / "recordings" / "text") == 0
    assert written(tmp_path) == [f"{recordings[1].stem}.png"]


def test_some_or_all_fail(command, recordings, tmp_path, capsys):
    (tmp_path / "broken.flac").write_text("no recording")
    assert command(tmp_path / "broken.flac") == 2
    assert "broken.flac: expected a recording" in capsys.readouterr().err
    assert written(tmp_path) == []
    assert command(tmp_path / "broken.flac", recordings[0]) == 1
    assert written(tmp_path) == [f"{recordings[0].stem}.png"]


@pytest.mark.parametrize(
    "text, sentence",
    [("", "--text: expected a text of 'en-"), (f"UTT {'one ' * 200}\n", "expected a text of 1 to")],
)
def test_text_that_cannot_be_aligned(text, sentence, command, recordings, tmp_path, capsys):
    (tmp_path / "text").write_text(text.replace("UTT", recordings[0].stem))
    assert command("--text", tmp_path / "text", recordings[0]) == 2
    assert sentence in capsys.readouterr().err
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    "options, sentence",
    [
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        (["a.flac", "--text", "nowhere"], "nowhere: expected a text file"),
    ],
)
def test_options(options, sentence, command, capsys):
    assert command(*options) == 2
    assert sentence in capsys.readouterr().err
