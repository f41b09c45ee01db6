"""Verification finds what is wrong with a graph."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.examples import trace_sizes
from espnet2.export.trace import export_component
from espnet2.export.verify import (
    component_cases,
    require_passed,
    summary,
    table,
    verify_component,
)
from espnet2.interface.check import Check
from espnet2.interface.errors import VerificationError
from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.compare import difference
from espnet2.runtime.families.search import compare_nbest
from espnet2.runtime.session import OnnxGraph


class Scale(torch.nn.Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def scaled(self, xs: torch.Tensor) -> torch.Tensor:
        return xs * self.factor


COMPONENT = Component(
    "scale", "scaled", (Tensor("xs", ("batch", "frames", 3)),), (Tensor("ys", ("batch", "frames", 3)),)
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> OnnxGraph:
    path = tmp_path_factory.mktemp("scale") / "scale.onnx"
    return OnnxGraph(export_component(Scale(), COMPONENT, path), COMPONENT)


@pytest.mark.parametrize("order", [1, -1])
def test_cases_are_long_enough_for_every_output(order):
    rules = (OutputLength("conv_frames", "frames", Length.conv(512, 160)), OutputLength("wav", "frames"))
    cases = component_cases(dataclasses.replace(COMPONENT, lengths=rules[::order]))
    assert sorted({feeds["xs"].shape[1] for _, feeds in cases}) == [512, 6972, 21474]


def test_same_weights_pass(graph):
    checks = verify_component(COMPONENT, TorchGraph(Scale(), COMPONENT), graph)
    assert len(checks) == 6
    require_passed(checks)
    assert summary(checks)["scale"]["cases"] == 6
    assert "ok" in table(checks)


def test_other_weights_fail(graph):
    checks = verify_component(COMPONENT, TorchGraph(Scale(2.001), COMPONENT), graph)
    with pytest.raises(
        VerificationError, match=r"scale \(batch 1 frames 1\): expected onnxruntime within 0.0001 of PyTorch"
    ):
        require_passed(checks)
    assert "TOO LARGE" in table(checks)


def test_cases_cover_shortest_ragged_and_single():
    sizes = [feeds["xs"].shape[:2] for _, feeds in component_cases(COMPONENT)]
    assert sizes == [(1, 1), (3, 1), (1, 41), (3, 41), (1, 131), (3, 131)]


@pytest.mark.parametrize(
    "expected, found, result",
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([0.5], [0.25], 0.25),
        ([10.0], [11.0], 0.1),
        ([100.0, 0.1], [100.0, 0.2], 0.1),  # of each value, not of the largest
        ([1.0], [np.nan], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_difference(expected, found, result):
    assert difference(np.array(expected), np.array(found)) == pytest.approx(result)


def test_difference_of_dtypes():
    assert difference(np.zeros(1, np.float32), np.zeros(1, np.float64)) == np.inf


def test_nan_never_passes():
    assert not Check("graph", "case", float("nan")).passed


def nbest(*hypotheses):
    pairs = ((tokens, SimpleNamespace(score=score, yseq=np.array([0, *tokens, 0]))) for tokens, score in hypotheses)
    return [(None, [], list(tokens), hypothesis) for tokens, hypothesis in pairs]


@pytest.mark.parametrize(
    "found, passes",
    [
        (nbest(([1, 2], -1.0), ([1], -2.0)), True),
        (nbest(([1, 2], -1.0005), ([1], -2.0)), True),
        (nbest(([1, 2], -1.002), ([1], -2.0)), False),
        (nbest(([1], -1.0), ([1, 2], -2.0)), False),
        (nbest(([1, 2], -1.0)), True),  # the end of the list is not compared
        (nbest(), False),
        (nbest(([1, 2], -1.0), ([1], -2.0), ([3], -3.0)), False),
        (nbest(([1, 2], -1.0), ([3], -2.0)), False),
    ],
)
def test_compare_nbest(found, passes):
    expected = nbest(([1, 2], -1.0), ([1], -2.0))
    assert compare_nbest(expected, found, "a").passed == passes


def test_ties_may_change_places():
    expected = nbest(([1], -1.0), ([2], -1.0))
    assert compare_nbest(expected, nbest(([2], -1.0), ([1], -1.0)), "a").passed


def test_no_case_is_empty():
    speech = Tensor("speech", ("batch", "samples"))
    centred = OutputLength("frames", "samples", Length.conv(512, 160, 256))
    component = Component("encoder", "forward", (speech,), (Tensor("ys", ("batch", "frames")),), lengths=(centred,))
    assert min(feeds["speech"].shape[1] for _, feeds in component_cases(component)) == 1


def test_cases_have_the_channels_that_the_component_needs():
    speech = Tensor("speech", ("batch", "samples", "channels"))
    for least, expected in {1: {1, 2, 3}, 2: {2, 3}, 5: {5}}.items():
        component = Component("encoder", "encode_speech", (speech,), (), attributes={"least_channels": least})
        assert {feeds["speech"].shape[2] for _, feeds in component_cases(component)} == expected
        assert trace_sizes(component)["channels"] == max(3, least)
