"""Discrete units of texts: on PyTorch and from a bundle, files of a command, and losses of a batch."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo
import zoo_calls

from espnet2.bin.tts2_inference import Text2Speech, main
from espnet2.export.make_bundle import make_bundle
from espnet2.interface.errors import OptionError
from espnet2.runtime import Text2Speech as BundleText2Speech
from espnet2.tasks.tts2 import TTS2Task

TEXT = "abc gfe"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("tts2")
    row = dataclasses.replace(zoo.ROWS["tts2-model"], name="units")
    torch.save(zoo_calls.module_for(row, directory).state_dict(), directory / "model.pth")
    return {"train_config": directory / "config.yaml", "model_file": directory / "model.pth"}


def test_bundle_gives_the_units_of_pytorch(files, tmp_path, capsys):
    expected = Text2Speech(**files)(TEXT)
    bundle = make_bundle(
        tmp_path / "bundle", tts_train_config=files["train_config"], tts_model_file=files["model_file"]
    )
    synthesizer = BundleText2Speech(bundle.path, num_threads=1)
    found = synthesizer(TEXT)
    assert found.keys() == expected.keys()
    assert found["feat_gen"].dtype == np.int64
    assert np.array_equal(found["feat_gen"], expected["feat_gen"])
    assert not synthesizer.makes_samples
    slower = synthesizer(TEXT, decode_conf={"alpha": 2.0})
    assert len(slower["feat_gen"]) == 2 * len(found["feat_gen"])


def test_command_writes_units_to_a_directory(files, tmp_path, caplog):
    given = [f"--{name}={path}" for name, path in files.items()]
    (tmp_path / "text").write_text(f"one {TEXT}\n", encoding="utf-8")
    listed = [f"--data_path_and_name_and_type={tmp_path / 'text'},text,text", f"--output_dir={tmp_path / 'out'}"]
    assert main([*given, *listed]) == 0
    units = np.load(tmp_path / "out" / "norm" / "one.npy")
    assert np.array_equal(units, Text2Speech(**files)(TEXT)["feat_gen"])
    assert main([*given, TEXT, f"--output={tmp_path / 'a.wav'}"]) == 2


def test_vocoders_are_refused(files):
    with pytest.raises(OptionError, match=r"vocoder_file.*discrete units"):
        Text2Speech(**files, vocoder_file="vocoder.pkl")


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
