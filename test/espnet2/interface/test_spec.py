"""Declarations survive being written down, and refuse what is not one."""

import dataclasses

import pytest

from espnet2.interface.errors import BundleError
from espnet2.interface.spec import Component, Length, OutputLength, State, Tensor

STEP = Component(
    name="step",
    method="step",
    inputs=(Tensor("tokens", ("batch", "beam"), "int64", below=5),),
    outputs=(Tensor("log_probs", ("batch", "beam", 5)),),
    states=(
        State(Tensor("cache", (2, "batch", "parent", "past")), Tensor("next_cache", (2, "batch", "beam", "past+1"))),
    ),
    initial={"parent": 1, "past": 0},
    lengths=(OutputLength("frames", "samples", Length.conv(3, 2).then(Length.conv(3, 2))),),
)


def test_a_component_survives_a_round_trip():
    assert Component.from_dict(STEP.to_dict()) == STEP
    assert [tensor.name for tensor in STEP.feeds] == ["tokens", "cache"]
    assert [tensor.name for tensor in STEP.results] == ["log_probs", "next_cache"]
    assert STEP.initial_shape(STEP.states[0], batch=3) == (2, 3, 1, 0)


@pytest.mark.parametrize("length", range(7, 60))
def test_length_is_what_convolutions_leave(length):
    def after(frames: int) -> int:
        return len(range(0, frames - 2, 2))

    rule = STEP.lengths[0].length
    assert rule(length) == after(after(length))
    assert rule.stride == 4


@pytest.mark.parametrize("output", range(1, 20))
def test_shortest_is_the_first_that_is_long_enough(output):
    rule = Length(((400, 160, 1),)).then(Length.conv(3, 2))
    shortest = rule.shortest(output)
    assert rule(shortest) >= output > rule(shortest - 1)


def test_shortest_leaves_something_before_a_frame_that_is_added():
    halved, added = Length.conv(3, 2), Length(((0, 1, 1),))
    assert halved.then(added).shortest() == halved.shortest() == 3
    assert halved.then(added).shortest(3) == halved.shortest(2)


def test_nothing_is_shorter_than_one():
    component = Component("a", "forward", (), (), lengths=(OutputLength("frames", "samples", Length.conv(4, 2, 2)),))
    assert component.shortest() == {"samples": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_every_output_of_a_source_gets_its_steps(order):
    rules = (OutputLength("frames", "samples", Length.conv(512, 160)), OutputLength("wav", "samples"))
    component = Component("a", "forward", (), (), lengths=rules[::order])
    assert component.shortest() == {"samples": 512}
    assert component.shortest(3) == {"samples": 832}
    assert component.strides() == {"samples": 160}


def test_scripts_import_the_interface_from_the_runtime():
    from espnet2.runtime import spec

    assert spec.Component is Component
    assert set(spec.__all__) <= set(vars(spec))


@pytest.mark.parametrize("steps", [((1, 2),), ((1, 0, 1),), ((1, "2", 1),), ("abc",)])
def test_steps_of_another_kind_are_refused(steps):
    with pytest.raises(ValueError, match="expected integers"):
        Length(steps)


@pytest.mark.parametrize("initial", [{}, {"parent": 1}, {"parent": 1, "past": "0"}])
def test_states_need_a_beginning(initial):
    with pytest.raises(ValueError, match="before the first step, found none"):
        Component.from_dict({**STEP.to_dict(), "initial": initial})


def test_several_frames_per_step():
    length = Length.conv(16, 16).then(Length.multiplied(8)).then(Length.conv(3, 2))
    assert [length(n) for n in (16, 31, 32)] == [3, 3, 7]
    assert [length.shortest(output) for output in (1, 3, 4, 7)] == [16, 16, 32, 32]
    assert length.stride == 4
    with pytest.raises(ValueError, match="integers"):
        Length(((0, 1, 0, 0),))


def test_what_a_format_1_interface_says_is_an_attribute():
    data = STEP.to_dict()
    assert data.pop("attributes") == {}
    del data["data_dependent"]
    former = {"candidates_only": True, "attention_heads": None, "longest": 7, "least_channels": 1}
    component = Component.from_dict({**data, **former})
    assert component.attributes == {"candidates_only": True, "longest": 7}
    assert component.attribute("candidates_only", False) is True
    assert component.attribute("attention_heads", 16) == 16
    assert component.longest == 7
    assert Component.from_dict(component.to_dict()) == component


def test_attributes():
    component = Component("a", "forward", (), (), attributes={"speaker": "one", "longest": "far", "least_channels": 0})
    assert component.attribute("speaker", "none") == "one"
    assert component.attribute("other", 3) == 3
    assert component.least_channels == 1
    with pytest.raises(BundleError, match=r"a: attributes.longest: expected a value of type int, found 'far'"):
        _ = component.longest
    for value in (-1, 0.5, None, [1]):
        with pytest.raises(ValueError, match="speed: expected true, false, a string or an integer of at least 0"):
            Component("a", "forward", (), (), attributes={"speed": value})


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({"dtype": "int64", "least": 1, "below": 6}, {"below": 6, "least": 1}),
        ({"dtype": "int64", "below": "parent"}, {"below": "parent"}),
        ({"least": 0.5, "below": 2.0}, {"below": 2.0, "least": 0.5}),
        ({"noise": True}, {"noise": True}),
        ({"dtype": "int64", "length_of": "frames"}, {"length_of": "frames"}),
    ],
)
def test_tensors_say_what_differs_from_the_default(options, written):
    tensor = Tensor("x", ("batch", 3), **options)
    assert tensor.to_dict() == {"name": "x", "axes": ["batch", 3], "dtype": options.get("dtype", "float32"), **written}
    assert Tensor.from_dict(tensor.to_dict()) == tensor


@pytest.mark.parametrize(
    "options",
    [
        {"below": 1, "least": 2, "dtype": "int64"},
        {"least": 2, "dtype": "int64"},
        {"noise": True, "dtype": "int64"},
        {"noise": True, "below": "tokens"},
    ],
)
def test_bounds_that_hold_no_value_are_refused(options):
    with pytest.raises(ValueError, match="x: expected"):
        Tensor("x", ("batch",), **options)


def test_sizes_of_outputs():
    speech = Tensor("speech", ("batch", "samples"))
    outputs = (Tensor("ys", ("batch", "frames")), Tensor("zs", ("samples+2", "units")))
    lengths = (OutputLength("frames", "samples", Length.conv(3, 2)),)
    component = Component("a", "forward", (speech,), outputs, lengths=lengths, data_dependent=("units",))
    sizes = {"batch": 2, "samples": 9}
    assert component.output_sizes(sizes) == {**sizes, "frames": 4, "samples+2": 11}
    assert dataclasses.replace(component, attributes={"longest": 7}).output_sizes(sizes)["frames"] == 3
    with pytest.raises(ValueError, match="axis units: expected an input's axis, a formula or data_dependent"):
        dataclasses.replace(component, data_dependent=()).output_sizes(sizes)
