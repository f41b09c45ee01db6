"""Limits of what strangers send: beyond them, input is refused before memory or time is spent on it.

Each limit is a whole number that an environment variable raises or lowers: `ESPNET_DOCUMENT_BYTES=100000000`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from espnet2.interface.errors import OptionError

PREFIX = "ESPNET_"
MIB, GIB = 1 << 20, 1 << 30


class Limit(NamedTuple):
    """Default of a limit, and its meaning, which the documentation lists."""

    default: int
    meaning: str


LIMITS: Mapping[str, Limit] = {
    "DOCUMENT_BYTES": Limit(8 * MIB, "bytes of a document in YAML or JSON"),
    "DOCUMENT_DEPTH": Limit(100, "levels of lists and mappings in YAML; a thousand would overflow the stack"),
    "DOCUMENT_NODES": Limit(400_000, "keys and values of a document in YAML, with those that its aliases repeat"),
    "NUMBER_DIGITS": Limit(400, "characters of a number in a document"),
    "TABLE_BYTES": Limit(4 * GIB, "bytes of a list, a text or a token list"),
    "LINE_CHARACTERS": Limit(16 * MIB, "characters of one of its lines"),
    "TOKENIZER_BYTES": Limit(256 * MIB, "bytes of a tokenizer's model"),
    "MODEL_BYTES": Limit(256 * GIB, "bytes of a file of weights"),
    "GRAPH_BYTES": Limit(
        2 * GIB - 1, "bytes of a graph; its format has no more, further weights are in files beside it"
    ),
    "EXPANSION": Limit(100, "numbers or bytes that a recording or an archive may hold for each byte of its file"),
    "EXPANDED_BYTES": Limit(GIB // 2, "bytes that it may take in memory whatever the size of its file"),
    "AUDIO_SECONDS": Limit(48 * 3600, "seconds of a recording"),
    "AUDIO_RATE_LOWEST": Limit(1000, "lowest sampling rate that is resampled, in Hz"),
    "AUDIO_RATE": Limit(1_000_000, "highest sampling rate of a recording or model, in Hz"),
    "PIPE_BYTES": Limit(GIB, "bytes of a recording that comes by a pipe"),
    "PIPE_SECONDS": Limit(3, "seconds to wait for a program that writes to a named pipe"),
    "UNPACKED_BYTES": Limit(64 * GIB, "bytes of an archive's files; the largest published model takes 36 GB"),
    "UNPACKED_FILES": Limit(10_000, "files of an archive"),
    "TEXT_TOKENS": Limit(4096, "tokens of a text that a language model scores; memory grows with their square"),
    "STATE_ELEMENTS": Limit(1 << 27, "numbers in a state of a graph before the first step"),
}


def limit(name: str) -> int:
    """The limit `name` of `LIMITS`; raises `OptionError` where its environment variable holds no whole number."""
    given = os.environ.get(PREFIX + name)
    if given is None:
        return LIMITS[name].default
    if not (given.isascii() and given.isdecimal() and 0 < len(given) <= 18):
        raise OptionError(f"{PREFIX}{name}: expected a whole number, found {given!r}")
    return int(given)


def hint(name: str) -> str:
    """The end of a message: how to raise the limit `name`."""
    return f"set {PREFIX}{name} to allow more"


def may_expand(held: int, stored: int, item_bytes: int = 1) -> bool:
    """Whether `held` items, of so many bytes each in memory, may come from a file of `stored` bytes."""
    return held <= max(limit("EXPANDED_BYTES") // item_bytes, limit("EXPANSION") * stored)
