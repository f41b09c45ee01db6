import pytest
import torch

from espnet2.asr.encoder.rnn_encoder import RNNEncoder
from espnet2.asr.encoder.vgg_rnn_encoder import VGGRNNEncoder


class Encode(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, xs, lengths):
        return self.encoder(xs, lengths)[:2]


def batch(*lengths):
    return torch.randn(len(lengths), max(lengths), 8), torch.tensor(lengths)


def trace(module, inputs):
    if not hasattr(torch.onnx, "ops"):
        pytest.skip("needs torch.onnx.ops")
    dynamic = torch.export.Dim.DYNAMIC
    shapes = ({0: dynamic, 1: dynamic}, {0: dynamic})
    return torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)


@pytest.mark.parametrize("encoder", [RNNEncoder, VGGRNNEncoder])
@pytest.mark.parametrize("options", [{}, {"rnn_type": "gru", "use_projection": False}])
def test_encoder_is_traced_for_all_lengths(encoder, options):
    module = Encode(encoder(8, num_layers=2, hidden_size=5, output_size=6, **options))
    program = trace(module.eval(), batch(67, 45, 30))
    targets = " ".join(str(node.target) for node in program.graph.nodes)
    assert "symbolic" in targets and "pack" not in targets


@pytest.mark.parametrize("encoder", [RNNEncoder, VGGRNNEncoder])
def test_encoder_respects_lengths(encoder):
    module = encoder(8, num_layers=2, hidden_size=5, output_size=6).eval()
    xs, lengths = batch(40, 32)
    with torch.no_grad():
        ys, olens, _ = module(xs, lengths)
        alone, length, _ = module(xs[:1], lengths[:1])
    assert torch.is_tensor(olens) and olens[0] == length[0] == alone.size(1)
    torch.testing.assert_close(ys[0], alone[0])
