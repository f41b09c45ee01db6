"""Tests that a module exports, for a recipe's or a fork's own continuous integration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from espnet2.export.doctor.check import check
from espnet2.interface.errors import VerificationError
from espnet2.interface.spec import Component


class NotExportableError(VerificationError):
    """A module that breaks a consideration of exportable code; `report` is the whole diagnosis."""

    def __init__(self, report: str) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return self.report


def assert_exports(module: torch.nn.Module, inputs: Component | Mapping[str, Any] | None = None) -> None:
    """Require that `module` exports with dynamic axes and computes in onnxruntime what it computes in PyTorch.

    Args:
        module: Any module; it is set to evaluation mode.
        inputs: By argument of `forward` its axes, as `{"xs": ("batch", "frames", 80)}`; a mapping
            `{"axes": ("batch",), "dtype": "int64", "length_of": "frames"}` for lengths, with `below` for tokens; an
            example tensor; or a `Component`. None: guessed from the names of the arguments.

    Raises:
        NotExportableError: It does not, with the line, the consideration that it breaks, and the cure.
        OptionError: The inputs cannot be used.
    """
    for diagnosis in check(module, inputs):
        if diagnosis.fails:
            raise NotExportableError(str(diagnosis))


try:
    import pytest
except ImportError:  # only tests need the fixture
    pass
else:

    @pytest.fixture(name="assert_exports")
    def assert_exports_fixture() -> Callable[..., None]:
        """`assert_exports`, for `pytest_plugins = ["espnet2.export.testing"]` in a `conftest.py`."""
        return assert_exports
