"""Mask-CTC models on PyTorch, under upstream's names."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import zoo
import zoo_calls

from espnet2.asr.maskctc_model import MaskCTCInference
from espnet2.bin.asr_inference_maskctc import Speech2Text, get_parser
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.tasks.asr import ASRTask


def save(directory, **keys):
    """Files of a small model with weights that say something."""
    config = zoo_calls.build({**zoo.ROWS["maskctc-default"].make.keys, "token_type": "char", **keys}, directory)
    path = directory / "config.yaml"
    path.write_text(json.dumps(config))
    torch.manual_seed(0)
    model, _ = ASRTask.build_model_from_file(path)
    torch.save({key: 3 * value for key, value in model.state_dict().items()}, directory / "model.pth")
    return path, directory / "model.pth"


SPEECH = 0.1 * np.random.default_rng(0).standard_normal(6000).astype(np.float32)


@pytest.mark.parametrize("n_iterations", [0, 2])
def test_the_recogniser_runs_the_search_of_the_model(tmp_path, n_iterations):
    found = Speech2Text(*save(tmp_path), maskctc_n_iterations=n_iterations, maskctc_threshold_probability=0.999)
    ((text, tokens, token_int, hypothesis),) = found(SPEECH)
    lengths = torch.tensor([len(SPEECH)])
    encoder_out, _ = found.asr_model.encode_speech(torch.from_numpy(SPEECH)[None], lengths)
    expected = MaskCTCInference(found.asr_model, n_iterations, 0.999)(encoder_out[0])
    mask = found.asr_model.mask_token
    assert hypothesis.yseq.tolist() == expected.yseq.tolist()
    assert (hypothesis.yseq[[0, -1]] == mask).all()
    assert token_int == [token for token in hypothesis.yseq[1:-1].tolist() if token != 0]
    assert tokens == [found.asr_model.token_list[token] for token in token_int]
    assert text == "".join(tokens).replace("<space>", " ")


def test_a_model_of_another_kind_is_refused(demo_dir):
    with pytest.raises(OptionError, match="expected a Mask-CTC model, found ESPnetASRModel"):
        Speech2Text(asr_model_file=demo_dir / "exp" / "asr" / "valid.acc.ave.pth")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"model": "espnet"}, "decoder: expected mlm in a model maskctc and nowhere else, found mlm in espnet"),
        ({"decoder": "transformer"}, "decoder: expected mlm .* found transformer in maskctc"),
        ({"model_conf": {"ctc_weight": 0.0}}, "ctc_weight: expected more than 0 in a Mask-CTC model, found 0"),
    ],
)
def test_models_that_do_not_fit_together_are_refused(tmp_path, keys, sentence):
    with pytest.raises(ConfigError, match=sentence):
        save(tmp_path, **keys)


def test_options_of_the_command():
    args = get_parser().parse_args(["--maskctc_n_iterations", "3", "--maskctc_threshold_probability", "0.5", "a.wav"])
    assert (args.maskctc_n_iterations, args.maskctc_threshold_probability) == (3, 0.5)
