"""An export that failed, told with the author's line, the consideration that it breaks, and the cure."""

from __future__ import annotations

import logging

import torch

from espnet2.export.doctor.check import check, first_line
from espnet2.export.doctor.considerations import CONSIDERATIONS
from espnet2.export.doctor.diagnosis import Diagnosis
from espnet2.export.doctor.find import located
from espnet2.export.nodes import nodes_of
from espnet2.export.trace import traced
from espnet2.inference.trained import Trained
from espnet2.interface.errors import VerificationError
from espnet2.interface.spec import Component

_log = logging.getLogger(__name__)


def of_export(module: torch.nn.Module, component: Component, error: Exception) -> VerificationError:
    """Return the error for a `component` of `module` whose export or graph failed; the whole diagnosis is logged."""
    try:
        found = next((item for item in check(module, component) if item.fails), None)
    except Exception:  # the module may fail in ways that nobody thought of; its own error is told then
        _log.debug("", exc_info=True)
        found = None
    if found is None:
        return VerificationError(f"{component.name}: expected a module that exports, found: {first_line(error)}")
    _log.error("%s:\n%s", component.name, found)
    return VerificationError(f"{component.name}: {sentence(found)}")


def sentence(found: Diagnosis) -> str:
    """A diagnosis in one sentence: module, line, consideration, cure."""
    row = CONSIDERATIONS[found.consideration]
    place = " of ".join(map(str, filter(None, (found.frame and f"{found.frame.file}:{found.frame.line}", found.owner))))
    return f"expected code that exports, found {row.title}" + (f" in {place}" if place else "") + f"; {row.cure}"


def of_run(trained: Trained, error: Exception) -> Exception:
    """Return the error for a graph that failed when it ran."""
    name = str(error).partition(":")[0]
    part = next((part for part in trained.parts if part[1].name == name), None)
    if part is None:
        return error
    place = located(error, nodes_of(traced(*part).model))
    if place:
        _log.error("%s: onnxruntime failed in %s", name, place)
    return of_export(*part, error)
