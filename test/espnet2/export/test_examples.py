"""Values drawn from a declaration obey it."""

import dataclasses

import numpy as np
import pytest

from espnet2.export.examples import draw, dynamic_shapes, first_step, ragged_lengths, trace_sizes
from espnet2.interface.spec import Component, Length, OutputLength, State, Tensor

ENCODER = Component(
    name="encoder",
    method="forward",
    inputs=(Tensor("xs", ("batch", "frames", 3)), Tensor("lens", ("batch",), "int64", length_of="frames")),
    outputs=(Tensor("out", ("batch", "out_frames", 4)),),
    lengths=(OutputLength("out_frames", "frames", Length.conv(3, 2).then(Length.conv(3, 2))),),
)
STEP = Component(
    name="step",
    method="step",
    inputs=(
        Tensor("tokens", ("batch", "beam"), "int64", below=5),
        Tensor("parents", ("batch", "beam"), "int64", below="parent"),
    ),
    outputs=(Tensor("log_probs", ("batch", "beam", 5)),),
    states=(
        State(Tensor("cache", (2, "batch", "parent", "past")), Tensor("next_cache", (2, "batch", "beam", "past+1"))),
    ),
    initial={"parent": 1, "past": 0},
)


@pytest.mark.parametrize("component", [ENCODER, STEP], ids=["encoder", "step"])
def test_trace_sizes_freeze_nothing(component):
    sizes = trace_sizes(component)
    assert min(sizes.values()) > 1
    assert len(set(sizes.values())) == len(sizes)


@pytest.mark.parametrize("order", [1, -1])
def test_traced_inputs_are_long_enough_for_every_output(order):
    rules = (OutputLength("out_frames", "frames", Length.conv(512, 160)), OutputLength("wav", "frames"))
    component = dataclasses.replace(ENCODER, lengths=rules[::order])
    assert trace_sizes(component)["frames"] == 512 + 8 * 160


def test_padding_is_zero_and_every_row_has_output():
    feeds = draw(ENCODER, {"batch": 3, "frames": 20})
    assert feeds["lens"].tolist() == [20, 13, 7]
    for row, length in zip(feeds["xs"], feeds["lens"], strict=True):
        assert np.abs(row[:length]).min() > 0
        assert not row[length:].any()


def test_short_batches_stay_above_the_shortest():
    assert draw(ENCODER, {"batch": 3, "frames": 8})["lens"].min() == 7
    assert ragged_lengths(2, 3, shortest=7).tolist() == [2, 2, 2]


def test_indices_are_in_range():
    feeds = draw(STEP, {"batch": 2, "beam": 50, "parent": 3, "past": 4})
    assert set(feeds["tokens"].flat) == set(range(5))
    assert set(feeds["parents"].flat) == set(range(3))
    assert feeds["cache"].shape == (2, 2, 3, 4)


def test_first_step_has_empty_states():
    feeds = first_step(STEP, {"batch": 2, "beam": 4, "parent": 3, "past": 4})
    assert feeds["cache"].shape == (2, 2, 1, 0)
    assert not feeds["parents"].any()


def test_dynamic_shapes_name_all_but_fixed_axes():
    assert dynamic_shapes(ENCODER) == ({0: "batch", 1: "frames"}, {0: "batch"})
