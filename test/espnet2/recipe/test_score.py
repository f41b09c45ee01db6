"""Counts, alignments and the page of results."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet2.bin.recipe import main as recipe
from espnet2.interface.errors import DataError, OptionError
from espnet2.recipe.results import System, size_of
from espnet2.recipe.score import Aligned, Counts, align, read_counts
from espnet2.utils.edit_distance import edit_distance

REF = "a-1 one two three\na-2 four\nb-1 five six\nb-2\n"
HYP = "a-1 one too three four\na-2 four\nb-1 six\n"


@pytest.fixture
def scored(tmp_path):
    for name, text in (("ref", REF), ("hyp", HYP), ("utt2spk", "a-1 a\na-2 a\nb-1 b\nb-2 b\n")):
        (tmp_path / name).write_text(text)

    def run(*options: str) -> int:
        paths = ["--ref", f"{tmp_path}/ref", "--hyp", f"{tmp_path}/hyp", "--output_dir", f"{tmp_path}/score"]
        return recipe(["score", *paths, *options])

    return run


def test_counts_and_alignments_are_written(scored, tmp_path, capsys):
    assert scored("--utt2spk", f"{tmp_path}/utt2spk") == 0
    assert capsys.readouterr().out == f"{tmp_path}/score: 50.00 % (3 of 6)\n"
    counts = read_counts(tmp_path / "score" / "counts.json")
    assert counts == Counts(4, 6, correct=4, substituted=1, deleted=1, inserted=1, wrong_sentences=2)
    lines = (tmp_path / "score" / "result.txt").read_text().splitlines()
    assert lines[:5] == [
        "| SPKR    | Snt | Wrd |  Corr |   Sub |   Del |   Ins |   Err | S.Err |",
        "|---------|----:|----:|------:|------:|------:|------:|------:|------:|",
        "| a       |   2 |   4 | 75.00 | 25.00 |  0.00 | 25.00 | 50.00 | 50.00 |",
        "| b       |   2 |   2 | 50.00 |  0.00 | 50.00 |  0.00 | 50.00 | 50.00 |",
        "| Sum/Avg |   4 |   6 | 66.67 | 16.67 | 16.67 | 16.67 | 50.00 | 50.00 |",
    ]
    start = lines.index("id: (a-1)")
    assert lines[start + 1 : start + 5] == [
        "Scores: (#C #S #D #I) 2 1 0 1",
        "REF:  one TWO three ****",
        "HYP:  one TOO three FOUR",
        "Eval:     S         I",
    ]


def test_characters_are_tokens_too(scored, tmp_path):
    assert scored("--token_type", "char") == 0
    counts = read_counts(tmp_path / "score" / "counts.json")
    assert (counts.tokens, counts.errors) == (13 + 4 + 8, 1 + 5 + 5)


def test_texts_that_were_not_said_are_refused(scored, tmp_path, capsys):
    (tmp_path / "hyp").write_text("a-1 one\nz x\n")
    assert scored() == 2
    assert "hyp, line 2: expected utterances of" in capsys.readouterr().err
    assert not (tmp_path / "score").exists()


def test_speakers_of_other_utterances_are_refused(scored, tmp_path, capsys):
    (tmp_path / "speakers").write_text("z-1 z\n")
    assert scored("--utt2spk", f"{tmp_path}/speakers") == 2
    assert "speakers: expected all utterances of" in capsys.readouterr().err


pytest.importorskip("jiwer")

words = st.lists(st.sampled_from(["a", "b c", "<space>", "ä"]), max_size=6)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=4))
def test_alignments_are_shortest_and_complete(pairs):
    references, hypotheses = [list(side) for side in zip(*pairs, strict=True)]
    for one, reference, hypothesis in zip(
        align([""] * len(pairs), references, hypotheses), references, hypotheses, strict=True
    ):
        assert [token for token, _ in one.pairs if token is not None] == reference
        assert [token for _, token in one.pairs if token is not None] == hypothesis
        counts = one.counts()
        assert counts.errors == edit_distance(reference, hypothesis) and counts.tokens == len(reference)


def test_a_sentence_without_words_has_an_alignment():
    assert Aligned("u", ()).lines() == ["id: (u)", "Scores: (#C #S #D #I) 0 0 0 0", "REF:", "HYP:", "Eval:", ""]
    assert Counts(inserted=1).error_rate == 100.0 and Counts().error_rate == 0.0


@pytest.fixture
def systems(tmp_path):
    """Two decodes of one set with scores, logs and weights."""
    for name, text, seconds in (("torch", "one two", 2.0), ("onnx", "one too", 0.5)):
        directory = tmp_path / name / "test"
        for rate, counts in (("wer", Counts(1, 2, 2)), ("cer", Counts(1, 7, 7))):
            (directory / f"score_{rate}").mkdir(parents=True)
            (directory / f"score_{rate}" / "counts.json").write_text(json.dumps(vars(counts)))
        (directory / "1best_recog").mkdir()
        (directory / "1best_recog" / "text").write_text(f"u {text}\n")
        (directory / "logdir").mkdir()
        line = f"INFO: recognised 1 of 1 recordings: 10.0 s of speech in {seconds} s, real-time factor 0.1\n"
        (directory / "logdir" / "asr_inference.1.log").write_text(f"{line.replace('10.0', '99.0')}{line}")
    (tmp_path / "model.pth").write_bytes(bytes(2_000_000))
    return [f"PyTorch={tmp_path}/torch,{tmp_path}/model.pth", f"ONNX fp32={tmp_path}/onnx"]


def test_systems_are_shown_side_by_side(systems, tmp_path):
    options = [word for system in systems for word in ("--system", system)]
    assert recipe(["results", "test", "--output", f"{tmp_path}/RESULTS.md", "--title", "Digits", *options]) == 0
    lines = (tmp_path / "RESULTS.md").read_text().splitlines()
    assert lines[0] == "# Digits"
    assert lines[4:8] == [
        "| set  |    system | WER % | CER % | TER % | S.Err % | texts unlike PyTorch |   RTF |  MB |",
        "|------|----------:|------:|------:|------:|--------:|---------------------:|------:|----:|",
        "| test |   PyTorch |  0.00 |  0.00 |     - |    0.00 |                      | 0.200 | 2.0 |",
        "| test | ONNX fp32 |  0.00 |  0.00 |     - |    0.00 |                    1 | 0.050 |   - |",
    ]
    assert "## WER" in lines and "## CER" in lines and "## TER" not in lines


def test_what_is_missing_is_named(systems, tmp_path, capsys):
    (tmp_path / "onnx" / "test" / "score_wer" / "counts.json").unlink()
    options = [word for system in systems for word in ("--system", system)]
    assert recipe(["results", "test", "--output", f"{tmp_path}/RESULTS.md", *options]) == 2
    assert "counts.json: expected scores of ONNX fp32, found none; stages 13 and 15" in capsys.readouterr().err
    assert not (tmp_path / "RESULTS.md").exists()
    with pytest.raises(OptionError, match="--system: expected NAME=DIRECTORY"):
        System.parse("PyTorch")
    with pytest.raises(DataError, match=r"none.pth: expected a file whose size to report"):
        size_of(f"{tmp_path}/none.pth")
    with pytest.raises(DataError, match="expected counts that scoring writes"):
        read_counts(tmp_path / "none")


def test_sizes_of_bundles_are_those_of_the_graphs_they_run(tmp_path):
    (tmp_path / "bundle.yaml").write_text(
        "components: {encoder: {file: e.onnx, data: {file: e.data}}, ctc: {file: c.onnx}}\n"
        "quantized: {int8: {encoder: {file: e8.onnx}}}\n"
    )
    for name, size in (("e.onnx", 1), ("e.data", 100), ("c.onnx", 10), ("e8.onnx", 1000)):
        (tmp_path / name).write_bytes(bytes(size))
    assert size_of(f"{tmp_path}:fp32") == 111 and size_of(f"{tmp_path}:int8") == 1010
