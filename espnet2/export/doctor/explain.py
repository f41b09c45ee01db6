"""From an error, a recorded guard or a difference to the consideration that the author's line breaks."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from espnet2.export.doctor.guards import Guard
from espnet2.export.doctor.source import RULES, at_line, findings
from espnet2.export.nodes import NOT_THE_AUTHORS, Frame, authors_frames

FROZEN = re.compile(r"^Eq\(s\d+, (\d+)\)$")
# Errors that say by themselves what is broken.
MESSAGES = {
    "unsupported_operator": r"No ONNX function found|No decompositions|Error when translating node|NOT_IMPLEMENTED",
    "numpy_call": r"ufunc|numpy\(\)|\.numpy|array\.__|FunctionalTensor.*numpy|Cannot convert.*numpy",
    "position_table": r"must match the size of tensor b|index out of range|out of bounds",
}
# What is asked of the source where a case of that kind differs, first to last.
SUSPECTS = {
    "batch 1": ("branch_on_size", "state_of_module", "loop_over_axis", "time_frozen", "numpy_call"),
    "an empty cache": ("none_cache", "branch_on_size"),
}
BAKED = ("branch_on_size", "numpy_call", "number_from_tensor", "item", "tolist", "int_of_tensor", "random_numbers")


@dataclass(frozen=True)
class Explained:
    """Name of a consideration, and the author's line where one is to blame."""

    name: str
    frame: Frame | None = None


def of_line(function: Callable[..., Any], name: str) -> Explained:
    """The first line of a function that may break this consideration."""
    return Explained(name, next((frame for _, frame in findings(function, [name])), None))


def explain(
    function: Callable[..., Any], error: BaseException | None, guards: Sequence[Guard], case: str = ""
) -> Explained:
    """Name the consideration and the line.

    Args:
        function: The author's `forward`.
        error: What was raised; None: results differ.
        guards: Conditions on sizes that were recorded while it was traced.
        case: Label of the case that failed; empty: while it was traced, or before.
    """
    if error is None:
        return _of_difference(function, guards, case)
    if case == "an empty cache" and of_line(function, "none_cache").frame is not None:
        return of_line(function, "none_cache")
    text = str(error) + "".join(str(cause) for cause in (error.__cause__, error.__context__) if cause)
    by_message = next((name for name, pattern in MESSAGES.items() if re.search(pattern, text)), None)
    frame = _line(function, _frames(error))
    if frame is not None:
        name = at_line(function, frame) or by_message or ("differs" if guards else "fails_in_pytorch")
        return Explained(name, frame)
    if by_message == "unsupported_operator":
        return Explained(by_message, _of_node(error, function))
    return _of_guards(function, guards) or Explained(by_message or "differs")


def _frames(error: BaseException) -> list[Frame]:
    """The author's lines of an error, the outermost first."""
    found: list[Frame] = []
    for cause in (error, error.__cause__, error.__context__):
        if cause is not None:
            stack = traceback.extract_tb(cause.__traceback__)
            found += [Frame(item.filename, item.lineno or 0, item.line or "") for item in stack]
            found += authors_frames(str(cause))
    own = ("espnet2/export/", *NOT_THE_AUTHORS)
    return [frame for frame in found if not any(part in frame.file for part in own)]


def _line(function: Callable[..., Any], frames: Sequence[Frame]) -> Frame | None:
    """The frame of the author's forward, with its line of code; the last one outside of it, if there is none."""
    try:
        lines, start = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function)
    except (OSError, TypeError):
        return frames[-1] if frames else None
    for frame in frames:
        if frame.file == file and start <= frame.line < start + len(lines):
            return Frame(frame.file, frame.line, lines[frame.line - start].strip())
    return frames[-1] if frames else None


def _of_node(error: BaseException, function: Callable[..., Any]) -> Frame | None:
    """The line whose code calls the operator that an error of the exporter names."""
    match = re.search(r"target=torch\.ops\.\w+\.(\w+)", str(error) + str(error.__cause__))
    try:
        lines, start = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    words = match[1].strip("_").split("_") if match else []
    for index, line in enumerate(lines[1:], 1):
        if words and all(word in line for word in words):
            return Frame(inspect.getsourcefile(function) or "", start + index, line.strip())
    return None


def _of_guards(function: Callable[..., Any], guards: Sequence[Guard]) -> Explained | None:
    """The line that froze an axis, or bounded it."""
    for guard in sorted(guards, key=lambda guard: FROZEN.match(guard.condition) is None):
        frame = _line(function, guard.frames)
        match = FROZEN.match(guard.condition)
        if frame is None or not (match or "<" in guard.condition or ">" in guard.condition):
            continue
        frozen = ("batch_frozen" if match[1] == "2" else "time_frozen") if match else "branch_on_size"
        return Explained(at_line(function, frame) or frozen, frame)
    return None


def _of_difference(function: Callable[..., Any], guards: Sequence[Guard], case: str) -> Explained:
    by_guard = _of_guards(function, guards)
    if by_guard is not None:
        return by_guard
    names = [*SUSPECTS.get(case, ()), *(name for name in BAKED if name in RULES)]
    for name, frame in findings(function, names):
        return Explained(name, frame)
    return Explained("differs")
