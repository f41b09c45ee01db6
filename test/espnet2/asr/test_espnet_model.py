"""The recogniser: which parts it keeps, its symbols, its graphs, and ragged batches."""

import pytest
import torch

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.asr.specaug.specaug import SpecAug
from espnet2.interface.errors import ConfigError
from espnet2.layers.utterance_mvn import UtteranceMVN

TOKENS = ["<unk>", "<blank>", "a", "<sos>", "<eos>", "b"]


def model_of(frontend=True, decoder=True, encoder=None, **options):
    blocks = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 2}
    parts = {
        "frontend": DefaultFrontend(n_fft=128, hop_length=64, n_mels=20) if frontend else None,
        "specaug": SpecAug(time_mask_width_range=5),
        "normalize": UtteranceMVN(),
        "preencoder": None,
        "encoder": TransformerEncoder(20, **blocks, **(encoder or {})),
        "postencoder": None,
        "decoder": TransformerDecoder(6, 8, attention_heads=2, linear_units=8, num_blocks=1) if decoder else None,
        "ctc": CTC(6, 8),
        "joint_network": None,
    }
    return ESPnetASRModel(6, TOKENS, **{**parts, **options}).eval()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["encoder", "ctc", "decoder_start", "decoder_step"]),
        ({"ctc_weight": 1.0}, ["encoder", "ctc"]),
        ({"ctc_weight": 1.0, "decoder": False}, ["encoder", "ctc"]),
        ({"ctc_weight": 0.0}, ["encoder", "decoder_start", "decoder_step"]),
        (
            {"aux_ctc": {"1": "lid"}, "interctc_weight": 0.5, "lang_token_id": 3},
            ["encoder", "ctc", "decoder_start", "decoder_step"],
        ),
    ],
)
def test_parts_depend_on_the_weight_of_ctc(options, names):
    model = model_of(**options)
    assert [component.name for _, component in model.parts()] == names
    kept = {key.split(".")[0] for key in model.state_dict()} - {"frontend", "encoder"}
    assert kept == {name.split("_")[0] for name in names} - {"encoder"}


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, (1, 5, 5)),
        ({"sym_sos": "<sos>", "sym_eos": "<eos>"}, (1, 3, 4)),
        ({"sym_blank": "<unk>"}, (0, 5, 5)),
    ],
)
def test_symbols(options, ids):
    model = model_of(**options)
    assert (model.blank_id, model.sos, model.eos) == ids


@pytest.mark.parametrize("conditioned", [False, True])
def test_ragged_batch_with_intermediate_outputs(conditioned):
    model = model_of(encoder={"interctc_layer_idx": [1], "interctc_use_conditioning": conditioned})
    assert ("encoder.conditioning_layer.weight" in model.state_dict()) == conditioned
    speech, lengths = torch.randn(2, 2000), torch.tensor([2000, 1400])
    (output, intermediate), olens = model.encode(speech, lengths)
    assert [layer for layer, _ in intermediate] == [1] and intermediate[0][1].shape == output.shape
    alone, alone_lens = model.encode_speech(speech[1:, :1400], lengths[1:])
    assert olens[1] == alone_lens[0] == alone.shape[1]
    torch.testing.assert_close(output[1, : olens[1]], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("frontend", "axis"), [(True, "samples"), (False, "frames")])
def test_declared_encoder(frontend, axis):
    model = model_of(frontend=frontend)
    _, component = model.parts()[0]
    assert [tensor.name for tensor in component.feeds] == ["speech", "speech_lengths"]
    assert component.inputs[0].axes[1] == axis
    speech = torch.randn(1, 1500) if frontend else torch.randn(1, 50, 20)
    output, lengths = getattr(model, component.method)(speech, torch.tensor([speech.shape[1]]))
    assert output.shape[1] == lengths[0] == component.lengths[0].length(speech.shape[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": False}, "ctc_weight: expected 1 where there is no decoder, found 0.5"),
        ({"transducer_multi_blank_durations": [2]}, "transducer_multi_blank_durations: expected numbers of frames"),
        (
            {"ctc_weight": 0.0, "encoder": {"interctc_layer_idx": [1], "interctc_use_conditioning": True}},
            "ctc_weight: expected more than 0",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model_of(**options)


def test_augmentation_leaves_recognition_alone():
    x, lengths = torch.randn(1, 2000), torch.tensor([2000])
    model, plain = model_of(), model_of(specaug=None)
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.extract_feats(x, lengths)[0], plain.extract_feats(x, lengths)[0])
    assert not torch.equal(model.train().extract_feats(x, lengths)[0], plain.extract_feats(x, lengths)[0])


@torch.no_grad()
def test_without_encoder_features_are_its_output():
    ctc, nothing = CTC(6, 4), dict.fromkeys(("specaug", "normalize", "preencoder", "postencoder", "decoder"))
    model = ESPnetASRModel(
        6, TOKENS, frontend=None, encoder=None, ctc=ctc, joint_network=None, ctc_weight=1.0, **nothing
    ).eval()
    feats, lengths = torch.randn(2, 5, 4), torch.tensor([5, 3])
    encoded, found = model.encode(feats, lengths)
    assert encoded.equal(feats) and found.equal(lengths)
    loss, *_ = model(feats, lengths, torch.tensor([[1, 2], [3, -1]]), torch.tensor([2, 1]))
    expected = ctc(feats, lengths, torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1]))
    torch.testing.assert_close(loss, expected)
    with pytest.raises(ConfigError, match="encoder: expected one"):
        model.parts()
