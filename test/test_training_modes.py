"""Modules of the zoo in training mode: gradients are finite, and all that an output depends on gets one.

`test_training_zoo.py` compares whole models with upstream; here is everything that a config may name.
"""

import dataclasses

import pytest
import torch
import zoo
import zoo_calls
import zoo_data

TRAINED = [row for row in zoo.ROWS.values() if zoo_calls.KINDS[row.kind].trained]
# Parameters that only other calls need: masked and global attention, other inputs, pretraining.
UNUSED = ("_global.", "cross", "final_proj", "mask_emb", "label_emb", "logit_generator", "mask_generator", "quantizer")
UNUSED += ("project_q", "project_hid", "target_glu", "grep_", "att_list.1.")
# Rows that leave layers out, at random or always.
PARTIAL = (
    "drop-attn",
    "max_layer",
    "beats-weighted",
    "training-options",
    "hubert-training",
    "longformer-normalize_after",
)
STILL = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0, "attention_dropout_rate": 0.0}
# Options that change what training computes, by a row of the zoo and what else is set.
RANDOM = [
    ("conformer-conv2d", {**STILL, "num_blocks": 3, "stochastic_depth_rate": 0.5}),
    ("conformer-conv2d", {**STILL, "num_blocks": 3, "layer_drop_rate": 0.5}),
    ("conformer-conv2d", {**STILL, "dropout_rate": 0.3}),
    ("conformer-conv2d", {**STILL, "positional_dropout_rate": 0.3}),
    ("conformer-conv2d", {**STILL, "attention_dropout_rate": 0.3}),
    ("branchformer-conv2d", {**STILL, "num_blocks": 3, "stochastic_depth_rate": 0.5}),
    ("branchformer-learned_ave", {**STILL, "attn_branch_drop_rate": 0.5}),
    ("e_branchformer-conv2d", {**STILL, "num_blocks": 3, "layer_drop_rate": 0.5}),
    ("transformer-conv2d", {**STILL, "num_blocks": 3, "layer_drop_rate": 0.5}),
    ("rnn-lstm", {"dropout": 0.5}),
    ("rnn-no-projection", {"dropout": 0.5}),
    ("rnn_decoder-location", {"dropout": 0.5}),
    ("rnn_decoder-location", {"sampling_probability": 0.5}),
]


def _left_out(row) -> tuple[str, ...]:
    return ("",) if any(part in row.name for part in PARTIAL) else ()


def _trained(row, directory) -> torch.nn.Module:
    return zoo_calls.module_for(row, directory).train()


def _outputs(row, module) -> list[torch.Tensor]:
    batch, lengths = zoo_calls.batch_of(row, [0, 1])
    return [value for value, _ in zoo_calls.KINDS[row.kind].call(module, batch, lengths).values()]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TRAINED])
def test_everything_gets_a_finite_gradient(row, tmp_path):
    module = _trained(row, tmp_path)
    torch.manual_seed(0)
    torch.stack([(value * torch.randn_like(value)).sum() for value in _outputs(row, module)]).sum().backward()
    trained = {name: parameter.grad for name, parameter in module.named_parameters() if parameter.requires_grad}
    without = [name for name, gradient in trained.items() if gradient is None]
    assert [name for name in without if not any(part in name for part in (*UNUSED, *_left_out(row)))] == []
    assert [name for name, gradient in trained.items() if gradient is not None and not gradient.isfinite().all()] == []


@pytest.mark.parametrize(("name", "options"), RANDOM, ids=[f"{name}-{list(options)[-1]}" for name, options in RANDOM])
def test_options_of_training_act_in_training_alone(name, options, tmp_path):
    row = zoo.ROWS[name]
    row = dataclasses.replace(row, make=zoo_data.New(row.target, {**row.make.options, **options}))
    module = _trained(row, tmp_path)
    with torch.no_grad():
        torch.manual_seed(0)
        trained = [_outputs(row, module)[0] for _ in range(8)]
        module.eval()
        still = [_outputs(row, module)[0] for _ in range(2)]
    assert any(not torch.equal(each, trained[0]) for each in trained)
    assert torch.equal(*still)
