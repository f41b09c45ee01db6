"""Recognition on PyTorch, under upstream's names."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from espnet2.bin.asr_inference import Speech2Text, get_parser, inference, main
from espnet2.fileio.audio import read_audio
from espnet2.inference import trained
from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.main_funcs.pretrained import find_model
from espnet2.tasks.asr import ASRTask


@pytest.fixture(scope="module")
def files(demo_dir):
    asr, lm = demo_dir / "exp" / "asr", demo_dir / "exp" / "lm"
    return {
        "asr_train_config": asr / "config.yaml",
        "asr_model_file": asr / "valid.acc.ave.pth",
        "lm_train_config": lm / "config.yaml",
        "lm_file": lm / "valid.loss.ave.pth",
    }


@pytest.fixture(scope="module")
def references(demo_dir):
    lines = (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("setting", ["no_lm", "lm"])
def test_the_demo_model_gives_the_results_of_upstream(files, references, demo_dir, setting):
    options = {name: references[0][setting][name] for name in ("beam_size", "ctc_weight", "lm_weight")}
    speech2text = Speech2Text(**files, **options, nbest=5)
    assert speech2text.asr_train_args.token_type == "bpe"
    for reference in references:
        found = speech2text(read_audio(demo_dir / reference["file"], speech2text.sample_rate))
        wanted = reference[setting]["nbest"]
        assert [r[:3] for r in found] == [(r["text"], r["token"], r["token_int"]) for r in wanted]
        assert [r.hypothesis.yseq.tolist() for r in found] == [r["yseq"] for r in wanted]
        assert [r.hypothesis.score for r in found] == pytest.approx([r["score"] for r in wanted], abs=1e-3)


def test_a_packed_model(fixtures_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = fixtures_dir / "demo"
    speech2text = Speech2Text.from_pretrained(directory / "packed.zip", beam_size=10, ctc_weight=0.3, lm_weight=0.5)
    reference = json.loads((directory / "refs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    speech = read_audio(directory / reference["file"], 16000)
    assert speech2text(speech)[0].text == reference["lm"]["nbest"][0]["text"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"enh_s2t_task": True}, "enh_s2t_task: expected False, the only value known here, found True"),
        ({"transducer_conf": "maes"}, "transducer_conf: expected options by name, found 'maes'"),
        ({"dtype": "int8"}, "dtype: expected one of float32, float64, bfloat16, float16, found 'int8'"),
        ({"colour": "red"}, "colour: expected an option of Speech2Text, found an unknown name"),
        ({"multi_asr": 1}, "multi_asr: expected True or False, found 1"),
        ({"beam_size": 0}, "beam_size: expected an integer from 1 to 10000, found 0"),
        ({}, "--asr_model_file: expected a file"),
    ],
)
def test_options_that_are_not_allowed(options, sentence):
    with pytest.raises(OptionError) as error:
        Speech2Text(**options)
    assert sentence in str(error.value)


def test_options_at_their_defaults_are_accepted(files):
    speech2text = Speech2Text(
        files["asr_train_config"],
        files["asr_model_file"],
        quantize_lm=False,
        quantize_modules=["Linear"],
        max_seq_len=5,
    )
    assert speech2text.options.beam_size == 20


def test_command(files, references, demo_dir, capsys):
    options = ["--beam_size", "10", "--ctc_weight", "0.3", "--lm_weight", "0.5"]
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    assert main([*named, *options, str(demo_dir / references[0]["file"])]) == 0
    assert capsys.readouterr().out == references[0]["lm"]["nbest"][0]["text"] + "\n"
    assert main(["--asr_train_config", "nope.yaml", "--asr_model_file", "nope.pth", "a.wav"]) == 2
    assert "nope.yaml" in capsys.readouterr().err


def test_commands_take_no_random_language_model(files, fixtures_dir, tmp_path, monkeypatch, capsys):
    """A packed model without language model has no weights for a config of one that is given."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    packed = find_model(model_file=fixtures_dir / "demo" / "packed.zip")
    without = {name: path for name, path in packed.items() if name.startswith("asr")}
    monkeypatch.setattr(trained, "find_model", lambda **_: without)
    assert main(["--model_file", "x.zip", "--lm_train_config", str(files["lm_train_config"]), "a.wav"]) == 2
    assert "--lm_file: expected the weights of --lm_train_config, found none" in capsys.readouterr().err
    assert main(["--asr_train_config", str(files["asr_train_config"]), "a.wav"]) == 2
    assert "--asr_model_file: expected a file" in capsys.readouterr().err


def test_an_unpacked_directory_as_tag(tmp_path, capsys):
    for options in ([], ["--model_file", "x.zip"]):
        assert main(["--model_tag", str(tmp_path), *options, "a.wav"]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_another_device(files):
    with pytest.raises(OptionError, match="device: expected one that PyTorch can use, found 'abacus'"):
        Speech2Text(files["asr_train_config"], files["asr_model_file"], device="abacus")


@pytest.mark.parametrize("option", ["--enh_s2t_task=1", "--bundle=bundle"])
def test_options_with_one_value(option, capsys):
    assert main([option, "a.wav"]) == 2
    assert "expected" in capsys.readouterr().err


def test_upstreams_options():
    args = get_parser().parse_args(["--streaming", "false", "--quantize_modules", "[Linear]", "--num_workers", "4"])
    assert args.streaming is False
    assert args.quantize_modules == ["Linear"]
    for name in ("asr_train_config", "asr_model_file", "lm_train_config", "lm_file", "ngram_file", "model_tag", "ngpu"):
        assert hasattr(args, name)


def test_an_ngram_model_that_no_search_reads_needs_no_kenlm(stream_exp, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    (tmp_path / "n.arpa").write_text("n-gram")
    files = {"asr_train_config": stream_exp / "config.yaml", "asr_model_file": stream_exp / "valid.acc.ave.pth"}
    for options in ({"ngram_weight": 0.0}, {"ctc_greedy": True}):
        Speech2Text(**files, ngram_file=tmp_path / "n.arpa", **options)
    with pytest.raises(MissingPackageError, match="expected the package kenlm"):
        Speech2Text(**files, ngram_file=tmp_path / "n.arpa")


FEATURES_CONFIG = """
token_list: [<blank>, <unk>, <space>, a, e, i, o, n, s, t, <sos/eos>]
token_type: char
input_size: 83
frontend: null
normalize: null
encoder: conformer
encoder_conf: {output_size: 16, attention_heads: 2, linear_units: 16, num_blocks: 1}
decoder: transformer
decoder_conf: {attention_heads: 2, linear_units: 16, num_blocks: 1}
"""


def test_a_model_of_features_decodes_a_list_of_them(tmp_path, monkeypatch):
    """As Kaldi makes features of 80 bands and pitch."""
    kaldiio, torch = pytest.importorskip("kaldiio"), pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(FEATURES_CONFIG)
    torch.manual_seed(0)
    torch.save(ASRTask.build_model_from_file("config.yaml")[0].state_dict(), "model.pth")
    features = np.random.default_rng(0).standard_normal((50, 83)).astype(np.float32)
    kaldiio.save_ark("feats.ark", {"utt1": features, "utt2": features[:, :80]}, scp="feats.scp")
    listed = ["--data_path_and_name_and_type", "feats.scp,speech,kaldi_ark", "--output_dir", "out"]
    options = ["--asr_model_file", "model.pth", "--beam_size", "2", "--maxlenratio", "-3"]
    assert main([*options, *listed]) == 1
    tokens = (tmp_path / "out" / "1best_recog" / "token").read_text(encoding="utf-8").split()
    expected = Speech2Text("config.yaml", "model.pth", beam_size=2, maxlenratio=-3)(features)[0].token
    assert tokens == ["utt1", *expected]
    failures = (tmp_path / "out" / "failures").read_text(encoding="utf-8")
    assert failures == "utt2\tfeats.scp: utt2: expected shape (frames, 83), found (50, 80)\n"


def test_the_function_of_upstream_scripts(files, references, demo_dir, tmp_path):
    recording = str(demo_dir / references[0]["file"])
    found = {name: str(path) for name, path in files.items()}
    assert inference(**found, recordings=[recording], output_dir=str(tmp_path / "out"), beam_size=2, lm_weight=0.3) == 0
    text = (tmp_path / "out" / "1best_recog" / "text").read_text(encoding="utf-8")
    assert text.split(" ", 1)[1] == f"{references[0]['lm']['nbest'][0]['text']}\n"
    with pytest.raises(OptionError, match="beams: expected an option of python"):
        inference(**found, recordings=[recording], beams=2)
