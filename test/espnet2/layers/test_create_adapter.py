"""Low-rank adapters: what they add, where they go, and their names."""

import pytest
import torch
from torch import nn

from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.layers.create_adapter import create_adapter
from espnet2.layers.houlsby_adapter_layer import Houlsby_Adapter
from espnet2.torch_utils.checkpoint import load_state

LAYERS = [
    (nn.Linear(6, 4), (torch.randn(3, 6),), (2, 6), (4, 2)),
    (nn.Linear(6, 4, bias=False), (torch.randn(3, 6),), (2, 6), (4, 2)),
    (nn.Embedding(7, 4), (torch.arange(7),), (2, 7), (4, 2)),
    (nn.Conv2d(2, 4, 3, stride=2, padding=1), (torch.randn(1, 2, 9, 9),), (6, 6), (12, 6)),
    (nn.Conv2d(2, 4, 3, groups=2), (torch.randn(1, 2, 9, 9),), (6, 6), (6, 6)),
]


@pytest.mark.parametrize(("layer", "inputs", "a_shape", "b_shape"), LAYERS)
def test_adapter_is_a_change_of_the_weight(layer, inputs, a_shape, b_shape):
    model = nn.Sequential(layer).eval()
    before, weight = model(*inputs), layer.weight.clone()
    create_adapter(model, "lora", {"rank": 2, "alpha": 6, "target_modules": ["0"], "dropout_rate": 0.1})
    adapted = model[0]
    assert (tuple(adapted.lora_A.shape), tuple(adapted.lora_B.shape)) == (a_shape, b_shape)
    torch.testing.assert_close(model(*inputs), before)
    model.train()
    nn.init.normal_(adapted.lora_B)
    change = adapted.lora_B @ adapted.lora_A * 3.0
    with torch.no_grad():
        layer.weight.copy_(weight + (change.T if isinstance(layer, nn.Embedding) else change).reshape(weight.shape))
    adapted.lora_dropout.eval()
    torch.testing.assert_close(model(*inputs), layer(*inputs), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(adapted.weight, weight)
    for _ in range(2):
        model.eval()
        torch.testing.assert_close(adapted.weight, layer.weight)
        torch.testing.assert_close(model(*inputs), layer(*inputs), atol=1e-5, rtol=1e-4)
    assert {"0.weight", "0.lora_A", "0.lora_B"} <= set(model.state_dict())


def test_a_checkpoint_of_an_adapted_model_holds_the_adapter_once():
    """A state dict that is saved in evaluation mode is that of the plain layer, which both models take."""
    adapted, again, plain = (nn.Sequential(nn.Linear(6, 4)) for _ in range(3))
    for model in (adapted, again):
        create_adapter(model, "lora", {"target_modules": ["0"]})
        assert not model.training and not model[0].training
    adapted.train()
    nn.init.normal_(adapted[0].lora_B)
    x, state = torch.randn(3, 6), adapted.eval().state_dict()
    for model in (again, plain):
        load_state(model, state, "model.pth")
        torch.testing.assert_close(model(x), adapted(x))
    torch.testing.assert_close(again.train()(x), adapted(x), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(again[0].weight, adapted.train()[0].weight)


def _decoder():
    return TransformerDecoder(10, 8, attention_heads=2, linear_units=12, num_blocks=1)


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        (["linear_q"], ["decoders.0.self_attn.linear_q", "decoders.0.src_attn.linear_q"]),
        (["src_attn.linear_k", "embed.0"], ["decoders.0.src_attn.linear_k", "embed.0"]),
        (["w_1"], ["decoders.0.feed_forward.w_1"]),
    ],
)
def test_layers_are_found_by_the_end_of_their_name(targets, found):
    model = _decoder()
    keys = set(model.state_dict())
    create_adapter(model, "lora", {"target_modules": targets})
    new = set(model.state_dict()) - keys
    assert new == {f"{name}.{part}" for name in found for part in ("lora_A", "lora_B")}


@pytest.mark.parametrize(
    ("adapter", "conf", "error", "message"),
    [
        ("lora", {"target_modules": ["query"]}, ValueError, r"target_modules.*\['query'\]"),
        ("lora", {"target_modules": ["norm1"]}, ValueError, "target_modules.*nn.Linear.*LayerNorm"),
        ("houlsby", {}, AssertionError, "s3prl"),
        ("prefix", {}, AssertionError, "adapter.*lora, houlsby.*prefix"),
    ],
)
def test_what_cannot_be_adapted_is_refused(adapter, conf, error, message):
    with pytest.raises(error, match=message):
        create_adapter(_decoder(), adapter, conf)


def test_bottleneck():
    layer, x = Houlsby_Adapter(6, 3), torch.randn(2, 6)
    first, _, last = layer.houlsby_adapter
    torch.testing.assert_close(layer(x), last(nn.functional.gelu(first(x))))
