"""Exports that fail are told with the author's line, the consideration that it breaks, and the cure."""

import logging

import pytest
import unexportable_modules
from torch import nn

from espnet2.export.doctor.failure import of_export
from espnet2.export.testing import NotExportableError, assert_exports
from espnet2.interface.errors import LONGEST
from espnet2.interface.spec import Component, Tensor

COMPONENT = Component(
    "encoder", "encode", (Tensor("x", ("batch", "frames", 4)),), (Tensor("y", ("batch", "frames", 4)),)
)


class Encoder(nn.Module):
    """An encoder with layers of another author."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def encode(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def test_failure_names_module_line_and_cure(caplog):
    module = Encoder(nn.Linear(4, 4), unexportable_modules.BranchOnValue())
    with caplog.at_level(logging.ERROR):
        error = of_export(module, COMPONENT, RuntimeError("data-dependent"))
    assert str(error).startswith("encoder: expected code that exports, found branch on a tensor's value in ")
    assert "unexportable_modules.py:" in str(error) and "layers.1 (BranchOnValue)" in str(error)
    assert "torch.where" in str(error) and len(str(error)) <= LONGEST
    assert "if x.sum() > 0:  # here" in caplog.text


def test_failure_of_unknown_cause_keeps_its_message():
    error = of_export(Encoder(nn.Linear(4, 4)), COMPONENT, RuntimeError("disk full"))
    assert str(error) == "encoder: expected a module that exports, found: disk full"


def test_assert_exports_takes_a_component():
    assert_exports(Encoder(nn.Linear(4, 4)), COMPONENT)
    with pytest.raises(NotExportableError, match=r"loop_over|list whose length depends on data"):
        assert_exports(Encoder(unexportable_modules.ListOfFrames()), COMPONENT)
