"""Conformer and Transformer encoders: options, errors, padding, intermediate CTC, the fixture's numbers."""

import logging
import re

import numpy as np
import pytest
import torch
import yaml

from espnet.nets.pytorch_backend.transformer.attention_choice import resolve_positions
from espnet.nets.pytorch_backend.transformer.subsampling import INPUT_LAYERS, TooShortUttError
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.interface.spec import OutputLength

FEATURES, SIZE = 20, 8
BLOCKS = {"output_size": SIZE, "attention_heads": 2, "linear_units": 12, "num_blocks": 2}
ENCODERS = {
    "conformer": (ConformerEncoder, {"cnn_module_kernel": 7, "macaron_style": True, "rel_pos_type": "latest"}),
    "conformer, legacy": (ConformerEncoder, {"cnn_module_kernel": 7}),
    "transformer": (TransformerEncoder, {}),
}
each_encoder = pytest.mark.parametrize("name", ENCODERS)


def _encoder(name, **options):
    torch.manual_seed(0)
    make, own = ENCODERS[name]
    return make(FEATURES, **BLOCKS, **own, **options).eval()


class _Ctc(torch.nn.Linear):
    def softmax(self, x):
        return self(x).softmax(-1)


def _conditioned(name):
    encoder = _encoder(name, interctc_layer_idx=[1], interctc_use_conditioning=True)
    encoder.conditioning_layer = torch.nn.Linear(5, SIZE)
    return encoder, _Ctc(SIZE, 5)


@torch.no_grad()
@each_encoder
def test_padded_utterances_get_what_they_get_alone(name):
    encoder, lengths = _encoder(name), torch.tensor([53, 7, 20, 36])
    xs = torch.randn(4, 53, FEATURES)
    together, olens, _ = encoder(xs, lengths)
    assert olens.tolist() == [encoder.length(n) for n in lengths.tolist()]
    for row, out, length, valid in zip(xs, together, lengths, olens, strict=True):
        alone, (alone_length,), _ = encoder(row[None, :length], length[None])
        assert alone.shape[1] == alone_length == valid
        torch.testing.assert_close(out[:valid], alone[0], rtol=0, atol=1e-5)


@torch.no_grad()
@each_encoder
def test_masks_may_stand_for_lengths(name):
    encoder, xs = _encoder(name), torch.randn(2, 40, FEATURES)
    lengths = torch.tensor([40, 23])
    masks = torch.arange(40) >= lengths.unsqueeze(-1)
    for given, expected in zip(encoder(xs, lengths, masks=masks)[:2], encoder(xs, lengths)[:2], strict=True):
        assert torch.equal(given, expected)


@torch.no_grad()
@each_encoder
def test_every_layer_can_be_returned(name):
    encoder, xs, lengths = _encoder(name), torch.randn(1, 30, FEATURES), torch.tensor([30])
    (out, hidden), _, _ = encoder(xs, lengths, return_all_hs=True)
    assert torch.equal(out, encoder(xs, lengths)[0])
    assert len(hidden) == 2
    assert torch.equal(encoder.after_norm(hidden[-1]), out)


@torch.no_grad()
@each_encoder
def test_intermediate_ctc_conditions_the_next_layer(name):
    encoder, ctc = _conditioned(name)
    xs, lengths = torch.randn(1, 30, FEATURES), torch.tensor([30])
    (out, ((index, hidden),)), _, _ = encoder(xs, lengths, ctc=ctc)
    assert (index, hidden.shape) == (1, out.shape)
    encoder.conditioning_layer.weight.zero_()
    encoder.conditioning_layer.bias.zero_()
    (unconditioned, ((_, same),)), _, _ = encoder(xs, lengths, ctc=ctc)
    assert torch.equal(same, hidden)
    assert not torch.allclose(unconditioned, out)


@torch.no_grad()
@each_encoder
def test_graph_returns_the_last_layer_alone(name):
    encoder, xs, lengths = _encoder(name, interctc_layer_idx=[1]), torch.randn(1, 30, FEATURES), torch.tensor([30])
    out, olens = encoder.encode(xs, lengths)
    assert torch.equal(out, encoder(xs, lengths)[0][0])
    assert olens.tolist() == [6]


def test_conditioning_needs_the_ctc_of_the_model():
    encoder, _ = _conditioned("transformer")
    with pytest.raises(ValueError, match="interctc_use_conditioning needs the model's CTC"):
        encoder(torch.randn(1, 30, FEATURES), torch.tensor([30]))


@each_encoder
@pytest.mark.parametrize("index", [0, 2, -1])
def test_intermediate_layers_lie_between_the_others(name, index):
    with pytest.raises(ValueError, match=f"interctc_layer_idx {index} is not between 1 and 1"):
        _encoder(name, interctc_layer_idx=[index])


@each_encoder
def test_too_short_utterances_are_refused(name):
    with pytest.raises(TooShortUttError, match="6 frames is too short; the encoder needs 7") as error:
        _encoder(name)(torch.randn(1, 6, FEATURES), torch.tensor([6]))
    assert (error.value.actual_size, error.value.limit) == (6, 7)


@each_encoder
@pytest.mark.parametrize("input_layer", [name for name in INPUT_LAYERS if name is not None])
def test_interface_follows_the_input_layer(name, input_layer):
    make, own = ENCODERS[name]
    encoder = make(80, **BLOCKS, **own, input_layer=input_layer)
    (component,) = encoder.components()
    assert component.lengths == (OutputLength("out_frames", "frames", encoder.length),)
    assert component.outputs[0].axes == ("batch", "out_frames", SIZE)
    tokens = input_layer == "embed"
    assert component.inputs[0].axes == (("batch", "frames") if tokens else ("batch", "frames", 80))
    assert component.inputs[0].dtype == ("int64" if tokens else "float32")


@each_encoder
def test_unknown_input_layer_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"unknown input_layer 'conv3d'; known ones: conv2d, .*embed, None"):
        _encoder(name, input_layer="conv3d")


POSITIONS = {
    ("latest", "rel_pos", "rel_selfattn"): ("rel_pos", "rel_selfattn"),
    ("latest", "abs_pos", "selfattn"): ("abs_pos", "selfattn"),
    ("legacy", "scaled_abs_pos", "selfattn"): ("scaled_abs_pos", "selfattn"),
    ("legacy", "rel_pos", "rel_selfattn"): ("legacy_rel_pos", "legacy_rel_selfattn"),
    ("legacy", "rel_pos", "legacy_rel_selfattn"): ("legacy_rel_pos", "legacy_rel_selfattn"),
    ("legacy", "legacy_rel_pos", "rel_selfattn"): ("legacy_rel_pos", "legacy_rel_selfattn"),
}
IMPOSSIBLE = {
    ("latest", "rel_pos", "selfattn"): "do not go together with rel_pos_type 'latest'",
    ("latest", "abs_pos", "rel_selfattn"): "do not go together",
    ("latest", "legacy_rel_pos", "legacy_rel_selfattn"): "do not go together",
    ("legacy", "legacy_rel_pos", "selfattn"): "do not go together",
    ("newest", "rel_pos", "rel_selfattn"): "unknown rel_pos_type 'newest'; known ones: legacy, latest",
    ("latest", "conv", "selfattn"): "unknown pos_enc_layer_type 'conv'; known ones: abs_pos",
    ("latest", "abs_pos", "lightconv"): "unknown selfattention_layer_type 'lightconv'; known ones: selfattn",
}


@pytest.mark.parametrize("options", POSITIONS)
def test_positions_are_resolved(options, caplog):
    with caplog.at_level(logging.WARNING):
        assert resolve_positions(*options) == POSITIONS[options]
    assert ("legacy" in caplog.text) == POSITIONS[options][0].startswith("legacy")


@pytest.mark.parametrize("options", IMPOSSIBLE)
def test_impossible_positions_are_refused(options):
    with pytest.raises(ValueError, match=re.escape(IMPOSSIBLE[options])):
        resolve_positions(*options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("conformer", {"ctc_trim": True}, "ctc_trim is not supported"),
        ("conformer", {"stochastic_depth_rate": [0.1]}, "stochastic_depth_rate has 1 numbers for 2 layers"),
        ("conformer", {"activation_type": "gelu"}, "unknown activation 'gelu'"),
        ("conformer", {"positionwise_layer_type": "glu"}, "unknown positionwise_layer_type 'glu'"),
    ],
)
def test_impossible_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        _encoder(name, **options)


@torch.no_grad()
def test_training_leaves_no_trace_in_evaluation():
    encoder = _encoder("conformer", stochastic_depth_rate=[0.5, 0.5], layer_drop_rate=0.5)
    plain = _encoder("conformer")
    plain.load_state_dict(encoder.state_dict())
    xs, lengths = torch.randn(2, 40, FEATURES), torch.tensor([40, 30])
    assert torch.equal(encoder(xs, lengths)[0], plain(xs, lengths)[0])


@torch.no_grad()
def test_trained_encoder_equals_upstream(fixtures_dir):
    directory = fixtures_dir / "models" / "asr_conformer"
    config = yaml.safe_load((directory / "config.yaml").read_text())
    encoder = ConformerEncoder(input_size=80, **config["encoder_conf"]).eval()
    weights = torch.load(directory / "valid.acc.ave.pth", weights_only=True)
    encoder.load_state_dict({k.removeprefix("encoder."): v for k, v in weights.items() if k.startswith("encoder.")})
    with np.load(fixtures_dir / "refs" / "asr_conformer.npz") as refs:
        feats = [torch.from_numpy(refs[f"{index}.feats_norm"]) for index in range(len(refs["utts"]))]
        expected = [refs[f"{index}.encoder_out"] for index in range(len(feats))]
    lengths = torch.tensor([len(feat) for feat in feats])
    found, olens, _ = encoder(torch.nn.utils.rnn.pad_sequence(feats, batch_first=True), lengths)
    for out, length, reference in zip(found, olens, expected, strict=True):
        np.testing.assert_allclose(out[:length], reference, rtol=0, atol=1e-5)
