"""Attributes of a recogniser's encoder that determine its memory."""

import types

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention, most_heads
from espnet2.asr.encoder.whisper_encoder import OpenAIWhisperEncoder
from espnet2.asr.speech_model import _cost
from espnet2.interface.spec import Length
from espnet2.tasks.asr import ASRTask

CONFIG = """
token_list: [<blank>, <unk>, a, <sos/eos>]
token_type: char
frontend: default
frontend_conf: {fs: 16k, n_fft: 128, hop_length: 64, n_mels: 20}
normalize: null
encoder: %s
encoder_conf: %s
decoder: transformer
decoder_conf: {attention_heads: 8, linear_units: 4, num_blocks: 1}
"""
SMALL = "{output_size: 16, attention_heads: 2, linear_units: 4, num_blocks: 1%s}"


@pytest.mark.parametrize(
    ("encoder", "conf", "heads"),
    [
        ("conformer", SMALL % ", input_layer: conv2d2, rel_pos_type: latest", 2),
        ("transformer", SMALL % "", 2),
        ("longformer", SMALL % ", attention_windows: [2], attention_dilation: [1]", 0),
        ("contextual_block_conformer", SMALL % ", block_size: 20, hop_size: 8, look_ahead: 8", 0),
        ("rnn", "{num_layers: 1, hidden_size: 4, output_size: 16}", 0),
        ("e_branchformer", SMALL % ", cgmlp_linear_units: 8", 2),
    ],
)
def test_heads_that_see_all_frames(encoder, conf, heads, tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG % (encoder, conf), encoding="utf-8")
    model, _ = ASRTask.build_model_from_file(tmp_path / "config.yaml")
    component = model.parts()[0][1]
    assert (component.name, component.attribute("attention_heads", -1), component.longest) == ("encoder", heads, 0)


def part(length, heads=0, longest=0, **attributes):
    module = torch.nn.Module()
    module.attention = MultiHeadedAttention(heads, heads, 0.0) if heads else torch.nn.Identity()
    module.length, module.longest = length, longest
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


QUARTER = Length(((0, 4, 0),))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(Length(((0, 320, 0),)), 3), part(Length(((0, 2, 0),)), 5)], (12, 0)),
        ([part(QUARTER), part(QUARTER, 4)], (4, 0)),
        ([part(QUARTER), part(QUARTER, 4, sees_all_frames=False)], (0, 0)),
        ([part(QUARTER, longest=1000), part(QUARTER, longest=100)], (0, 403)),
    ],
)
def test_cost_of_parts_in_a_row(parts, expected):
    whole = Length()
    for one in parts:
        whole = whole.then(one.length)
    assert _cost(parts, whole) == expected


def test_networks_of_transformers():
    network = torch.nn.Sequential(torch.nn.Identity())
    network[0].config = types.SimpleNamespace(num_attention_heads=7)
    assert most_heads(network) == 7


def test_whisper_leaves_out_what_comes_after_30_seconds():
    encoder = OpenAIWhisperEncoder(whisper_model="tiny")
    assert _cost([encoder], encoder.length) == (6, 30 * 16000)
