"""A trained Tacotron 2: on PyTorch, and as a bundle."""

from pathlib import Path

import numpy as np
import pytest
import torch
import zoo
import zoo_calls
import zoo_data
import zoo_tts_tacotron2

from espnet2.export.make_bundle import make_bundle
from espnet2.inference.tts_inference import Text2Speech
from espnet2.runtime import Text2Speech as BundleText2Speech
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.families.tts import TTS
from espnet2.utils.warped_distance import warped_distance

TEXTS = ("ab cdefg", "a", "gf ed cba")
KEYS = {"feat_gen", "feat_gen_denorm", "prob", "att_w", "duration", "focus_rate", "wav"}
OPTIONS = {"threshold": 0.9, "maxlenratio": 4.0, "always_fix_seed": True}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model of drawn weights with dropout in its prenet."""
    directory = tmp_path_factory.mktemp("tacotron2")
    small = {name: value for name, value in zoo_tts_tacotron2.SMALL.items() if name not in ("idim", "odim")}
    options = {**small, "atype": "forward_ta", "reduction_factor": 2, "cumulate_att_w": False}
    further = {"pitch_extract": None, "energy_extract": None, "tts": "tacotron2", "tts_conf": options}
    make = zoo_data.Config("espnet2.tasks.tts:TTSTask", {**zoo.ROWS["tts-model-default"].make.keys, **further})
    model = zoo_calls.module_for(zoo_data.Row("tacotron2-model", "", make, (), ()), directory)
    torch.save(model.state_dict(), directory / "model.pth")
    return {"train_config": directory / "config.yaml", "model_file": directory / "model.pth"}


@pytest.fixture(scope="module")
def bundle(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "tts"
    given = {"tts_train_config": files["train_config"], "tts_model_file": files["model_file"]}
    make_bundle(path, TEXTS[:1], quantize="int8", **given)
    return path


@pytest.mark.parametrize("window", [{}, {"use_att_constraint": True, "backward_window": 2, "forward_window": 3}])
def test_bundle_speaks_as_pytorch_does(bundle, files, window):
    torch_side, runtime = Text2Speech(**files, **OPTIONS, **window), BundleText2Speech(bundle, **OPTIONS, **window)
    alone = [runtime(text) for text in TEXTS]
    together = runtime.batch(TEXTS, decode_conf={"batch_size": 3})
    for text, one, found in zip(TEXTS, alone, together, strict=True):
        expected = {name: value.numpy() for name, value in torch_side(text).items()}
        assert set(expected) == set(found) == set(one) == KEYS
        for name, value in expected.items():
            for other in (one[name], found[name]):
                assert other.shape == value.shape
                np.testing.assert_allclose(other, value, rtol=0, atol=1e-4 * max(1.0, np.abs(value).max()))
        assert len(one["att_w"][0]) == len(text) + 1
        assert one["duration"].sum() * 2 == len(one["prob"]) == 4 * (len(text) + 1)


def test_noise_is_that_of_the_seed(bundle):
    first, same, other = (BundleText2Speech(bundle, **OPTIONS, seed=seed)(TEXTS[0])["feat_gen"] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.allclose(first, other, atol=1e-3)


def test_teacher_forcing(bundle, files):
    speech = np.random.default_rng(0).standard_normal(2000).astype(np.float32) / 9
    forced = {"use_teacher_forcing": True, **OPTIONS}
    torch_side = Text2Speech(**files, **forced)
    expected = torch_side(TEXTS[0], speech=speech)
    feats = torch_side.model.measured(torch.from_numpy(speech))["feats"]
    (found,) = BundleText2Speech(bundle, **forced).batch(TEXTS[:1], [{"feats": feats.numpy()}])
    assert "prob" not in found
    for name in ("feat_gen", "att_w"):
        assert len(feats) // 2 == len(found["att_w"]) == (2000 // 64 + 1) // 2
        np.testing.assert_allclose(found[name], expected[name].numpy(), rtol=0, atol=1e-4)


def test_int8(bundle):
    exact, int8 = (BundleText2Speech(bundle, quantized=quantized, **OPTIONS)(TEXTS[0]) for quantized in (False, True))
    far = warped_distance(exact["feat_gen"], int8["feat_gen"])
    assert 0 < far < TTS.most_deviation
    stated = Bundle.load(bundle).manifest.verification["int8"]["deviation_of_feature_rate"]
    assert 0 < stated < TTS.most_deviation
