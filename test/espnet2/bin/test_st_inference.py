"""Commands and classes that translate speech, on PyTorch; bundles of such models are compared elsewhere."""

import numpy as np
import pytest
import soundfile
import torch
import zoo_st
from zoo_calls import module_for
from zoo_data import Config, Row, drawn
from zoo_hybrid import ROUND_TRIP

from espnet2.bin import st_inference, st_inference_onnx, st_inference_streaming
from espnet2.interface.errors import OptionError

KEYS = zoo_st.DECODED["md-speech"].keys
LIMIT = {"maxlenratio": -6, "beam_size": 3, "asr_maxlenratio": -5, "asr_beam_size": 2, "asr_lm_weight": 0.3}
SPEECH = {name: (0.1 * drawn(name, (count,))).astype(np.float32) for name, count in {"a": 2600, "b": 1700}.items()}


def write(directory, target, keys):
    """Configuration and weights of a model, in a directory of their own."""
    directory.mkdir()
    model = module_for(Row(directory.name, "", Config(target, keys), (), ()), directory)
    torch.save(model.state_dict(), directory / "model.pth")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A translator and a language model of the source language, recordings, and a list of them."""
    directory = tmp_path_factory.mktemp("st")
    write(directory / "st", zoo_st.TASK, KEYS)
    lm = ROUND_TRIP["lm"]
    write(directory / "lm", lm.task, {**lm.keys, "token_list": zoo_st.SOURCE})
    for name, speech in SPEECH.items():
        soundfile.write(directory / f"{name}.wav", speech, 8000, subtype="FLOAT")
    (directory / "wav.scp").write_text("".join(f"{name} {directory / name}.wav\n" for name in SPEECH))
    return directory


def of_model(directory):
    names = {"st_train_config": "st/config.yaml", "st_model_file": "st/model.pth"}
    names |= {"src_lm_train_config": "lm/config.yaml", "src_lm_file": "lm/model.pth"}
    return {option: directory / name for option, name in names.items()}


def words(options):
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def lines(path):
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def status_of(command, options):
    """Exit status of a command, also where the parser ends it."""
    try:
        return command.main(options)
    except SystemExit as error:
        return error.code


def plain(found):
    """Texts, tokens and indices of translations and of recognitions, and their scores."""
    results = [one for nbest in found for one in nbest]
    return [one[:3] for one in results], [float(one.hypothesis.score) for one in results]


def test_a_language_model_of_the_source_scores_what_is_recognised(files):
    speech, names = SPEECH["a"], {"ctc", "decoder_start", "decoder_step"}
    with_lm = st_inference.Speech2Text(**of_model(files), **LIMIT, nbest=3, asr_nbest=2)
    without = st_inference.Speech2Text(*list(of_model(files).values())[:2], **LIMIT, nbest=3, asr_nbest=2)
    assert set(with_lm.first.model.graphs) == {*names, "lm_step"}
    assert set(without.first.model.graphs) == names
    found, expected = with_lm(speech), without(speech)
    assert [len(nbest) for nbest in found] == [3, 2]
    assert "lm" in found[1][0].hypothesis.scores
    assert plain(found)[1] != plain(expected)[1]


def test_utterances_of_a_batch_share_the_steps(files):
    """The decoder that attends to speech, too, takes a step of several utterances at once."""
    calls = []
    for size in (1, 2):
        translate = st_inference.Speech2Text(**of_model(files), **LIMIT, batch_size=size)
        step, count = translate.model.graphs["decoder_step"].module.step, []
        translate.model.graphs["decoder_step"].module.step = lambda *given, of=step, n=count: n.append(1) or of(*given)
        results = translate.batch_decode(list(SPEECH.values()))
        calls.append((len(count), [plain([nbest, nbest.recognised]) for nbest in results]))
    (alone, expected), (together, found) = calls
    assert together < alone
    for one, other in zip(expected, found, strict=True):
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], abs=1e-4)


def test_a_list_is_written_as_recipes_read_it(files, tmp_path):
    data = [*words(LIMIT), "--data_path_and_name_and_type", f"{files / 'wav.scp'},speech,sound"]
    assert st_inference.main([*data, *words(of_model(files)), "--output_dir", str(tmp_path / "decode")]) == 0
    translate = st_inference.Speech2Text(**of_model(files), **LIMIT)
    expected = {name: translate(speech) for name, speech in SPEECH.items()}
    for table, place in {"1best_recog/": 0, "1asr_best_recog/asr_": 1}.items():
        for name in ("text", "token", "token_int", "score"):
            assert list(lines(tmp_path / "decode" / f"{table}{name}")) == [*SPEECH]
        written = lines(tmp_path / "decode" / f"{table}token_int")
        assert written == {key: " ".join(map(str, found[place][0].token_int)) for key, found in expected.items()}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--st_model_file", "absent.pth", "a.wav"],
            "--st_model_file: expected a file, found no such file",
        ),
        (["--mt_model_file", "absent.pth", "a.wav"], "unrecognized arguments: --mt_model_file"),
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        (["absent.wav"], "absent.wav: expected a recording (WAV, FLAC, Ogg, ...), found no such file"),
        (["--data_path_and_name_and_type", "absent,speech,sound"], "absent"),
        (["a.wav", "--asr_beam_size", "0"], "asr_beam_size: expected"),
    ],
)
def test_bad_input_is_one_sentence(files, options, sentence, capsys):
    given = words(of_model(files)) if "absent.pth" not in options else []
    assert status_of(st_inference, [*given, *options]) == 2
    assert sentence in capsys.readouterr().err


def test_other_bundles_are_refused(tmp_path, capsys):
    assert status_of(st_inference_onnx, ["--bundle", str(tmp_path / "absent"), "a.wav"]) == 2
    assert "absent" in capsys.readouterr().err
    assert status_of(st_inference_onnx, ["--bundle", str(tmp_path), "a.wav", "--src_lm_file", "lm.pth"]) == 2
    assert "--src_lm_file: expected none, since the model is that of the bundle" in capsys.readouterr().err


def test_models_that_recognise_first_need_whole_utterances(files):
    with pytest.raises(OptionError, match="streaming: expected a model whose encoder takes blocks of a stream"):
        st_inference_streaming.Speech2TextStreaming(**of_model(files))


def test_a_stream_gives_the_same_in_pieces_as_at_once(tmp_path):
    blocks = {**zoo_st.BLOCKS, "block_size": 8, "hop_size": 4, "look_ahead": 2}
    keys = {"normalize": None, "encoder": "contextual_block_transformer", "encoder_conf": blocks}
    write(tmp_path / "st", zoo_st.TASK, {**zoo_st.DECODED["st-ctc"].keys, **keys})
    paths = tmp_path / "st/config.yaml", tmp_path / "st/model.pth"
    translate = st_inference_streaming.Speech2TextStreaming(*paths, beam_size=2, maxlenratio=-6)
    speech = (0.1 * drawn("stream", (9000,))).astype(np.float32)
    expected = translate(speech)
    pieces = np.array_split(speech, 7)
    results = [translate(piece, is_final=number == len(pieces)) for number, piece in enumerate(pieces, 1)]
    assert [one[:3] for one in results[-1]] == [one[:3] for one in expected]
