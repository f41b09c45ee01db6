"""A trained synthesiser with its vocoder: on PyTorch, as bundles, and against upstream's results."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import vocoder_files
import yaml
import zoo
import zoo_data

from espnet2.bin.tts_inference import Text2Speech, main
from espnet2.bin.tts_inference_onnx import main as main_onnx
from espnet2.export.make_bundle import make_bundle
from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator
from espnet2.interface.errors import BundleError, ConfigError, DataError, OptionError
from espnet2.main_funcs.pack_funcs import pack
from espnet2.runtime import Text2Speech as BundleText2Speech
from espnet2.tasks.tts import TTSTask

HOP = 12  # samples of a frame of the vocoder
STFT = {"fs": 8000, "n_fft": 48, "hop_length": HOP}
KEYS = ["feat_gen", "duration", "pitch", "energy", "feat_gen_denorm", "wav"]


@pytest.fixture(scope="module")
def exp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny synthesiser of drawn weights with speakers: config.yaml, model.pth, stats.npz; and a vocoder's files."""
    directory = tmp_path_factory.mktemp("tts")
    np.savez(directory / "stats.npz", **zoo_data.stats_arrays(zoo_data.Stats(8)))
    keys = dict(zoo.ROWS["tts-model-speakers"].make.keys)
    keys |= {
        "feats_extract_conf": {**STFT, "n_mels": 8, "fmin": 40, "fmax": 4000},
        "normalize_conf": {"stats_file": "stats.npz"},
        "energy_extract_conf": {**STFT, "reduction_factor": 1},
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(keys))
    model, _ = TTSTask.build_model_from_file(directory / "config.yaml")
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    drawn = {key: torch.from_numpy(value) for key, value in zoo_data.drawn_weights(state).items()}
    drawn["tts.duration_predictor.linear.bias"] += 1.5
    torch.save(drawn, directory / "model.pth")
    (directory / "vocoder").mkdir()
    params = {name: value for name, value in vocoder_files.PARAMS.items() if name != "use_causal_conv"}
    vocoder_files.write(directory / "vocoder", HiFiGANGenerator(**params), statistics=True)
    return directory


@pytest.fixture(scope="module")
def files(exp: Path) -> dict[str, Path]:
    return {"train_config": exp / "config.yaml", "model_file": exp / "model.pth"}


@pytest.fixture(scope="module")
def vocoder_file(exp: Path) -> Path:
    return exp / "vocoder" / "checkpoint-1steps.pkl"


@pytest.fixture(scope="module")
def bundle(exp: Path, vocoder_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesiser and vocoder in one bundle."""
    path = tmp_path_factory.mktemp("bundle") / "tts"
    make_bundle(path, ["abc", "a b"], tts_model_file=exp / "model.pth", vocoder_file=vocoder_file)
    return path


GIVEN = {"sids": np.array([2]), "spembs": np.linspace(-1, 1, 5, dtype=np.float32)}


def test_results_are_tensors(files):
    text2speech = Text2Speech(**files)
    assert (text2speech.fs, text2speech.use_sids, text2speech.use_lids) == (8000, True, False)
    results = text2speech("a bc", **{name: torch.from_numpy(value) for name, value in GIVEN.items()})
    assert list(results) == KEYS
    assert all(isinstance(value, torch.Tensor) for value in results.values())
    frames = int(results["duration"].sum())
    assert results["feat_gen"].shape == (frames, 8)
    assert results["wav"].shape == ((frames - 1) * HOP,)


def test_bundle_speaks_as_pytorch_does(bundle, files, vocoder_file):
    torch_side = Text2Speech(**files, vocoder_file=vocoder_file)
    runtime = BundleText2Speech(bundle)
    for text, options in (("a", None), ("abcdefg gfedcba", None), ("ab", {"alpha": 1.7})):
        expected = torch_side(text, **GIVEN, decode_conf=options)
        found = runtime(text, **GIVEN, decode_conf=options)
        assert list(found) == list(expected) == KEYS
        for name, value in found.items():
            assert value.shape == tuple(expected[name].shape)
            assert np.abs(value - expected[name].numpy()).max() <= 1e-4
        assert np.array_equal(found["duration"], expected["duration"].numpy())


def test_bundle_speaks_batches_and_streams(bundle):
    runtime, texts = BundleText2Speech(bundle, batch_size=3), ["abcdefg gfedcba", "a", "ab"]
    found = runtime.batch(texts, [GIVEN] * 3)
    for text, together in zip(texts, found, strict=True):
        alone = runtime(text, **GIVEN)
        assert all(np.abs(value - together[name]).max() <= 1e-5 for name, value in alone.items())
        streamed = np.concatenate(list(runtime.stream(text, **GIVEN)))
        assert streamed.shape == alone["wav"].shape and np.abs(streamed - alone["wav"]).max() <= 1e-5


def test_bundle_is_spoken_from_the_command_line(bundle, tmp_path):
    command = ["--bundle", str(bundle), "ab", "-o", str(tmp_path / "a.wav"), "--sids", "1"]
    assert main_onnx(command) == 2  # no speaker embedding
    (tmp_path / "text").write_text("one ab\n")
    np.save(tmp_path / "one.npy", GIVEN["spembs"])
    (tmp_path / "spembs.scp").write_text(f"one {tmp_path / 'one.npy'}\n")
    lists = [f"{tmp_path / 'text'},text,text", f"{tmp_path / 'spembs.scp'},spembs,npy"]
    options = [word for item in lists for word in ("--data_path_and_name_and_type", item)]
    assert main_onnx([*command[:2], *options, "--sids", "1", "--output_dir", str(tmp_path / "out")]) == 0
    assert soundfile.info(tmp_path / "out" / "wav" / "one.wav").samplerate == 8000


def test_a_bundle_of_another_kind_is_told(bundle, demo_bundle):
    with pytest.raises(Exception, match="expected a bundle of vocoders, found one of speech synthesis"):
        BundleText2Speech(bundle, vocoder=bundle)
    with pytest.raises(Exception, match="expected a bundle of speech synthesis, found one of speech recognition"):
        BundleText2Speech(demo_bundle)


def test_vocoder_bundles_of_other_features_are_refused(bundle, vocoder_file, tmp_path):
    make_bundle(tmp_path / "vocoder", vocoder_file=vocoder_file)
    opened = BundleText2Speech(bundle, vocoder=tmp_path / "vocoder", verify=True)
    assert opened.bundle.section.griffin_lim["n_shift"] == HOP
    manifest = tmp_path / "vocoder" / "bundle.yaml"
    written = manifest.read_text()
    for key, value, other in (("hop_size", HOP, 24), ("fmin", 40, 500), ("fft_size", 48, 64)):
        manifest.write_text(written.replace(f"{key}: {value}", f"{key}: {other}"))
        with pytest.raises(BundleError, match=rf"vocoder: {key}: expected {value}, .*, found {other}"):
            BundleText2Speech(bundle, vocoder=tmp_path / "vocoder")


def test_vocoder_of_other_features_is_refused(exp, vocoder_file, tmp_path):
    for key, value in (("sampling_rate", 16000), ("hop_size", 10), ("fmax", 3000)):
        config = yaml.safe_load((vocoder_file.parent / "config.yml").read_text())
        path = tmp_path / "config.yml"
        path.write_text(yaml.safe_dump({**config, key: value}))
        with pytest.raises(
            ConfigError, match=rf"{key}: expected \d+, as the synthesiser's features have, found {value}"
        ):
            Text2Speech(exp / "config.yaml", exp / "model.pth", vocoder_file=vocoder_file, vocoder_config=path)


def test_options_of_griffin_lim(files, tmp_path):
    path = tmp_path / "griffin_lim.yaml"
    path.write_text("griffin_lim_iters: 3\nwin_length: 36\n")
    text2speech = Text2Speech(**files, vocoder_config=path)
    transform = text2speech.griffin_lim.transform
    assert (text2speech.griffin_lim.n_iter, np.count_nonzero(transform.window)) == (3, 35)
    path.write_text("n_fft: abc\n")
    with pytest.raises(ConfigError, match=r"griffin_lim\.yaml: griffin_lim\.n_fft: expected a whole number"):
        Text2Speech(**files, vocoder_config=path)
    path.write_text("sampling_rate: 8000\n")
    with pytest.raises(ConfigError, match="Griffin-Lim, or --vocoder_file with it, found 'sampling_rate'"):
        Text2Speech(**files, vocoder_config=path)


def test_teacher_forcing_measures_speech(files):
    text2speech = Text2Speech(**files, use_teacher_forcing=True)
    durations = torch.tensor([2, 3, 1])
    given = {**GIVEN, "durations": durations, "pitch": np.zeros((3, 1), np.float32)}
    results = text2speech("ab", torch.sin(torch.arange(5 * HOP) / 3.0), **given)
    assert len(results["feat_gen"]) == 6
    other = text2speech("ab", torch.zeros(5 * HOP), **given)
    assert not torch.allclose(results["feat_gen"], other["feat_gen"])


def test_packed_models(exp, vocoder_file, tmp_path, monkeypatch):
    monkeypatch.chdir(exp)
    configs, weights = {"train_config": "config.yaml"}, {"model_file": "model.pth"}
    pack(tmp_path / "tts.zip", weights, configs, ["stats.npz"])
    text2speech = Text2Speech.from_pretrained(str(tmp_path / "tts.zip"), str(vocoder_file))
    assert len(text2speech("ab", **GIVEN)["wav"]) % HOP == 0
    pack(tmp_path / "both.zip", {**weights, "vocoder_file": "vocoder/checkpoint-1steps.pkl"}, configs, ["stats.npz"])
    packed = Text2Speech.from_pretrained(str(tmp_path / "both.zip"))
    assert torch.equal(packed("ab", **GIVEN)["wav"], text2speech("ab", **GIVEN)["wav"])
    replaced = Text2Speech.from_pretrained(str(tmp_path / "both.zip"), vocoder_file=vocoder_file)
    assert torch.equal(replaced("ab", **GIVEN)["wav"], text2speech("ab", **GIVEN)["wav"])
    with pytest.raises(OptionError, match="vocoder_tag: expected the file of a vocoder's weights, found 'none'"):
        Text2Speech.from_pretrained(str(tmp_path / "tts.zip"), "none")


def test_command_on_pytorch(exp, tmp_path, capsys):
    assert main(["--model_file", str(exp / "model.pth"), "ab", "-o", str(tmp_path / "a.wav")]) == 2
    assert "sids: expected the number of a speaker" in capsys.readouterr().err
    assert main(["--train_config", str(exp / "config.yaml"), "ab", "-o", str(tmp_path / "a.wav")]) == 2
    assert "--model_file: expected the weights" in capsys.readouterr().err
    for name in ("model_file", "vocoder_file"):
        options = {"model_file": str(exp / "model.pth"), name: "nope.pkl"}
        command = [word for option, value in options.items() for word in (f"--{option}", value)]
        assert main([*command, "ab", "-o", str(tmp_path / "a.wav")]) == 2
        assert f"{name}: expected a file, found no such file: nope.pkl" in capsys.readouterr().err


def test_reference_results(fixtures_dir):
    exp, refs = fixtures_dir / "models" / "tts_fastspeech2", fixtures_dir / "refs"
    text2speech = Text2Speech(exp / "config.yaml", exp / "valid.loss.ave.pth")
    arrays = np.load(refs / "tts_fastspeech2.npz")
    lines = (refs / "tts_fastspeech2" / "refs.jsonl").read_text().splitlines()
    for index, reference in enumerate(map(json.loads, lines)):
        found = text2speech(reference["text"])
        assert {name: list(value.shape) for name, value in found.items()} == reference["keys"]
        assert np.array_equal(found["duration"].numpy(), arrays[f"{index}.duration"])
        for name in ("feat_gen", "feat_gen_denorm", "pitch", "energy"):
            assert np.abs(found[name].numpy() - arrays[f"{index}.{name}"]).max() <= 1e-4


def test_ids_outside_the_vocabulary(files):
    with pytest.raises(DataError, match="token ids from 0 to 10"):
        Text2Speech(**files)(np.array([11]), **GIVEN)
