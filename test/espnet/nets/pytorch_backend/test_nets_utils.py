"""Helpers for padded batches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet.nets.pytorch_backend.nets_utils import (
    ACTIVATIONS,
    choose,
    get_activation,
    make_non_pad_mask,
    make_pad_mask,
    make_pad_mask_with_reference,
    pad_list,
    rename_state_dict,
    to_device,
)

lengths_of_batches = st.lists(st.integers(0, 12), min_size=1, max_size=5)


@given(lengths_of_batches, st.integers(0, 15))
def test_pad_mask_marks_what_lies_behind_each_length(lengths, maxlen):
    mask = make_pad_mask(torch.tensor(lengths), maxlen)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[position >= length for position in range(maxlen)] for length in lengths]
    assert torch.equal(make_non_pad_mask(lengths, maxlen), ~mask)


@given(lengths_of_batches)
def test_pad_mask_is_as_long_as_the_longest(lengths):
    assert torch.equal(make_pad_mask(lengths), make_pad_mask(lengths, max(lengths)))


@given(lengths_of_batches, st.sampled_from([1, 2, 3, -1, -2, -3]))
def test_pad_mask_with_reference_repeats_along_the_other_dimensions(lengths, length_dim):
    xs = torch.zeros(len(lengths), 3, 4, 5)
    mask = make_pad_mask_with_reference(torch.tensor(lengths), xs, length_dim)
    expected = make_pad_mask(lengths, xs.shape[length_dim])
    assert mask.shape == xs.shape
    for other in mask.movedim(length_dim, 1).flatten(2).unbind(-1):
        assert torch.equal(other, expected)


@pytest.mark.parametrize("length_dim", [0, -3])
def test_pad_mask_along_the_batch_is_refused(length_dim):
    with pytest.raises(ValueError, match="batch dimension"):
        make_pad_mask_with_reference([1, 2], torch.zeros(2, 3, 4), length_dim)


def test_pad_mask_exports_with_dynamic_shapes():
    class Mask(torch.nn.Module):
        def forward(self, xs, lengths):
            return make_pad_mask(lengths, xs.shape[1])

    dim = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        Mask(), (torch.zeros(2, 5), torch.tensor([5, 2])), dynamic_shapes=({0: dim, 1: dim}, {0: dim})
    )
    assert program.module()(torch.zeros(3, 4), torch.tensor([1, 4, 0])).sum(1).tolist() == [3, 0, 4]


def test_pad_list_fills_up():
    assert pad_list([torch.tensor([1, 2, 3]), torch.tensor([4])], -1).tolist() == [[1, 2, 3], [4, -1, -1]]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_the_shape(name):
    assert get_activation(name)(torch.randn(2, 3)).shape == (2, 3)


def test_unknown_activation_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown activation 'gelu'; known ones: hardtanh, tanh, relu, selu, swish"):
        get_activation("gelu")


def test_rename_state_dict_changes_the_prefix_only():
    state = {"output.weight": torch.zeros(1), "embed.output.weight": torch.ones(1)}
    rename_state_dict("output.", "out.", state)
    assert set(state) == {"out.weight", "embed.output.weight"}


def test_to_device_follows_the_parameters():
    x = torch.zeros(1)
    assert to_device(torch.nn.Linear(1, 1, device="meta"), x).device.type == "meta"
    assert to_device(torch.nn.ReLU(), x) is x


@pytest.mark.parametrize("error", [ValueError, AssertionError])
def test_unknown_choices_are_errors_of_either_kind_that_upstream_raises(error):
    with pytest.raises(error, match="unknown color 'red'; known ones: blue"):
        choose("color", "red", {"blue": 1})
