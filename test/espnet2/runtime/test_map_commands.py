"""Commands of models of languages, classes and spoofed speech, over graphs that numpy computes."""

import numpy as np
import pytest
import soundfile
from numpy_graphs import Graph

from espnet2.bin import asvspoof_inference_onnx, cls_inference_onnx, lid_inference_onnx
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.asvspoof import SpoofDetector, SpoofOptions
from espnet2.runtime.asvspoof_command import detect
from espnet2.runtime.cls import Classifier, ClassOptions, ClassSection
from espnet2.runtime.cls_command import classify
from espnet2.runtime.lid import LanguageMapper, LanguageOptions, LanguageSection
from espnet2.runtime.lid_command import identify
from espnet2.runtime.map_model import MapModel, MapSection

LEVELS = {"a": 0.1, "b": 0.4, "c": 0.8}  # of the recordings' samples, all equal


def model(section, function, *outputs):
    inputs = (
        Tensor("speech", ("batch", "samples")),
        Tensor("speech_lengths", ("batch",), "int64", length_of="samples"),
    )
    return MapModel(Graph(Component("map", "map", inputs, outputs), lambda x, n: function(x.sum(1) / n)), section)


def mapper_of_languages(nbest=1):
    def closeness(level):
        return np.stack([level, 1 - level], 1), np.stack([level, -level], 1)

    section = LanguageSection(16000, ["deu", "eng"])
    graph = model(section, closeness, Tensor("scores", ("batch", 2)), Tensor("embedding", ("batch", 2)))
    return LanguageMapper(graph, LanguageOptions(nbest=nbest, batch_size=2))


def classifier(several):
    section = ClassSection(16000, ["light rain", "dog"], several)
    graph = model(section, lambda level: (np.stack([level, level / 1.5], 1),), Tensor("scores", ("batch", 2)))
    return Classifier(graph, ClassOptions())


def detector():
    return SpoofDetector(model(MapSection(16000), lambda level: (level,), Tensor("score", ("batch",))), SpoofOptions())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data") / "dev"
    directory.mkdir()
    for name, level in LEVELS.items():
        soundfile.write(directory / f"{name}.wav", np.full(100 + 50 * len(name), level), 16000, subtype="FLOAT")
    (directory / "wav.scp").write_text("".join(f"{name} {directory / name}.wav\n" for name in LEVELS))
    (directory / "utt2lang").write_text("a swe\nb swe\n")
    return directory


def options(command, *words):
    return command.get_parser().parse_args(["--bundle", "none", *map(str, words)])


def lists(data, *words):
    return "--data_path_and_name_and_type", f"{data / 'wav.scp'},speech,sound", *words


def lines(path):
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


def test_languages_on_stdout(data, capsys):
    args = options(lid_inference_onnx, data / "a.wav", data / "c.wav")
    assert identify(args, lambda: mapper_of_languages(nbest=2)) == 0
    assert capsys.readouterr().out == "eng 0.9000\tdeu 0.1000\ndeu 0.8000\teng 0.2000\n"


def test_languages_and_embeddings_in_files(data, tmp_path):
    wanted = [
        word for name in ("extract_embd", "save_embd_per_utt", "save_embd_avg_lang") for word in (f"--{name}", True)
    ]
    args = options(lid_inference_onnx, *lists(data, *wanted, "--output_dir", tmp_path))
    assert identify(args, mapper_of_languages) == 0
    assert lines(tmp_path / "dev_lids") == {"a": "eng", "b": "eng", "c": "deu"}
    of_each, of_all, means = (
        np.load(tmp_path / f"dev_{name}.npz") for name in ("utt_embds", "lang_to_embds", "lang_to_avg_embd")
    )
    for name, level in LEVELS.items():
        np.testing.assert_allclose(of_each[name], [level, -level], rtol=1e-6)
    assert {language: of_all[language].shape for language in of_all} == {"deu": (1, 2), "eng": (2, 2)}
    np.testing.assert_allclose(means["eng"], [0.25, -0.25], rtol=1e-6)


def test_embeddings_of_known_languages(data, tmp_path):
    known = "--data_path_and_name_and_type", f"{data / 'utt2lang'},lid_labels,text"
    args = options(lid_inference_onnx, *lists(data, *known, "--extract_embd", True, "--output_dir", tmp_path))
    assert identify(args, mapper_of_languages) == 0
    assert sorted(np.load(tmp_path / "dev_lang_to_embds.npz").files) == [
        "deu",
        "swe",
    ]  # c has none, but sounds like deu


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--fix_duration", True], "--fix_duration: expected False, since recordings are identified as a whole"),
        (["--extract_embd", True], "--extract_embd: expected --output_dir with it, found none"),
        (["--nbest", 0], "nbest: expected an integer of at least 1, found 0"),
        (
            ["--data_path_and_name_and_type", "x,lid_labels,sound"],
            "--data_path_and_name_and_type: expected one list PATH",
        ),
    ],
)
def test_options_of_languages_that_cannot_be_had(data, words, sentence):
    args = options(lid_inference_onnx, *lists(data, *words))
    with pytest.raises(OptionError) as caught:
        identify(args, lambda: mapper_of_languages(nbest=args.nbest))
    assert str(caught.value).startswith(sentence)


def test_classes_on_stdout(data, capsys):
    args = options(cls_inference_onnx, *(data / f"{name}.wav" for name in LEVELS))
    assert classify(args, lambda: classifier(several=False)) == 0
    assert capsys.readouterr().out == "light rain 0.1000\nlight rain 0.4000\nlight rain 0.8000\n"
    assert classify(args, lambda: classifier(several=True)) == 0
    assert capsys.readouterr().out == "\n\nlight rain 0.8000\tdog 0.5333\n"


def test_classes_in_files(data, tmp_path):
    args = options(cls_inference_onnx, *lists(data, "--output_dir", tmp_path))
    assert classify(args, lambda: classifier(several=True)) == 0
    tables = {name: lines(tmp_path / "prediction" / name) for name in ("text", "token", "score")}
    assert (tables["text"]["c"], tables["token"]["c"]) == ("light rain dog", "0 1")
    assert [float(score) for score in tables["score"]["c"].split()] == pytest.approx([0.8, 0.8 / 1.5])
    args.output_all_probabilities = True
    assert classify(args, lambda: classifier(several=False)) == 0
    scores = lines(tmp_path / "prediction/score")["a"].split()
    assert [float(score) for score in scores] == pytest.approx([0.1, 0.1 / 1.5])


def test_scores_of_spoofed_speech(data, tmp_path, capsys):
    assert detect(options(asvspoof_inference_onnx, data / "b.wav"), detector) == 0
    assert capsys.readouterr().out == "0.400000\n"
    (data / "broken.wav").write_bytes(b"RIFF")
    listed = tmp_path / "wav.scp"
    listed.write_text((data / "wav.scp").read_text() + f"broken {data / 'broken.wav'}\n")
    both = "--data_path_and_name_and_type", f"{listed},speech,sound", "--output_dir", tmp_path / "out"
    assert detect(options(asvspoof_inference_onnx, *both), detector) == 1
    scores = lines(tmp_path / "out/prediction/score")
    assert {name: float(score) for name, score in scores.items()} == pytest.approx(LEVELS)
    (failure,) = (tmp_path / "out/failures").read_text().splitlines()
    assert failure.startswith("broken\t")


@pytest.mark.parametrize("command", [lid_inference_onnx, cls_inference_onnx, asvspoof_inference_onnx])
def test_bad_input_is_one_sentence(command, data, capsys):
    recording = str(data / "a.wav")
    for words, message in (
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        ([recording, "--batch_size", "0"], "batch_size: expected an integer of at least 1, found 0"),
        ([recording], "none/bundle.yaml: expected the manifest of a bundle, found No such file or directory"),
    ):
        assert command.main(["--bundle", "none", *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert line.startswith(f"python -m {command.__name__}: ") and message in line
