"""Speaker models are trained by the same trainer."""

import pytest
import soundfile
import tone_corpus
import torch
import yaml

from espnet2.bin import spk_train
from espnet2.inference.spk_inference import Speech2Embedding
from espnet2.tasks.spk import SpeakerTask

MODEL = {
    "frontend": "default",
    "frontend_conf": {"n_fft": 64, "hop_length": 32, "n_mels": 8},
    "encoder": "xvector",
    "encoder_conf": {"ndim": 8, "output_size": 8},
    "pooling": "stats",
    "projector": "xvector",
    "projector_conf": {"output_size": 5},
    "loss": "aamsoftmax",
    "loss_conf": {"margin": 0.0, "scale": 10},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two speakers that are tones of two frequencies, with two utterances for validation."""
    directory = tmp_path_factory.mktemp("corpus")
    tone_corpus.write(directory)
    (directory / "spk2utt").write_text("low a\nhigh b\n")
    return directory


def config(directory, **changes):
    own = {"spk2utt": str(directory / "spk2utt"), "spk_num": 2, "target_duration": 0.2}
    return {**MODEL, **tone_corpus.LOOP, **tone_corpus.data(directory, "spk_labels"), **own, **changes}


def train(directory, tmp_path, **changes):
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config(directory, **changes)))
    return spk_train.main(["--config", str(tmp_path / "train.yaml"), "--output_dir", str(tmp_path / "exp")])


def test_two_speakers_are_told_apart(corpus, tmp_path):
    assert train(corpus, tmp_path) == 0
    exp = tmp_path / "exp"
    model, _ = SpeakerTask.build_model_from_file(exp / "config.yaml", exp / "valid.loss.ave.pth")
    embed = Speech2Embedding(exp / "config.yaml", exp / "valid.loss.ave.pth")
    speech = [soundfile.read(corpus / "valid" / f"{index}.wav", dtype="float32")[0] for index in (0, 1)]
    _, _, closest = model.loss(torch.from_numpy(embed.batch(speech)))
    assert closest.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spk_num": 3}, "spk_num: expected 2, the speakers of spk2utt, found 3"),
        ({"spk_num": None}, "spk_num: expected the number of speakers"),
        ({"preprocessor_conf": {"target_duration": 0.0}}, "target_duration: expected a positive number of seconds"),
    ],
)
def test_bad_options(corpus, tmp_path, capsys, changes, message):
    assert train(corpus, tmp_path, **changes) == 2
    assert message in capsys.readouterr().err
