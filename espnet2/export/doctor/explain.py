"""From an error, a recorded guard or a difference to the consideration that the author's line breaks."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from espnet2.export.doctor.patient import Patient
from espnet2.export.doctor.source import at_line, branches, findings, loop_around
from espnet2.export.doctor.stack import is_line_of_author
from espnet2.export.doctor.watch import READS, Call
from espnet2.export.nodes import Frame, authors_frames

FROZEN = re.compile(r"^Eq\((?:s\d+|\w+ToInt\(.*\)), (\d+)\)$")  # a size, or int(), ceil() and the like of one
# Errors of the exporter about values, which it does not have.
OF_VALUE = re.compile(r"data-dependent|unbacked|\bz?uf?\d+\b|FakeTensor|FunctionalTensor|Cannot convert .* to numpy")
UNBACKED = re.compile(r"\bu(\d+)\b")
# Errors that say by themselves what is broken.
MESSAGES = {
    "complex_numbers": r"[Cc]omplex(?:Float|Double|64|128)",
    "unsupported_operator": r"No ONNX function found|No decompositions|Error when translating node|NOT_IMPLEMENTED",
    "numpy_call": r"ufunc|numpy\(\)|\.numpy|array\.__|FunctionalTensor.*numpy|Cannot convert.*numpy",
    "scripted": r"ScriptFunction|ScriptModule|ScriptMethod|TorchScript",
}
# What a call is named for, where the line says more than the method of the tensor does: patterns of the line.
REFINED = {
    "branch_on_value": ((r"\bbool\(", "int_of_tensor"), (r"(?<![.\w])(?:max|min|sorted)\(", "number_from_tensor")),
    "int_of_tensor": ((r"\bmath\.", "number_from_tensor"), (r"\brange\(", "loop_over_axis")),
    "number_from_tensor": ((r"\bint\(", "int_of_tensor"), (r"\brange\(|\bfor\b", "loop_over_axis")),
    "loop_over_axis": ((r"(?<![.\w])(?:max|min|sorted|sum)\(", "number_from_tensor"),),
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


def of_call(patient: Patient, name: str) -> Explained:
    """The first line whose call broke this consideration, or that may break it by its source."""
    called = (call.frames[-1] for call in patient.calls if call.consideration == name and call.frames)
    written = (frame for _, frame in findings(patient.functions, [name]))
    return Explained(name, next(called, None) or next(written, None))


def of_error(patient: Patient, error: BaseException) -> Explained:
    """Name the consideration and the line of an error, of PyTorch, its exporter or onnxruntime."""
    text = "".join(map(str, _causes(error)))
    frames = _frames(error)
    by_message = next((name for name, pattern in MESSAGES.items() if re.search(pattern, text)), None)
    return (
        _of_packed(patient)
        or (_of_wrapper(frames) if OF_VALUE.search(text) else None)
        or _of_read(patient, frames, text)
        or (_of_message(patient, by_message, error, frames) if by_message else None)
        or _of_script(patient, frames)
        or _of_lines(frames)
        or of_guards(patient)
        or Explained("fails_in_pytorch" if frames and not patient.guards else "differs", _innermost(frames))
    )


def _of_script(patient: Patient, frames: Sequence[Frame]) -> Explained | None:
    """A part of the module that torch.jit.script compiled, where the line that failed calls it."""
    compiled = [name for name, part in patient.module.named_modules() if isinstance(part, torch.jit.ScriptModule)]
    names = "|".join(re.escape(name.rpartition(".")[2]) for name in compiled if name)
    called = [frame for frame in frames if names and re.search(rf"\b({names})\b", frame.code)]
    return Explained("scripted", called[-1]) if called else None


def _of_message(patient: Patient, name: str, error: BaseException, frames: Sequence[Frame]) -> Explained:
    """The consideration that an error's text tells, unless numpy made the operator that is not supported."""
    frame = _of_operator(error) or _innermost(frames)
    numpy = of_call(patient, "numpy_call")
    return numpy if name == "unsupported_operator" and frame is None and numpy.frame else Explained(name, frame)


def of_difference(patient: Patient, case: str) -> Explained:
    """Name the consideration and the line where results differ in a case with this label."""
    by_guard = of_guards(patient)
    if by_guard is not None:
        return by_guard
    calls = (_refined(call) for call in patient.calls if call.consideration in (*READS.values(), "random_numbers"))
    for name, frame in (*findings(patient.functions, SUSPECTS.get(case, ())),):
        return Explained(name, frame)
    found = next(calls, None)
    if found is not None:
        return found
    return next((Explained(name, frame) for name, frame in findings(patient.functions, BAKED)), Explained("differs"))


def of_guards(patient: Patient) -> Explained | None:
    """The line that froze an axis, or bounded it."""
    for guard in sorted(patient.guards, key=lambda guard: FROZEN.match(guard.condition) is None):
        match = FROZEN.match(guard.condition)
        frame = _innermost(guard.frames)
        if frame is None or not (match or re.search("[<>]|Mod", guard.condition) or branches(frame)):
            continue
        read = _of_read(patient, guard.frames, "")
        around = loop_around(frame)
        if read is not None:
            return _of_wrapper(guard.frames) or read
        if around is not None:
            return Explained("loop_over_axis", around)
        batch = match is not None and match[1] == "2" and "ToInt" not in match[0]
        frozen = ("batch_frozen" if batch else "time_frozen") if match else "branch_on_size"
        if frozen == "batch_frozen" and at_line(frame) is None and of_call(patient, frozen).frame:
            return of_call(patient, frozen)  # the literal size, rather than the line where it meets the input
        return Explained(at_line(frame) or frozen, frame)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The error and those that led to it, the last one first."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop(0)
        if cause is not None and cause not in found:
            found.append(cause)
            left += [cause.__cause__, cause.__context__]
    return found


def _frames(error: BaseException) -> list[Frame]:
    """The author's lines of an error, the outermost first."""
    found: list[Frame] = []
    for cause in _causes(error):
        stack = traceback.extract_tb(cause.__traceback__)
        found += [Frame(item.filename, item.lineno or 0, (item.line or "").strip()) for item in stack]
        found += authors_frames(str(cause))
    return [frame for frame in dict.fromkeys(found) if is_line_of_author(frame.file)]


def of_read(patient: Patient) -> Explained | None:
    """The first line that makes a Python number of a tensor."""
    reads = (call for call in patient.calls if call.consideration in READS.values() and call.function != "__iter__")
    return next(map(_refined, reads), None)


def _of_packed(patient: Patient) -> Explained | None:
    """The line that packs sequences, which never export."""
    explained = of_call(patient, "packed_sequence")
    return explained if explained.frame and any(c.consideration == "packed_sequence" for c in patient.calls) else None


def _innermost(frames: Sequence[Frame]) -> Frame | None:
    return frames[-1] if frames else None


def _of_wrapper(frames: Sequence[Frame]) -> Explained | None:
    """A call of a mask or of packing on the way to the line that failed, which is what its author can replace."""
    for frame in frames:
        name = at_line(frame, ("packed_sequence", "mask_with_reference"))
        if name is not None:
            return Explained(name, frame)
    return None


def _of_read(patient: Patient, frames: Sequence[Frame], text: str) -> Explained | None:
    """The line that made a Python number of a tensor, which is the one that failed, or made what failed."""
    reads = [call for call in patient.calls if call.consideration in READS.values() and call.frames]
    for frame in reversed(frames):
        for call in reads:
            if (call.frames[-1].file, call.frames[-1].line) == (frame.file, frame.line):
                return _refined(call)
    match = UNBACKED.search(text)
    made = [call for call in reads if call.function != "__iter__"]
    if match is None or not made:
        return None
    return _refined(made[min(int(match[1]), len(made) - 1)])


def _refined(call: Call) -> Explained:
    frame = call.frames[-1] if call.frames else None
    choices = REFINED.get(call.consideration, ()) if frame else ()
    name = next((name for pattern, name in choices if frame and re.search(pattern, frame.code)), call.consideration)
    return Explained(name, frame)


def _of_lines(frames: Sequence[Frame]) -> Explained | None:
    for frame in reversed(frames):
        name = at_line(frame)
        if name is not None:
            return Explained(name, frame)
    return None


def _of_operator(error: BaseException) -> Frame | None:
    """The line of the node that the exporter could not translate, which the frames of its error hold."""
    tracebacks = (cause.__traceback__ for cause in _causes(error))
    frames = (frame for item in tracebacks for frame, _ in traceback.walk_tb(item))
    nodes = (value for frame in frames for value in frame.f_locals.values() if isinstance(value, torch.fx.Node))
    found = (authors_frames(node.meta.get("stack_trace") or "") for node in nodes if node.op == "call_function")
    return next((lines[-1] for lines in found if lines), None)
