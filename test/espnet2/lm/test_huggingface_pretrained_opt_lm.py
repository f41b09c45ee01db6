"""OPT: what is read of a config.json, scores of growing hypotheses, and the limit of learned positions."""

import json

import pytest
import torch

from espnet2.lm.huggingface_pretrained_opt_lm import HuggingfaceOPTModel, OPTConfig

TINY = {"model_type": "opt", "hidden_size": 8, "num_hidden_layers": 2, "ffn_dim": 12, "num_attention_heads": 2}


def directory(path, **keys) -> str:
    (path / "config.json").write_text(json.dumps({**TINY, "dropout": 0.1, **keys}))
    return str(path)


def test_keys_that_a_config_leaves_out(tmp_path):
    config = OPTConfig.read(directory(tmp_path))
    assert (config.hidden_size, config.max_position_embeddings, config.do_layer_norm_before) == (8, 2048, True)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"model_type": "gpt2"}, "opt_name.*opt.*gpt2"),
        ({"num_hidden_layers": 0}, "num_hidden_layers.*0"),
        ({"num_attention_heads": 3}, "8 channels.*3"),
        ({"activation_function": "maxout"}, "activation_function.*maxout.*relu"),
    ],
)
def test_other_models_are_refused(keys, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        HuggingfaceOPTModel(11, directory(tmp_path, **keys))


@torch.no_grad()
def test_scores_of_growing_hypotheses_equal_forward(tmp_path):
    module = HuggingfaceOPTModel(11, directory(tmp_path)).eval()
    text = torch.tensor([[10, 3, 0, 5], [10, 4, 6, 1]])
    expected = module(text, None)[0].log_softmax(-1)
    states = [None, None]
    for known in range(1, 5):
        found, states = module.batch_score(text[:, :known], states, None)
        torch.testing.assert_close(found, expected[:, known - 1])
        torch.testing.assert_close(module.score(text[1, :known], None, None)[0], expected[1, known - 1])


@torch.no_grad()
def test_positions_end_where_the_table_does(tmp_path):
    module = HuggingfaceOPTModel(11, directory(tmp_path, max_position_embeddings=5)).eval()
    assert module(torch.ones(1, 5, dtype=torch.int64))[0].shape == (1, 5, 11)
    with pytest.raises(IndexError):
        module(torch.ones(1, 6, dtype=torch.int64))
