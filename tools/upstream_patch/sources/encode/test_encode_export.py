import numpy as np
import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.global_mvn import GlobalMVN

TOKENS = ["<blank>", "<unk>", "a", "<sos/eos>"]


@pytest.fixture
def normalize(tmp_path):
    count, mean, variance = 100, np.linspace(0.5, 1.5, 20), np.linspace(1, 2, 20)
    path = tmp_path / "stats.npz"
    sums = {"sum": count * mean, "sum_square": count * (variance + mean**2)}
    sums = {key: value.astype(np.float32) for key, value in sums.items()}
    np.savez(path, count=np.array(count), **sums)
    return GlobalMVN(path)


@pytest.fixture
def model(normalize):
    encoder = TransformerEncoder(20, output_size=8, attention_heads=2, num_blocks=1)
    model = ESPnetASRModel(
        vocab_size=len(TOKENS),
        token_list=TOKENS,
        frontend=DefaultFrontend(fs=16000, n_fft=128, hop_length=64, n_mels=20),
        specaug=None,
        normalize=normalize,
        preencoder=None,
        encoder=encoder,
        postencoder=None,
        decoder=None,
        ctc=CTC(odim=len(TOKENS), encoder_output_size=8),
        joint_network=None,
        ctc_weight=1.0,
    )
    return model.eval()


class Encode(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, speech, lengths):
        return self.model.encode(speech, lengths)


def batch(*lengths):
    speech = torch.randn(len(lengths), max(lengths))
    return speech, torch.tensor(lengths)


def test_export_serves_other_lengths(model):
    if not hasattr(torch, "export"):
        pytest.skip("needs torch.export")
    size, time = torch.export.Dim("size"), torch.export.Dim("time", min=2000, max=99999)
    shapes = ({0: size, 1: time}, {0: size})
    module = Encode(model)
    with torch.no_grad():
        exported = torch.export.export(
            module, batch(4288, 2880, 3000), dynamic_shapes=shapes, strict=False
        ).module()
        for lengths in ([3000], [9001, 4000, 6001]):
            inputs = batch(*lengths)
            for found, wanted in zip(exported(*inputs), module(*inputs)):
                torch.testing.assert_close(found, wanted)


def test_training_trims_as_before(model):
    speech, lengths = batch(4000, 3000)
    feats, _ = model.train()._extract_feats(
        torch.nn.functional.pad(speech, (0, 640)), lengths
    )
    assert feats.size(1) == 4000 // 64 + 1


def test_global_mvn_keeps_its_input(normalize):
    x = torch.randn(2, 6, 20)
    before = x.clone()
    y, lengths = normalize(x, torch.tensor([6, 4]))
    assert torch.equal(x, before)
    assert (y[1, 4:] == 0).all() and lengths.tolist() == [6, 4]
    wanted = (before[0] - normalize.mean.float()) / normalize.std.float()
    torch.testing.assert_close(y[0], wanted)
