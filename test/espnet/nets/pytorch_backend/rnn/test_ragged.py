"""Recurrent layers over ragged batches: as packed sequences, and as ONNX operators, exported again and again."""

import onnxruntime
import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from espnet.nets.pytorch_backend.rnn.ragged import run_ragged
from espnet2.export.quiet import quiet

KINDS = {
    "lstm": lambda **options: nn.LSTM(4, 5, batch_first=True, **options),
    "gru": lambda **options: nn.GRU(4, 5, batch_first=True, **options),
    "tanh": lambda **options: nn.RNN(4, 5, batch_first=True, **options),
    "relu": lambda **options: nn.RNN(4, 5, batch_first=True, nonlinearity="relu", **options),
}
OPTIONS = [
    {},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False},
]


class _Ragged(nn.Module):
    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, xs, lengths, state=None):
        output, end = run_ragged(self.rnn, xs, lengths, state)
        return output, *(end if isinstance(end, tuple) else (end,))


def _inputs(rnn: nn.RNNBase, lengths: list[int], with_state: bool) -> tuple:
    torch.manual_seed(sum(lengths))
    xs, shape = torch.randn(len(lengths), max(lengths), 4), (rnn.num_layers * (1 + rnn.bidirectional), len(lengths), 5)
    state = (torch.randn(shape), torch.randn(shape)) if rnn.mode == "LSTM" else torch.randn(shape)
    return xs, torch.tensor(lengths), *([state] if with_state else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_each_utterance_gets_what_it_gets_alone(kind, options):
    rnn = KINDS[kind](**options)
    xs, lengths, *_ = _inputs(rnn, [7, 3, 0, 5], False)
    output, _ = run_ragged(rnn, xs, lengths)
    for row, utterance, length in zip(output, xs, lengths.tolist(), strict=True):
        assert not row[length:].any()
        if length:
            torch.testing.assert_close(row[:length], rnn(utterance[None, :length])[0][0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("options", "with_state"), [(options, options != OPTIONS[1]) for options in OPTIONS])
def test_graph_equals_packed_sequences(kind, options, with_state, tmp_path):
    module = _Ragged(KINDS[kind](**options)).eval()
    arguments = _inputs(module.rnn, [7, 3], with_state)
    state = ({1: "batch"}, {1: "batch"}) if kind == "lstm" else {1: "batch"}
    shapes = ({0: "batch", 1: "frames"}, {0: "batch"}, *([state] if with_state else []))
    with quiet():
        program = torch.onnx.export(module, arguments, dynamic_shapes=shapes, dynamo=True, verbose=False)
    operators = [node.op_type for node in program.model.graph if node.op_type in ("LSTM", "GRU", "RNN", "Loop", "Scan")]
    assert operators == [module.rnn.mode.split("_")[0]] * module.rnn.num_layers
    program.save(str(tmp_path / "graph.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "graph.onnx"), providers=["CPUExecutionProvider"])
    for lengths in ([9, 4, 6], [1], [300, 17]):
        arguments = _inputs(module.rnn, lengths, with_state)
        names, feeds = [value.name for value in session.get_inputs()], tree_leaves(arguments)
        found = session.run(None, {name: feed.numpy() for name, feed in zip(names, feeds, strict=True)})
        for value, expected in zip(found, module(*arguments), strict=True):
            torch.testing.assert_close(torch.from_numpy(value), expected.detach(), atol=1e-5, rtol=1e-5)
