"""FastSpeech 2 beyond its numbers, which the zoo compares with upstream's."""

from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2


def _module(name: str) -> FastSpeech2:
    return zoo_calls.module_for(zoo.ROWS[f"fastspeech2-{name}"], Path())


@pytest.fixture(scope="module")
def text() -> torch.Tensor:
    return torch.tensor([3, 1, 4, 1, 5])


@torch.no_grad()
@pytest.mark.parametrize("name", ["default", "reduction"])
def test_inference_equals_the_graphs_methods(name, text):
    module = _module(name)
    found = module.inference(text)
    (expected,) = [
        {key: value[0, : int(valid[0])] for key, (value, valid) in outputs.items()}
        for outputs in [zoo_calls.KINDS["tts"].call(module, {"text": text[None]}, torch.tensor([5]))]
    ]
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)
    assert found["feat_gen"].shape[0] == int(found["duration"].sum()) * module.reduction_factor


@torch.no_grad()
def test_slower_speech_is_longer(text):
    module = _module("default")
    durations = module.inference(text)["duration"]
    for alpha in (0.5, 2.0):
        slower = module.inference(text, alpha=alpha)
        assert torch.equal(slower["duration"], durations)
        assert len(slower["feat_gen"]) == int(torch.round(durations * alpha).sum())


@torch.no_grad()
def test_teacher_forcing_speaks_what_is_given(text):
    module = _module("default")
    predicted = module.inference(text)
    given = {"durations": predicted["duration"], "pitch": predicted["pitch"], "energy": predicted["energy"]}
    forced = module.inference(text, **given, use_teacher_forcing=True, alpha=2.0)
    assert torch.equal(forced["feat_gen"], predicted["feat_gen"])
    assert torch.equal(module.duration_predictor.frames(forced["duration"]), predicted["duration"])
    with pytest.raises(ValueError, match="use_teacher_forcing"):
        module.inference(text, use_teacher_forcing=True)


def test_missing_conditions_are_named(text):
    with pytest.raises(ValueError, match=r"lids, spembs.*found none"):
        _module("everything-given").inference(text, sids=torch.tensor([1]))


def test_factors_of_positions_start_as_configured():
    module = FastSpeech2(**{**zoo.ROWS["fastspeech2-training-options"].make.options, "init_type": "pytorch"})
    assert {name: float(alpha.detach()) for name, alpha in module.alphas().items()} == {
        "encoder_alpha": 0.5,
        "decoder_alpha": 0.5,
    }


@torch.no_grad()
def test_padding_to_fixed_sizes_changes_nothing(text):
    options = {"apply_ff_mask": True, "bucket_infer": True, "enc_buckets": [8, 16], "dec_buckets": [64, 128]}
    plain = _module("default")
    module = FastSpeech2(**zoo.ROWS["fastspeech2-default"].make.options, **options).eval()
    module.load_state_dict(plain.state_dict())
    assert torch.equal(module.inference(text)["feat_gen"], plain.inference(text)["feat_gen"])


def test_every_parameter_learns():
    module = FastSpeech2(**zoo.ROWS["fastspeech2-default"].make.options)
    lengths = torch.tensor([3, 2])
    durations = torch.tensor([[1, 2, 1, 1], [2, 2, 1, 0]])
    values = torch.randn(2, 4, 1)
    feats = torch.randn(2, 5, module.odim)
    text = torch.randint(1, 9, (2, 3))
    of_tokens = (durations, lengths + 1, values, lengths + 1, values, lengths + 1)
    loss, stats, weight = module(text, lengths, feats, durations.sum(1), *of_tokens)
    loss.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert int(weight) == 2
    assert set(stats) >= {"loss", "l1_loss", "duration_loss", "pitch_loss", "energy_loss", "encoder_alpha"}
    _, joint, generated = module(text, lengths, feats, durations.sum(1), *of_tokens, joint_training=True)
    assert generated.shape == feats.shape
    assert "loss" not in joint


@pytest.mark.parametrize(
    ("kinds", "expected"), [((), {"encoder_alpha", "decoder_alpha"}), (("decoder",), {"encoder_alpha"})]
)
def test_only_a_transformers_factor_of_positions_is_a_statistic(kinds, expected):
    """As upstream has it; a Conformer's, of `scaled_abs_pos`, also starts from 1 whatever the options say."""
    of_conformer = {"conformer_pos_enc_layer_type": "scaled_abs_pos", "conformer_self_attn_layer_type": "selfattn"}
    options = {**zoo.ROWS["fastspeech2-default"].make.options, **of_conformer, "init_dec_alpha": 0.5}
    model = FastSpeech2(**options, **{f"{kind}_type": "conformer" for kind in kinds})
    assert model.alphas().keys() == expected
    assert model.decoder.embed.positions.alpha.item() == (1.0 if kinds else 0.5)
