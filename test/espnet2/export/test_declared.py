"""A declaration that its graph does not keep is refused, at export and at every verified size."""

import dataclasses

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.declared import require_exported_axes
from espnet2.export.examples import draw, with_noise
from espnet2.export.trace import export_component
from espnet2.export.verify import component_cases, require_passed, verify_component
from espnet2.interface.errors import VerificationError
from espnet2.interface.spec import Component, Length, OutputLength, State, Tensor


class Halves(torch.nn.Module):
    """Every other frame, scaled or with the mean of the utterance, and what else a graph may return."""

    def halved(self, xs, lengths):
        return xs[:, ::2] * 2.0, (lengths + 1) // 2

    def too_long(self, xs, lengths):
        return xs[:, ::2] * 2.0, lengths

    def less_mean(self, xs, lengths):
        """Padding counts for the mean."""
        return xs[:, ::2] - xs.mean(1, keepdim=True), (lengths + 1) // 2

    def flat(self, xs, lengths):
        return xs[:, ::2].flatten(1), (lengths + 1) // 2

    def apart(self, xs, lengths):
        return xs[:, ::2] * 2.0, xs[:, 1:, 0]


XS, LENGTHS = Tensor("xs", ("batch", "frames", 3)), Tensor("lengths", ("batch",), "int64", "frames")
HALF = Length(((1, 2, 0),))
HALVES = Component(
    "halves",
    "halved",
    (XS, LENGTHS),
    (Tensor("ys", ("batch", "half", 3)), Tensor("ys_lengths", ("batch",), "int64", "half")),
    lengths=(OutputLength("half", "frames", HALF),),
)


def halves(method="halved", axes=("batch", "half", 3), others=None, **changes):
    ys_lengths = HALVES.outputs[1] if others is None else others
    return dataclasses.replace(HALVES, method=method, outputs=(Tensor("ys", axes), ys_lengths), **changes)


def verified(module, component):
    graph = TorchGraph(module, component)
    checks = verify_component(component, graph, graph)
    require_passed(checks)
    return checks


def test_padded_batches_run_twice():
    cases = [check.case for check in verified(Halves(), HALVES)]
    noisy = [case for case in cases if case.endswith(", noise in the padding")]
    assert len(cases) == 8
    assert noisy == [f"batch 3 frames {frames}, noise in the padding" for frames in (82, 264)]


@pytest.mark.parametrize(
    ("component", "sentence"),
    [
        (halves(axes=("batch", "half", 4)), r"frames 1.*: ys: expected axis 4 of size 4, found 3"),
        (halves(axes=("batch", "half")), r"ys: expected axes \(batch, half\), found the shape \(1, 1, 3\)"),
        (halves("flat"), r"ys: expected axes \(batch, half, 3\), found the shape"),
        (halves(lengths=(OutputLength("half", "frames", Length.conv(2, 2)),)), "axis half of size .*, found"),
        (halves(axes=("batch", "frames", 3)), "axis frames of size .*, found"),
        (halves(lengths=()), "axis half: expected an input's axis, a formula or data_dependent, found none"),
        (halves("too_long"), "ys_lengths: expected lengths of axis half, of size 41, found"),
        (halves("less_mean"), r"batch 3 .*, noise in the padding\): expected onnxruntime within 0.0001"),
        (
            halves("apart", others=Tensor("zs", ("batch", "half")), lengths=(), data_dependent=("half",)),
            "zs: expected axis half of size",
        ),
    ],
)
def test_wrong_declarations_fail(component, sentence):
    with pytest.raises(VerificationError, match=sentence) as caught:
        verified(Halves(), component)
    assert str(caught.value).startswith("halves")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("axes", "found"),
    [
        (("batch", "half", 4), "expected axis 4, found 3 in the exported graph"),
        (("frames", "half", 3), "expected axis frames, found batch in the exported graph"),
        (("batch", 3), r"expected axes \(batch, 3\), found the shape \(batch, "),
    ],
)
def test_export_refuses_wrong_axes(axes, found, tmp_path):
    with pytest.raises(VerificationError, match=f"halves: ys: {found}"):
        export_component(Halves(), halves(axes=axes), tmp_path / "halves.onnx")


def test_axes_that_the_exporter_knows_no_size_of_pass():
    require_exported_axes(HALVES, [("batch", "(frames + 1)//2", 3), ("u0",)])
    with pytest.raises(VerificationError, match="expected axis batch, found 2 in the exported graph"):
        require_exported_axes(HALVES, [(2, "(frames + 1)//2", 3), ("batch",)])


@pytest.mark.parametrize("length", [Length(), Length.multiplied(1), Length.conv(3, 1, 1)])
def test_an_axis_as_long_as_an_inputs_may_have_its_name_in_the_graph(length):
    whole = dataclasses.replace(HALVES, lengths=(OutputLength("half", "frames", length),))
    require_exported_axes(whole, [("batch", "frames", 3), ("batch",)])
    with pytest.raises(VerificationError, match="expected axis half, found frames in the exported graph"):
        require_exported_axes(HALVES, [("batch", "frames", 3), ("batch",)])


class Grown(torch.nn.Module):
    def step(self, tokens, cache):
        return tokens * 1.0, torch.cat((cache, tokens.unsqueeze(1)), 1)


@pytest.mark.parametrize(("axis", "passes"), [("past+1", True), ("past+2", False), ("past", False)])
def test_states_that_grow(axis, passes):
    state = State(Tensor("cache", ("batch", "past", 2)), Tensor("next_cache", ("batch", axis, 2)))
    tokens = Tensor("tokens", ("batch", 2))
    component = Component("step", "step", (tokens,), (Tensor("ys", tokens.axes),), (state,), {"past": 0})
    if passes:
        verified(Grown(), component)
    else:
        with pytest.raises(VerificationError, match=f"step .*: next_cache: expected axis {axis.replace('+', '.')} of"):
            verified(Grown(), component)


class Regulator(torch.nn.Module):
    """Repeats every token's vector as its duration says, in one utterance."""

    def repeat(self, xs, durations, noise):
        index = torch.repeat_interleave(torch.arange(xs.shape[0]), durations)
        return xs[index] + noise.mean()


REGULATOR = Component(
    "regulator",
    "repeat",
    (
        Tensor("xs", ("tokens", 4)),
        Tensor("durations", ("tokens",), "int64", least=1, below=6),
        Tensor("noise", ("tokens", 2), noise=True),
    ),
    (Tensor("ys", ("frames", 4)),),
    data_dependent=("frames",),
)


def test_sizes_that_depend_on_values():
    checks = verified(Regulator(), REGULATOR)
    assert len(checks) == len(list(component_cases(REGULATOR)))


@pytest.mark.parametrize(
    ("tensor", "least", "most"),
    [
        (Tensor("x", ("n",), "int64", least=1, below=3), 1, 2),
        (Tensor("x", ("n",), "int64", below="n"), 0, 499),
        (Tensor("x", ("n",), "float32", least=0.5, below=2.0), 0.5, 2.0),
        (Tensor("x", ("n",), noise=True), -4.5, 4.5),
    ],
)
def test_examples_are_within_their_bounds(tensor, least, most):
    drawn = draw(Component("a", "forward", (tensor,), ()), {"n": 500})["x"]
    assert drawn.dtype == tensor.dtype
    assert least <= drawn.min() < least + 0.1 * (most - least) + 1
    assert most - 0.1 * (most - least) - 1 < drawn.max() <= most


def test_noise_changes_the_padding_alone():
    feeds = draw(HALVES, {"batch": 3, "frames": 9})
    noisy = with_noise(HALVES, feeds)
    assert feeds["lengths"].tolist() == noisy["lengths"].tolist() == [9, 6, 3]
    changed = (feeds["xs"] != noisy["xs"]).all(axis=2)
    assert np.array_equal(changed, np.arange(9) >= feeds["lengths"][:, None])
    assert with_noise(HALVES, draw(HALVES, {"batch": 1, "frames": 9})) is None
