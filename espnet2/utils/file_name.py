"""Names of utterances as names of files, which must not lead out of the directory of results."""

from __future__ import annotations

import re

from espnet2.interface.errors import DataError, shortened

SEPARATORS = re.compile(r"[/\\]")
OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\\|[\x00-\x1f]")
LONGEST = 240  # bytes, which leave room for an ending
LONGEST_MEMBER = 5000  # characters of a name in an archive, which takes 65,535 bytes with all their escapes


class FileNameError(DataError):
    """A name that no file of results may have."""


def require_file_name(name: str) -> None:
    """Raise `FileNameError` unless `name` with an ending is the name of a file in any directory."""
    if SEPARATORS.search(name):
        raise _refusal(name, "a name without / and \\, which a file of results can have")
    require_member_name(name)
    if len(name.encode(errors="replace")) > LONGEST:
        raise _refusal(name, f"a name of at most {LONGEST} bytes, which a file of results can have")


def require_member_name(name: str) -> None:
    """Raise `FileNameError` unless `name` leads to a file below the directory where an archive is unpacked."""
    if not name or OUTSIDE.search(name):
        raise _refusal(name, "a name that stays within the directory of results")
    if len(name) > LONGEST_MEMBER:
        raise _refusal(name, f"a name of at most {LONGEST_MEMBER} characters")


def _refusal(name: str, expected: str) -> FileNameError:
    return FileNameError(f"--output_dir: expected {expected}, found {shortened(repr(name), 80)}")
