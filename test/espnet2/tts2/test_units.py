"""Discrete units of texts: on PyTorch and from a bundle, files of a command, and losses of a batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
import vocoder_files
from zoo_kind import attribute

from espnet2.bin.tts2_inference import Text2Speech, main
from espnet2.export.make_bundle import make_bundle
from espnet2.interface.errors import ConfigError, DataError
from espnet2.runtime import Text2Speech as BundleText2Speech
from espnet2.tasks.tts2 import TTS2Task
from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import GENERATORS, UNUSED

TEXT = "abc gfe"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    return vocoder_files.write_synthesiser(tmp_path_factory.mktemp("tts2"), vocoder_files.TTS2)


def _vocoder(directory: Path, kind: str, **keys) -> Path:
    """Weights of a vocoder."""
    directory.mkdir()
    generator_type, params, _ = vocoder_files.KINDS[kind]
    own = {name: value for name, value in params.items() if name not in UNUSED}
    return vocoder_files.write(directory, attribute(GENERATORS[generator_type])(**own), False, kind, **keys)


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory) -> Path:
    """One of several speakers."""
    return _vocoder(tmp_path_factory.mktemp("vocoder") / "of_units", "units-speakers", sampling_rate=12000)


@pytest.fixture(scope="module")
def bundle(files, vocoder, tmp_path_factory) -> Path:
    """Synthesiser and vocoder in one bundle."""
    options = {"tts_train_config": files["train_config"], "tts_model_file": files["model_file"]}
    return make_bundle(tmp_path_factory.mktemp("units") / "bundle", **options, vocoder_file=vocoder).path


def test_bundle_gives_units_and_samples_of_pytorch(files, bundle, vocoder):
    synthesizer = BundleText2Speech(bundle, num_threads=1)
    assert (synthesizer.fs, synthesizer.use_sids, synthesizer.makes_samples) == (12000, True, True)
    expected, found = Text2Speech(**files, vocoder_file=vocoder)(TEXT, sids=2), synthesizer(TEXT, sids=2)
    assert found.keys() == expected.keys()
    assert found["feat_gen"].dtype == np.int64
    assert np.array_equal(found["feat_gen"], expected["feat_gen"])
    assert len(found["wav"]) == 12 * len(found["feat_gen"])
    assert np.abs(found["wav"] - expected["wav"].numpy()).max() <= 1e-5
    assert np.abs(found["wav"] - synthesizer(TEXT, sids=0)["wav"]).max() > 1e-3
    with pytest.raises(DataError, match="sids: expected the number of a speaker from 0 to 2, found 3"):
        synthesizer(TEXT, sids=3)


def test_streams_equal_the_whole(bundle):
    synthesizer, slow = BundleText2Speech(bundle, num_threads=1), {"alpha": 20.0}
    pieces = list(synthesizer.stream(TEXT, sids=2, decode_conf=slow))
    whole = synthesizer(TEXT, sids=2, decode_conf=slow)["wav"]
    assert len(pieces) > 1
    assert np.abs(np.concatenate(pieces) - whole).max() <= 1e-5 < np.abs(whole).max()


@pytest.mark.parametrize("kind", ["units", "units-speakers"])
def test_vocoder_in_a_bundle_of_its_own(kind, files, bundle, tmp_path, repo_dir):
    """Kernels that are longer than their scales by an odd number give one sample more, and no stream."""
    path = _vocoder(tmp_path / kind, kind)
    synthesizer = BundleText2Speech(bundle, vocoder=make_bundle(tmp_path / "bundle", vocoder_file=path).path)
    assert synthesizer.fs == 8000
    conditions = {"sids": 1} if kind == "units-speakers" else {}
    found = synthesizer(vocoder_files.TEXT, **conditions)
    expected = Text2Speech(**files, vocoder_file=path)(vocoder_files.TEXT, **conditions)
    assert np.abs(found["wav"] - expected["wav"].numpy()).max() <= 1e-5
    (*_, last) = synthesizer.stream(vocoder_files.TEXT, **conditions)
    if kind == "units":
        assert np.array_equal(last, found["wav"])
        upstream = np.load(repo_dir / "test" / "golden" / "vocoder" / "units.npz")["spoken"]
        assert np.abs(found["wav"] - upstream).max() <= 1e-5


def test_slower_speech_has_more_units(files):
    synthesizer = Text2Speech(**files)
    assert not synthesizer.makes_samples
    slower, found = synthesizer(TEXT, decode_conf={"alpha": 2.0}), synthesizer(TEXT)
    assert len(slower["feat_gen"]) == 2 * len(found["feat_gen"]) and "wav" not in found


def test_command_writes_units_to_a_directory(files, tmp_path, caplog):
    given = [f"--{name}={path}" for name, path in files.items()]
    (tmp_path / "text").write_text(f"one {TEXT}\n", encoding="utf-8")
    listed = [f"--data_path_and_name_and_type={tmp_path / 'text'},text,text", f"--output_dir={tmp_path / 'out'}"]
    assert main([*given, *listed]) == 0
    units = np.load(tmp_path / "out" / "norm" / "one.npy")
    assert np.array_equal(units, Text2Speech(**files)(TEXT)["feat_gen"])
    assert main([*given, TEXT, f"--output={tmp_path / 'a.wav'}"]) == 2


def test_vocoders_that_do_not_fit(files, tmp_path):
    fewer = {**vocoder_files.KINDS["units"][1], "num_embs": 11}
    for name, kind, keys, sentence in (
        ("features", "hifigan", {}, "expected a vocoder of at least 12 discrete units, found a vocoder of features"),
        ("concat", "units", {"generator_params": {**fewer, "concat_spk_emb": True}}, "concat_spk_emb: expected False"),
        ("type", "units", {"generator_type": "DiscreteSymbolDurationGenerator"}, "found 'DiscreteSymbolDuration"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            Text2Speech(**files, vocoder_file=_vocoder(tmp_path / name, kind, **keys))
    config = tmp_path / "griffin_lim.yaml"
    config.write_text("griffin_lim_iters: 3\n")
    with pytest.raises(ConfigError, match="expected vocoder_file with it, since the model gives units"):
        Text2Speech(**files, vocoder_config=config)


def test_losses_of_a_batch_with_extracted_pitch(files):
    model, _ = TTS2Task.build_model_from_file(files["train_config"])
    batch = {
        "text": torch.tensor([[2, 3]]),
        "discrete_speech": torch.randint(1, 12, (1, 17)),
        "speech": torch.sin(torch.arange(1024) / 5.0)[None],
        "durations": torch.tensor([[5, 4, 8]]),
    }
    batch |= {f"{name}_lengths": torch.tensor([value.shape[1]]) for name, value in batch.items()}
    collected = model.collect_feats(**batch)
    assert {name: tuple(value.shape) for name, value in collected.items() if "lengths" not in name} == {
        "discrete_feats": (1, 17),
        "pitch": (1, 3, 1),
        "energy": (1, 3, 1),
    }
    loss, stats, _ = model(**batch)
    loss.backward()
    assert torch.isfinite(loss).all()
    assert {"ce_loss", "before_acc", "after_acc", "pitch_loss"} <= stats.keys()
