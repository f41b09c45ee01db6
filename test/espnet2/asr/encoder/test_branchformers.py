"""Branchformers: what training drops, how many layers run, prompts."""

import pytest
import torch

from espnet2.asr.encoder.branchformer_encoder import BranchformerEncoder
from espnet2.asr.encoder.e_branchformer_ctc_encoder import EBranchformerCTCEncoder
from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

SIZES = {
    "input_size": 8,
    "output_size": 8,
    "attention_heads": 2,
    "cgmlp_linear_units": 12,
    "cgmlp_conv_kernel": 3,
    "num_blocks": 3,
    "dropout_rate": 0.0,
    "positional_dropout_rate": 0.0,
    "input_layer": "linear",
}
XS, LENGTHS = torch.linspace(-1, 1, 96).view(1, 12, 8), torch.tensor([12])


@torch.no_grad()
@pytest.mark.parametrize(("merge_method", "drops"), [("concat", True), ("learned_ave", True), ("fixed_ave", False)])
def test_training_may_drop_the_attention_branch(merge_method, drops):
    torch.manual_seed(0)
    encoder = BranchformerEncoder(**SIZES, merge_method=merge_method, attn_branch_drop_rate=1.0)
    before = {training: encoder.train(training)(XS, LENGTHS)[0] for training in (True, False)}
    for layer in encoder.encoders:
        torch.nn.init.normal_(layer.attn.linear_out.bias)
    changed = {
        training: not torch.equal(encoder.train(training)(XS, LENGTHS)[0], before[training]) for training in before
    }
    assert changed == {True: not drops, False: True}


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (EBranchformerEncoder, {None: 3, -1: 0, 0: 0, 1: 1, 3: 3, 9: 3}),
        (EBranchformerCTCEncoder, {None: 3, -1: 1, 0: 1, 1: 2, 3: 3, 9: 3}),
    ],
)
def test_layers_that_run(make, layers):
    encoder, ran = make(**SIZES).eval(), []
    for layer in encoder.encoders:
        layer.register_forward_hook(lambda *_: ran.append(1))
    found = {}
    for max_layer in layers:
        ran.clear()
        encoder(XS, LENGTHS, max_layer=max_layer)
        found[max_layer] = len(ran)
    assert found == layers


def test_frames_before_the_utterance_need_their_input_layer():
    with pytest.raises(ValueError, match=r"prefix_embeds.*conv2d8"):
        EBranchformerCTCEncoder(**SIZES)(XS, LENGTHS, prefix_embeds=torch.zeros(1, 2, 8))
