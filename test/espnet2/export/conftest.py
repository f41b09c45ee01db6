"""A tiny recogniser with a language model, as upstream's training would leave them, and a bundle made of them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from espnet2.export.make_bundle import make_bundle
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<space>", "<sos/eos>"]
ASR = {
    "token_list": TOKENS,
    "token_type": "char",
    "frontend": "default",
    "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20},
    "normalize": "utterance_mvn",
    "model_conf": {"ctc_weight": 0.3},
    "encoder": "transformer",
    "encoder_conf": {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
}
LM = {"token_list": TOKENS, "lm": "seq_rnn", "lm_conf": {"unit": 8, "nlayers": 1, "rnn_type": "lstm"}}


def save_model(task, config: dict, directory: Path) -> tuple[Path, Path]:
    """Write config.yaml and random weights."""
    directory.mkdir()
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    torch.manual_seed(0)
    model, _ = task.build_model_from_file(path)
    torch.save(model.state_dict(), directory / "model.pth")
    return path, directory / "model.pth"


@pytest.fixture(scope="session")
def trained_files(tmp_path_factory) -> dict[str, Path]:
    """Keywords of `load_trained`."""
    directory = tmp_path_factory.mktemp("trained")
    config, weights = save_model(ASRTask, ASR, directory / "asr")
    lm_config, lm_weights = save_model(LMTask, LM, directory / "lm")
    return {
        "asr_train_config": config,
        "asr_model_file": weights,
        "lm_train_config": lm_config,
        "lm_file": lm_weights,
    }


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> Path:
    """Half a second of noise at another rate than the model's."""
    path = tmp_path_factory.mktemp("recordings") / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(4000), 8000)
    return path


@pytest.fixture(scope="session")
def exported(trained_files, recording, tmp_path_factory) -> Path:
    """A bundle with int8 graphs, and the origins of its nodes beside it."""
    path = tmp_path_factory.mktemp("exported") / "bundle"
    return make_bundle(path, [recording], "int8", debug=True, **trained_files).path
