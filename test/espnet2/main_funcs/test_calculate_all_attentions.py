"""Attention weights equal upstream's, and computing them does not change the model."""

import attention_tables
import numpy as np
import pytest
import torch

from espnet2.main_funcs.calculate_all_attentions import calculate_all_attentions


@pytest.mark.parametrize("name", attention_tables.ROWS)
def test_upstream(name, tmp_path):
    row = attention_tables.ROWS[name]
    found = calculate_all_attentions(attention_tables.model_of(row, tmp_path), attention_tables.batch_of(row))
    with np.load(attention_tables.GOLDEN / f"{name}.npz") as golden:
        assert {f"{index}.{key}" for key, rows in found.items() for index in range(len(rows))} == set(golden.files)
        for key, rows in found.items():
            for index, weights in enumerate(rows):
                np.testing.assert_allclose(weights.numpy(), golden[f"{index}.{key}"], atol=1e-5, err_msg=key)


def test_no_trace(tmp_path):
    row = attention_tables.ROWS["transformer"]
    model, batch = attention_tables.model_of(row, tmp_path).train(), attention_tables.batch_of(row)
    model.encoder.eval()
    modes = [module.training for module in model.modules()]
    first, second = (calculate_all_attentions(model, batch) for _ in range(2))
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    for key, rows in first.items():
        for weights, again in zip(rows, second[key], strict=True):
            assert not weights.requires_grad
            torch.testing.assert_close(weights, again, atol=0, rtol=0)


def test_no_trace_of_a_failure(tmp_path):
    row = attention_tables.ROWS["transformer"]
    model, batch = attention_tables.model_of(row, tmp_path).train(), attention_tables.batch_of(row)
    with pytest.raises(RuntimeError):
        calculate_all_attentions(model, {**batch, "speech": batch["speech"][..., :3]})
    assert model.training and model.decoder.training
    assert not any(module._forward_hooks for module in model.modules())


def test_no_attention():
    assert calculate_all_attentions(torch.nn.Linear(2, 2), {"input": torch.zeros(3, 2)}) == {}
