"""A tiny FastSpeech 2 is trained, goes on from its checkpoint, and speaks."""

import numpy as np
import pytest
import tiny_tts
import yaml

from espnet2.bin import tts_train
from espnet2.inference.tts_inference import Text2Speech
from espnet2.train.checkpoint_io import read_checkpoint


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Options of a training on a corpus, with its statistics."""
    directory = tmp_path_factory.mktemp("corpus")
    options = {**tiny_tts.FASTSPEECH2, **tiny_tts.make_corpus(directory)}
    stats = {name: None for name in ("normalize", "pitch_normalize", "energy_normalize")}
    collected = {"collect_stats": True, "write_collected_feats": True}
    assert run(directory, "stats", {**options, **stats, **collected}) == 0
    for name, part in (("normalize", "feats"), ("pitch_normalize", "pitch"), ("energy_normalize", "energy")):
        options[f"{name}_conf"] = {"stats_file": str(directory / f"stats/train/{part}_stats.npz")}
    return directory, options


def run(directory, output, options):
    (directory / "train.yaml").write_text(yaml.safe_dump(options))
    return tts_train.main(["--config", str(directory / "train.yaml"), "--output_dir", str(directory / output)])


def weights(directory):
    return read_checkpoint(directory / "checkpoint.pth")["state_dict"]


def test_statistics_are_those_of_features_pitch_and_energy(corpus):
    place = corpus[0] / "stats/train"
    counts = {name: int(np.load(place / f"{name}_stats.npz")["count"]) for name in ("feats", "pitch", "energy")}
    frames = sum(map(sum, durations(corpus[0])))
    tokens = sum(map(len, durations(corpus[0])))
    assert counts == {"feats": frames, "pitch": tokens, "energy": tokens}
    assert {path.name for path in (place / "collect_feats").glob("*.scp")} >= {"feats.scp", "pitch.scp", "energy.scp"}


def durations(directory):
    return [list(map(int, line.split()[1:])) for line in (directory / "train/durations").read_text().splitlines()]


def test_training_goes_on_where_it_ended(corpus):
    directory, options = corpus
    whole = {**options, "max_epoch": 3}
    assert run(directory, "whole", whole) == 0
    assert run(directory, "parts", options) == 0
    assert run(directory, "parts", {**whole, "resume": True}) == 0
    ours, theirs = weights(directory / "parts"), weights(directory / "whole")
    for name, value in ours.items():
        assert np.allclose(value, theirs[name], atol=1e-6), name
    history = read_checkpoint(directory / "whole/checkpoint.pth")["reporter"]["stats"]
    assert {"l1_loss", "duration_loss", "pitch_loss", "energy_loss", "loss"} <= set(history[3]["valid"])
    speak = Text2Speech(directory / "whole/config.yaml", directory / "whole/valid.loss.ave.pth")
    assert speak("abc")["feat_gen"].shape[1] == 10


def test_features_that_were_collected_can_be_given(corpus):
    directory, options = corpus
    changed = {**options, "max_epoch": 1}
    for phase in ("train", "valid"):
        place = f"{directory}/stats/{phase}/collect_feats"
        given = [[f"{place}/{name}.scp", name, "npy"] for name in ("pitch", "energy")]
        changed[f"{phase}_data_path_and_name_and_type"] = [*options[f"{phase}_data_path_and_name_and_type"], *given]
    assert run(directory, "given", changed) == 0
    assert run(directory, "extracted", {**options, "max_epoch": 1}) == 0
    ours, theirs = weights(directory / "given"), weights(directory / "extracted")
    assert all(np.allclose(value, theirs[name], atol=1e-5) for name, value in ours.items())


def test_a_model_that_speaks_step_by_step_is_trained(corpus):
    directory, options = corpus
    own = {name: value for name, value in options.items() if not name.startswith(("pitch", "energy"))}
    for name in ("train_data_path_and_name_and_type", "valid_data_path_and_name_and_type"):
        own[name] = [entry for entry in own[name] if entry[1] != "durations"]
    sizes = ("embed_dim", "eunits", "econv_chans", "adim", "dunits", "prenet_units", "postnet_chans")
    assert run(directory, "tacotron2", {**own, "tts": "tacotron2", "tts_conf": dict.fromkeys(sizes, 8)}) == 0
    history = read_checkpoint(directory / "tacotron2/checkpoint.pth")["reporter"]["stats"]
    assert {"l1_loss", "mse_loss", "bce_loss", "attn_loss", "loss"} <= set(history[2]["valid"])
    speak = Text2Speech(directory / "tacotron2/config.yaml", directory / "tacotron2/valid.loss.ave.pth", maxlenratio=2)
    assert speak("abc")["att_w"].shape[1] == 4
