"""Errors that a user can act on. Each message is one sentence: the file or option, what was expected, what was found.

EspnetError
├── ConfigError (ValueError, RuntimeError)  a config.yaml: unknown key or choice, wrong type, another task
├── CheckpointError (ValueError)        weights: missing, truncated, unsafe, other keys or shapes
├── ArchiveError (ValueError, RuntimeError)  a packed model: not an archive, unsafe member, nothing usable inside
├── BundleError (ValueError)            a bundle: missing or changed file, newer format, another task
├── AudioError (ValueError, RuntimeError)  a recording or sample array: empty, too short, silent, NaN, stereo, integer
├── DataError (ValueError, RuntimeError)   a Kaldi-style list: missing file, broken line, unknown key
├── OptionError (ValueError)            an option of a command or constructor
├── StreamError (RuntimeError)          a stream that has ended, or is another recogniser's
├── GraphError (RuntimeError)           a graph that cannot compute what it is given: longer than its tables
├── TrainingError (RuntimeError)         a training that cannot go on: no finite gradients, another experiment's files
├── VerificationError (RuntimeError)    onnxruntime and PyTorch disagree
└── MissingPackageError (ImportError)   an optional package is not installed

Command lines print the message and exit with status 2.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LONGEST = 400  # characters of a message: what a terminal shows in a few lines
LISTED = 160  # characters of a list of what is known
BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
HALVES = re.compile(r"[\ud800-\udfff]")  # of characters, which no encoding has
# Control characters, those that reverse the direction of what follows, and halves of characters.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shortened(text: str, longest: int = LONGEST) -> str:
    """`text`, without its middle where it is longer; the beginning names the item, the end what to do."""
    if len(text) <= longest:
        return text
    kept = longest - len(" … ")
    return f"{text[: kept - kept // 4]} … {text[len(text) - kept // 4 :]}"


def printable(text: str) -> str:
    """`text`, which may come from a stranger, in one line, with control characters as escapes."""
    return visible(" ".join(text.split()) if BREAKS.search(text) else text)


def visible(text: str) -> str:
    """`text` with its lines and tabs, in which all other control characters are escapes."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """`text` without line breaks, which tokens of bytes may have: each utterance has one line of a file."""
    return " ".join(BREAKS.split(text))


def reason_of(error: BaseException) -> str:
    """The reason of an error on one line: of the system's its own words, else its message, or its name without one."""
    words = error.strerror if isinstance(error, OSError) else None
    text = str(words or error).strip()
    return (" ".join(text.split()) if BREAKS.search(text) else text) or type(error).__name__


def kind_of(value: object) -> str:
    """The name of the type of a value in a document, as its author knows it."""
    return "null" if value is None else type(value).__name__


def listed(known: Iterable[str], found: object = "") -> str:
    """Some of the names in `known`, those most like `found` first, with commas, and how many more there are."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(found).lower(), names, n=3)
    names = [*near, *(name for name in names if name not in near)]
    text = ""
    for index, name in enumerate(names):
        if index and len(text) + len(name) > LISTED:
            return f"{text} and {len(names) - index} more"
        text += f", {name}" if index else name
    return text


class EspnetError(Exception):
    """Base of all errors that are told to the user in one sentence, of `LONGEST` characters at most."""

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(printable(message)))


class ConfigError(EspnetError, ValueError, RuntimeError):
    """A model configuration that cannot be used; upstream raises `RuntimeError` for some of them."""


class CheckpointError(EspnetError, ValueError):
    """Weights that cannot be read, or do not fit the configuration."""


class ArchiveError(EspnetError, ValueError, RuntimeError):
    """A packed model that cannot be unpacked safely."""


class BundleError(EspnetError, ValueError):
    """A bundle that is incomplete, changed, too new, or made for something else."""


class AudioError(EspnetError, ValueError, RuntimeError):
    """Speech that cannot be recognised as it is. Upstream has the one or the other of these errors."""


class DataError(EspnetError, ValueError, RuntimeError):
    """A list of recordings or texts that cannot be read. Upstream has the one or the other of these errors."""


class OptionError(EspnetError, ValueError):
    """An option with a value that is not allowed."""


class StreamError(EspnetError, RuntimeError):
    """A stream that cannot go on."""


class GraphError(EspnetError, RuntimeError):
    """A graph that cannot compute what it is given."""


class TrainingError(EspnetError, RuntimeError):
    """A training that cannot go on."""


class VerificationError(EspnetError, RuntimeError):
    """An exported graph that does not compute what PyTorch computes."""


class MissingPackageError(EspnetError, ImportError):
    """An optional package that a choice needs."""
