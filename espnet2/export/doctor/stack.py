"""Lines of the author's code that led to a place: those outside of PyTorch, Python and this package."""

from __future__ import annotations

import linecache
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

from espnet2.export.nodes import Frame, is_authors

ENTRY = "espnet2/export/doctor/patient.py"  # the module is called from there
OURS = (f"{Path(__file__).parents[1]}/", "/_pytest/", "/pluggy/")
STANDARD = tuple(f"{sysconfig.get_paths()[key]}/" for key in ("stdlib", "platstdlib"))


def is_line_of_author(file: str) -> bool:
    """Whether a file is neither PyTorch's, nor Python's own, nor the exporter's."""
    standard = file.startswith(STANDARD) and "-packages/" not in file
    return is_authors(file) and not standard and not any(part in file for part in OURS)


def authors_frames_of(frame: FrameType | None) -> Iterator[FrameType]:
    """The author's frames of the calls that led here, the innermost first."""
    while frame is not None and not frame.f_code.co_filename.endswith(ENTRY):
        if is_line_of_author(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def authors_stack(frame: FrameType | None, codes: dict[CodeType, None] | None = None) -> tuple[Frame, ...]:
    """The author's lines of the calls that led here, the innermost last; their functions are added to `codes`."""
    found = []
    for item in authors_frames_of(frame):
        file, line = item.f_code.co_filename, item.f_lineno
        found.append(Frame(file, line, linecache.getline(file, line).strip()))
        if codes is not None:
            codes.setdefault(item.f_code)
    return tuple(reversed(found))
