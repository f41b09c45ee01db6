"""The commands that write token lists of pretrained vocabularies."""

import pytest
import vocabulary_cases as cases

from espnet2.bin import hugging_face_export_vocabulary, whisper_export_vocabulary


@pytest.fixture
def package(tmp_path, monkeypatch):
    assets = tmp_path / "packages" / "whisper" / "assets"
    assets.mkdir(parents=True)
    cases.write_tables(assets, ranked=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")


def test_whisper(package, tmp_path):
    (tmp_path / "added.txt").write_text("<foo>\n")
    options = ["--whisper_model", "whisper_multilingual", "--add_token_file_name", str(tmp_path / "added.txt")]
    options += ["--sot_asr", "true", "--speaker_change_symbol", "<change>", "--output", str(tmp_path / "tokens.txt")]
    assert whisper_export_vocabulary.main(options) == 0
    lines = (tmp_path / "tokens.txt").read_text(encoding="utf-8").split("\n")
    assert lines[220] == " " and lines[278:281] == ["", *cases.SYMBOLS]
    assert lines[279 + 106 : 279 + 109] == ["<|notimestamps|>", "<foo>", "<|0.00|>"]
    assert lines[-3:] == ["<|30.00|>", "<change>", ""] and len(lines) == 279 + 1608 + 3


@pytest.mark.parametrize(
    "options, message",
    [
        (["--whisper_model", "whisper"], "bpemodel: expected one of whisper_en, whisper_multilingual, found 'whisper'"),
        (["--whisper_model", "whisper_en", "--whisper_language", "xx"], "whisper_language: expected one of"),
        (["--whisper_model", "whisper_en", "--whisper_task", "sing"], "whisper_task: expected one of transcribe"),
    ],
)
def test_whisper_refuses(package, options, message, capsys):
    assert whisper_export_vocabulary.main([*options, "--output", "-"]) == 2
    assert message in capsys.readouterr().err


def test_hugging_face(tmp_path, capsys):
    pytest.importorskip("tokenizers")
    cases.write_hugging_face(tmp_path)
    options = ["--model_name_or_path", str(tmp_path), "--output", "-"]
    symbols = ["--add_symbol", "<blank>:0", "--add_symbol", "<last>:-1"]
    assert hugging_face_export_vocabulary.main([*options, *symbols]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[:3] == ["<blank>", "<s>", "<pad>"] and lines[-3:] == ["\u0120<", "<last>", ""]
    assert hugging_face_export_vocabulary.main([*options, "--add_symbol", "<blank>"]) == 2
    assert "SYMBOL:PLACE" in capsys.readouterr().err
