"""Synthesisers as one graph, and as sherpa-onnx reads them."""

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
import zoo
import zoo_calls
import zoo_data
import zoo_tts_vits

from espnet2.bin.export_onnx import main
from espnet2.bin.tts_inference import Text2Speech as TorchText2Speech
from espnet2.export.layouts import sherpa_onnx
from espnet2.export.layouts.sherpa_onnx import SherpaVits
from espnet2.export.one_graph import OneGraph
from espnet2.export.verify_bundle import verify_bundle
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError
from espnet2.layers.seeded_noise import seeded_noise
from espnet2.runtime import Text2Speech
from espnet2.runtime.bundle import Bundle

PHONEMES = ["<blank>", "<unk>", "AH0", "HH", "L", "OW1", "W", ",", "N", "T", "<sos/eos>"]
SMALLEST = {"flow_flows": 1, "flow_layers": 1, "stochastic_duration_predictor_flows": 1}
SMALLEST |= {"stochastic_duration_predictor_dds_conv_layers": 1, "use_conformer_conv_in_text_encoder": False}
SMALLEST |= {"use_macaron_style_in_text_encoder": False, "text_encoder_positional_encoding_layer_type": "abs_pos"}
SMALLEST |= {"text_encoder_self_attention_layer_type": "selfattn", "decoder_resblock_dilations": [[1]]}


def _model(directory: Path) -> dict[str, Path]:
    """Files of a tiny VITS of three speakers."""
    config = copy.deepcopy(zoo_tts_vits.CONFIG)
    config["tts_conf"]["generator_params"] = {**zoo_tts_vits.GENERATOR, **SMALLEST, "spks": 3, "global_channels": 6}
    directory.mkdir(exist_ok=True)
    row = zoo_data.Row("one-graph", "", zoo_data.Config("espnet2.tasks.tts:TTSTask", config), (), ())
    torch.save(zoo_calls.module_for(row, directory).state_dict(), directory / "model.pth")
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    return {"tts_train_config": directory / "config.yaml", "tts_model_file": directory / "model.pth"}


def _command(files: dict[str, Path], *options: str) -> list[str]:
    return [*(f"--{name}={path}" for name, path in files.items()), *options]


def test_noise_is_normal_and_each_seed_and_stream_has_its_own():
    shape = torch.empty(200, 300)
    one, other, later = (seeded_noise(torch.tensor([seed]), shape, stream) for seed, stream in ((7, 0), (8, 0), (7, 1)))
    assert torch.equal(one, seeded_noise(torch.tensor([7]), shape))
    flat = one.flatten()
    moments = torch.stack([flat.mean(), flat.var() - 1, (flat**3).mean(), (flat**4).mean() - 3])
    assert moments.abs().max() < 0.1
    assert abs(float((flat.abs() > 3).float().mean()) - 0.0027) < 0.001
    neighbours = [(flat[:-1], flat[1:]), (flat[:-300], flat[300:]), (flat, other.flatten()), (flat, later.flatten())]
    assert max(abs(float(torch.corrcoef(torch.stack(pair))[0, 1])) for pair in neighbours) < 0.02


def test_one_graph_speaks_as_the_graphs_of_the_bundle_do(tmp_path):
    files = _model(tmp_path / "model")
    assert main(_command(files, "--output_dir", str(tmp_path / "bundle"), "--one_graph", "true", "abc")) == 0
    bundle = Bundle.load(tmp_path / "bundle", verify=True)
    session = onnxruntime.InferenceSession(str(bundle.path / bundle.manifest.files["one_graph"]["file"]))
    assert "synthesizer" in bundle.manifest.verification["fp32"]
    checks = [check for check in verify_bundle(bundle.path, **files) if check.subject == "synthesizer"]
    assert [check.passed for check in checks] == [True] * 4
    speak = Text2Speech(bundle, noise_scale=0.0, noise_scale_dur=0.0, speed_control_alpha=1.5)

    def samples(seed: int, scale: float) -> np.ndarray:
        feeds = {name: np.array([scale], np.float32) for name in ("noise_scale", "noise_scale_dur")}
        feeds |= {"text": np.array([[3, 2, 4, 5]]), "text_lengths": np.array([4]), "sids": np.array([[2]])}
        feeds |= {"seed": np.array([seed]), "alpha": np.array([1.5], np.float32)}
        return session.run(["wav"], feeds)[0][0]

    expected = speak([3, 2, 4, 5], sids=2)["wav"]
    assert np.abs(samples(1, 0.0) - expected).max() <= 1e-4
    assert np.array_equal(samples(1, 0.5), samples(1, 0.5))
    others = samples(1, 0.5), samples(2, 0.5)
    assert others[0].shape != others[1].shape or not np.allclose(*others)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fastspeech2-everything-given", {"alpha": 1.6}),
        ("fastspeech-reduction", {"alpha": 0.7}),
        ("tts-model-speakers", {}),
        ("jets-speakers", {}),
    ],
)
@torch.no_grad()
def test_one_graph_speaks_as_the_model_does(name, options, tmp_path):
    row = zoo.ROWS[name]
    model, vocoder = zoo_calls.module_for(row, tmp_path), zoo_calls.module_for(zoo.ROWS["hifigan-default"], tmp_path)
    parts = list(model.parts())
    parts += [] if "jets" in name else [(vocoder, component) for component in vocoder.components()]
    one, (batch, lengths) = OneGraph(parts), zoo_calls.batch_of(row, [0])
    given = {**batch, "text_lengths": lengths, "alpha": torch.tensor([options.get("alpha", 1.0)])}
    found = one.speak(*(given[tensor.name] for tensor in one.given))[0]
    results = model.inference(**{key: value[0] for key, value in batch.items()}, **options)
    feats = results.get("feat_gen_denorm", results.get("feat_gen"))
    expected = results["wav"] if feats is None else vocoder.inference(feats)[:, 0]
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Path]:
    """Files of a model of characters, and its layout for sherpa-onnx."""
    directory = tmp_path_factory.mktemp("sherpa")
    files = _model(directory / "model")
    assert main(_command(files, "--output_dir", str(directory / "out"), "--layout", "sherpa_onnx")) == 0
    return files, directory / "out"


def _speaker(out: Path, lexicon: str = "") -> Any:
    """sherpa-onnx's synthesiser without noise."""
    sherpa = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed")
    files = {"model": str(out / "model.onnx"), "tokens": str(out / "tokens.txt"), "lexicon": lexicon}
    vits = sherpa.OfflineTtsVitsModelConfig(**files, noise_scale=0.0, noise_scale_w=0.0)
    config = sherpa.OfflineTtsConfig(model=sherpa.OfflineTtsModelConfig(vits=vits))
    assert config.validate()
    return sherpa.OfflineTts(config)


def test_sherpa_onnx_speaks_the_same_samples(layout):
    files, out = layout
    assert [path.name for path in sorted(out.iterdir())] == ["model.onnx", "tokens.txt"]
    speaker = _speaker(out)
    assert (speaker.sample_rate, speaker.num_speakers) == (8000, 3)
    found = speaker.generate("AB cd", sid=2, speed=0.5)
    assert np.abs(np.array(found.samples) - _spoken(files, [3, 4, 2, 5, 6])).max() <= 1e-4


def test_sherpa_onnx_speaks_phonemes_by_a_lexicon(layout, tmp_path):
    """The graph is that of characters, since the same weights have as many phonemes."""
    files, out = layout
    config = yaml.safe_load(files["tts_train_config"].read_text())
    config |= {"token_type": "phn", "g2p": None, "token_list": PHONEMES}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    trained = load_trained(tts_train_config=tmp_path / "config.yaml", tts_model_file=files["tts_model_file"])
    model = onnx.load(out / "model.onnx")
    del model.metadata_props[:]
    component = SherpaVits(OneGraph(trained.parts)).component()
    for key, value in sherpa_onnx.metadata(trained, component).items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, tmp_path / "model.onnx")
    for name, lines in sherpa_onnx.text_files(trained, ["HH", "AH0", "L", "OW1", ",", "missing"]).items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    found = _speaker(tmp_path, str(tmp_path / "lexicon.txt")).generate("hh ah0, l ow1", sid=2, speed=0.5)
    assert np.abs(np.array(found.samples) - _spoken(files, [3, 2, 7, 4, 5])).max() <= 1e-4
    with pytest.raises(OptionError, match="lexicon_words"):
        sherpa_onnx.text_files(trained, [])


def _spoken(files: dict[str, Path], ids: list[int]) -> np.ndarray:
    """Samples of PyTorch's model without noise, twice as slow, by the second speaker."""
    named = {"train_config": files["tts_train_config"], "model_file": files["tts_model_file"]}
    speak = TorchText2Speech(**named, noise_scale=0.0, noise_scale_dur=0.0, speed_control_alpha=2.0)
    return speak(np.array(ids), sids=np.array([2]))["wav"].numpy()


def test_models_that_cannot_be_one_graph_are_told(tmp_path):
    several = zoo_calls.module_for(zoo.ROWS["vits-everything-given"], Path())
    with pytest.raises(OptionError, match="lids, spembs"):
        SherpaVits(OneGraph(several.parts()))
    without_vocoder = zoo_calls.module_for(zoo.ROWS["fastspeech2-default"], Path())
    with pytest.raises(OptionError, match=r"text_encoder, feature_decoder, vocoder, found text_encoder, feature_"):
        OneGraph(without_vocoder.parts())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layout", "sherpa_onnx", "--quantize", "int8"], "--quantize: expected none beside --layout sherpa_onnx"),
        (["--layout", "sherpa_onnx", "--recognizer", "b"], "--recognizer: expected none beside --layout sherpa_onnx"),
        (["--lexicon_words", "words"], "--lexicon_words: expected none without --layout"),
        (["--layout", "sherpa_onnx", "--output_dir", "new", "--lexicon_words", "nowhere"], "nowhere"),
        (["--layout", "sherpa_onnx"], "expected a new directory"),
    ],
)
def test_options_that_do_not_go_together_are_told(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = _model(tmp_path / "model")
    assert main(_command(files, "--output_dir", str(tmp_path / "model"), *options)) == 2
    assert re.search(message, capsys.readouterr().err)
