"""Decoding of many texts, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from espnet2.runtime.decode import SearchRunner, UtteranceRunner, decode
from espnet2.runtime.decode_arguments import recognizer_bundle_options
from espnet2.runtime.loop import Wording
from espnet2.runtime.mt import Text2Text
from espnet2.runtime.text_inputs import find_lines

WORDING = Wording("translate", "translated", "texts", "translation")


class TextRunner(UtteranceRunner):
    """Decodes lines of text, `AHEAD` batches of them in one go."""

    def _read(self, item: Any) -> np.ndarray:
        return self.recognizer.check(item.text, item.place)


def decode_texts(args: argparse.Namespace, load: Callable[[argparse.Namespace], SearchRunner]) -> int:
    """Decode the texts that the options name with what `load` makes of the options; returns the exit status."""
    return decode(args, load, find_lines, WORDING)


def translate_with_bundle(args: argparse.Namespace) -> int:
    """Translate the texts that the options name with a bundle; returns the exit status."""
    return decode_texts(args, _of_bundle)


def _of_bundle(args: argparse.Namespace) -> SearchRunner:
    return TextRunner(Text2Text(**recognizer_bundle_options(args)))
