"""Tiny JETS and VITS are trained against discriminators, go on from their checkpoints, and speak."""

import numpy as np
import pytest
import tiny_tts
import yaml

from espnet2.bin import gan_tts_train
from espnet2.inference.tts_inference import Text2Speech
from espnet2.train.checkpoint_io import read_checkpoint


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Options of a training on a corpus without durations."""
    directory = tmp_path_factory.mktemp("corpus")
    return directory, {**tiny_tts.JETS, **tiny_tts.make_corpus(directory, durations=False)}


def run(directory, output, options):
    (directory / "train.yaml").write_text(yaml.safe_dump(options))
    return gan_tts_train.main(["--config", str(directory / "train.yaml"), "--output_dir", str(directory / output)])


def test_training_goes_on_where_it_ended(corpus):
    directory, options = corpus
    whole = {**options, "max_epoch": 2}
    assert run(directory, "whole", whole) == 0
    assert run(directory, "parts", {**options, "max_epoch": 1}) == 0
    assert run(directory, "parts", {**whole, "resume": True}) == 0
    ours, theirs = (read_checkpoint(directory / name / "checkpoint.pth") for name in ("parts", "whole"))
    for name, value in ours["state_dict"].items():
        assert np.allclose(value, theirs["state_dict"][name], atol=1e-5), name
    assert len(ours["optimizer_states"]) == 2
    stats = theirs["reporter"]["stats"][2]
    assert {"generator_loss", "discriminator_loss", "discriminator_real_loss"} <= set(stats["valid"])
    assert {"generator_forward_time", "discriminator_forward_time", "optim1_lr0"} <= set(stats["train"])
    speak = Text2Speech(directory / "whole/config.yaml", directory / "whole/train.total_count.ave_1best.pth")
    found = speak("abc")["wav"]
    assert found.ndim == 1 and len(found) % tiny_tts.HOP == 0


def test_vits_is_trained(corpus):
    directory, options = corpus
    data = {name: value for name, value in options.items() if name not in tiny_tts.JETS}
    assert run(directory, "vits", {**data, **tiny_tts.VITS, "max_epoch": 1}) == 0
    stats = read_checkpoint(directory / "vits/checkpoint.pth")["reporter"]["stats"][1]["valid"]
    assert {"generator_loss", "discriminator_loss"} <= set(stats)
    speak = Text2Speech(directory / "vits/config.yaml", directory / "vits/latest.pth")
    assert speak.fs == tiny_tts.RATE and len(speak("abc")["wav"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accum_grad": 2}, "accum_grad: expected 1 in training with a discriminator, found 2"),
        ({"skip_discriminator_prob": 1.5}, "skip_discriminator_prob: expected a number from 0 to below 1, found 1.5"),
        ({"optim2": "none"}, "optim2: expected one of adam"),
        ({"feats_extract_conf": {"fs": tiny_tts.RATE, "hop_length": 32}}, "feats_extract_conf.hop_length: expected 64"),
    ],
)
def test_options_that_cannot_be_used(corpus, capsys, changes, message):
    directory, options = corpus
    assert run(directory, "refused", {**options, **changes}) == 2
    assert message in capsys.readouterr().err
    assert not (directory / "refused").exists()
