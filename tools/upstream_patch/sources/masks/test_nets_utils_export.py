import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.nets_utils import (
    make_non_pad_mask,
    make_pad_mask,
    make_pad_mask_with_reference,
)

LENGTHS = [5, 3, 2]


def expected(lengths, shape, dim):
    """Mark positions one by one."""
    mask = torch.zeros(shape, dtype=torch.bool)
    for row, length in zip(mask, lengths):
        row.movedim(dim - 1, 0)[length:] = True
    return mask


class Mask(torch.nn.Module):
    def forward(self, xs, lengths):
        return make_pad_mask(lengths, maxlen=xs.size(1))


class MaskWithReference(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, xs, lengths):
        return make_pad_mask(lengths, xs, self.dim)


def export(module, xs, lengths, dim):
    if not hasattr(torch, "export"):
        pytest.skip("needs torch.export")
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    shapes = ({0: batch, dim: time}, {0: batch})
    return torch.export.export(module, (xs, lengths), dynamic_shapes=shapes).module()


@pytest.mark.parametrize("as_lengths", [list, torch.tensor])
def test_make_pad_mask(as_lengths):
    mask = make_pad_mask(as_lengths(LENGTHS))
    assert mask.dtype == torch.bool
    assert torch.equal(mask, expected(LENGTHS, (3, 5), 1))
    assert torch.equal(make_non_pad_mask(as_lengths(LENGTHS)), ~mask)
    longer = make_pad_mask(as_lengths(LENGTHS), maxlen=7)
    assert torch.equal(longer, expected(LENGTHS, (3, 7), 1))


@pytest.mark.parametrize("shape,dim", [((3, 5), 1), ((3, 5, 4), 1), ((3, 2, 6, 2), -2)])
@pytest.mark.parametrize("as_lengths", [list, torch.tensor])
def test_make_pad_mask_with_reference(as_lengths, shape, dim):
    xs = torch.randn(shape)
    mask = make_pad_mask_with_reference(as_lengths(LENGTHS), xs, dim)
    assert torch.equal(mask, expected(LENGTHS, shape, dim % len(shape)))
    assert torch.equal(make_pad_mask(as_lengths(LENGTHS), xs, dim), mask)


def test_batch_dimension_is_refused():
    with pytest.raises(ValueError):
        make_pad_mask(LENGTHS, torch.randn(3, 5), 0)


def test_export_serves_other_lengths():
    exported = export(Mask(), torch.randn(3, 5), torch.tensor(LENGTHS), 1)
    for lengths in ([9], [2, 4, 6, 8]):
        xs = torch.randn(len(lengths), max(lengths))
        mask = exported(xs, torch.tensor(lengths))
        assert torch.equal(mask, make_pad_mask(lengths))


@pytest.mark.parametrize("shape,dim", [((3, 5, 4), 1), ((3, 2, 5, 2), 2)])
def test_export_with_reference_serves_other_lengths(shape, dim):
    module = MaskWithReference(dim)
    exported = export(module, torch.randn(shape), torch.tensor(LENGTHS), dim)
    for lengths in ([9], [2, 4, 6, 8]):
        sizes = [len(lengths), *shape[1:]]
        sizes[dim] = max(lengths)
        mask = exported(torch.randn(sizes), torch.tensor(lengths))
        assert torch.equal(mask, expected(lengths, sizes, dim))
