"""Stand-alone transducers on PyTorch, under upstream's names."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

import torch
import zoo
import zoo_calls
import zoo_data

from espnet2.bin.asr_transducer_inference import Speech2Text, get_parser, main
from espnet2.interface.errors import OptionError

CASES = json.loads((Path(__file__).parents[2] / "golden" / "transducer" / "recognised.json").read_text())
ROW = zoo.ROWS["standalone-default"]
SPEECH = zoo_data.utterance(ROW, 0)["speech"]
SHARPNESS, BLANK_BIAS = 2.0, 3.0  # as tools/make_transducer_golden.py has them


STREAMED = {"streaming": True, "decoding_window": 48, "left_context": 5, "nbest": 2}  # three frames of 16 ms


def save(row: zoo_data.Row, directory: Path) -> tuple[Path, Path]:
    """config.yaml and weights."""
    module = zoo_calls.module_for(row, directory)
    module.joint_network.lin_out.weight.data *= SHARPNESS
    module.joint_network.lin_out.bias.data[0] += BLANK_BIAS
    torch.save(module.state_dict(), directory / "model.pth")
    return directory / "config.yaml", directory / "model.pth"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """Of a model whose features are normalised over whole utterances."""
    return save(ROW, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def stream_files(tmp_path_factory) -> tuple[Path, Path]:
    """Of a model that can recognise streams."""
    return save(zoo.ROWS["standalone-global-mvn"], tmp_path_factory.mktemp("streams"))


@pytest.mark.parametrize(("options", "expected"), CASES, ids=str)
def test_results_equal_upstream(files, options, expected):
    recognise = Speech2Text(*files, token_type="char", **options)
    results = recognise.hypotheses_to_results(recognise(SPEECH))
    assert [[text, ids] for text, _, ids, _ in results] == [[text, ids] for text, ids, _ in expected]
    np.testing.assert_allclose([hypothesis.score for *_, hypothesis in results], [s for *_, s in expected], atol=1e-3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dtype": "int8"}, "dtype: expected one of float32, float64, bfloat16, float16, found 'int8'"),
        ({"return_decoded_hyp": True}, "return_decoded_hyp: expected False, the only value known here, found True"),
        ({"beam_search_config": {"width": 3}}, "transducer_conf.width: expected some of search_type, max_sym_exp"),
        ({"colour": 1}, "colour: expected an option of Speech2Text, found an unknown name"),
    ],
)
def test_options_that_are_not_known_are_refused(files, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        Speech2Text(*files, **options)


def test_a_model_of_another_kind_is_refused(demo_dir):
    with pytest.raises(OptionError, match="expected a stand-alone transducer, found ESPnetASRModel"):
        Speech2Text(asr_model_file=demo_dir / "exp" / "asr" / "valid.acc.ave.pth")


def test_the_command_writes_the_files_of_upstream(files, tmp_path):
    options, expected = CASES[1]
    soundfile.write(tmp_path / "a.wav", SPEECH, 16000, subtype="FLOAT")
    (tmp_path / "wav.scp").write_text(f"a {tmp_path}/a.wav\n")
    config, weights = files
    command = ["--asr_train_config", config, "--asr_model_file", weights, "--token_type", "char"]
    command += ["--data_path_and_name_and_type", f"{tmp_path}/wav.scp,speech,sound", "--output_dir", tmp_path / "out"]
    command += ["--beam_size", options["beam_size"], "--nbest", options["nbest"]]
    command += ["--beam_search_config", json.dumps(options["beam_search_config"])]
    assert main([str(word) for word in command]) == 0
    for rank, (text, ids, score) in enumerate(expected, 1):
        tables = tmp_path / "out" / f"{rank}best_recog"
        assert (tables / "text").read_text().split() == ["a", *text.split()]
        assert (tables / "token_int").read_text().split() == ["a", *map(str, ids)]
        assert float((tables / "score").read_text().split()[1]) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("size", [1, 700, 5000])
def test_a_stream_is_recognised_however_it_is_cut(stream_files, size):
    recognise = Speech2Text(*stream_files, beam_search_config={"search_type": "maes"}, **STREAMED)
    whole = recognise.streaming_decode(SPEECH, is_final=True)
    for start in range(0, len(SPEECH), size):
        found = recognise.streaming_decode(SPEECH[start : start + size], is_final=start + size >= len(SPEECH))
    assert [hypothesis.yseq for hypothesis in found] == [hypothesis.yseq for hypothesis in whole]
    np.testing.assert_allclose([h.score for h in found], [h.score for h in whole], atol=1e-4)
    assert len(recognise(SPEECH)) == 2  # and whole utterances, too


def test_a_chunk_as_long_as_the_speech_gives_the_results_of_whole_utterances(stream_files):
    recognise = Speech2Text(*stream_files, **{**STREAMED, "decoding_window": 1000})
    (found, *_), (expected, *_) = recognise.streaming_decode(SPEECH, is_final=True), recognise(SPEECH)
    assert found.yseq == expected.yseq
    assert found.score == pytest.approx(expected.score, abs=1e-3)


def test_what_streams_need_is_told(files, stream_files):
    with pytest.raises(OptionError, match=r"streaming: expected a model .* found UtteranceMVN"):
        Speech2Text(*files, streaming=True)
    with pytest.raises(OptionError, match="decoding_window: expected at least 16 ms, which a frame lasts, found 10"):
        Speech2Text(*stream_files, streaming=True, decoding_window=10)
    with pytest.raises(OptionError, match="left_context: expected frames, 0 or more, found -1"):
        Speech2Text(*stream_files, streaming=True, left_context=-1)
    with pytest.raises(OptionError, match="streaming: expected True of a recogniser of streams, found False"):
        Speech2Text(*stream_files).streaming_decode(SPEECH)


def test_the_command_recognises_streams(stream_files, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", SPEECH, 16000, subtype="FLOAT")
    config, weights = stream_files
    command = ["--asr_train_config", config, "--asr_model_file", weights, "--token_type", "char", tmp_path / "a.wav"]
    command += ["--streaming", "true", "--decoding_window", 48, "--left_context", 5, "--display_hypotheses", "true"]
    assert main([str(word) for word in command]) == 0
    recognise = Speech2Text(*stream_files, token_type="char", **STREAMED)
    (expected, *_) = recognise.hypotheses_to_results(recognise.streaming_decode(SPEECH, is_final=True))
    assert capsys.readouterr().out.splitlines()[-1] == expected.text


def test_defaults_are_those_of_upstream():
    args = get_parser().parse_args(["a.wav"])
    assert (args.beam_size, args.nbest, args.lm_weight, args.beam_search_config) == (5, 1, 1.0, None)
