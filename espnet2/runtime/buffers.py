"""Recordings of any length in buffers of a model's window, which overlap by a context that is left out of the output.

Y. Peng et al., "OWSM-CTC: an open encoder-only speech foundation model for speech recognition, translation, and
language identification", 2024: buffers of 30 s, of which the context on both sides is encoded twice, and left out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component
from espnet2.runtime.long_form import LongForm
from espnet2.runtime.option_fields import is_finite
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.pauses import Part

CONTEXT = 2.0  # seconds on both sides


class Buffers(LongForm):
    """Rule of recordings that are encoded in buffers of `window` samples, with `context` seconds on both sides.

    Args:
        encoder: Its interface; its attribute `prompt_frames` is the number of output frames before those of speech.
        options: As for `LongForm`.
        sample_rate: In Hz.
        window: Samples of a buffer.
        context: Seconds at either end that are left out; None: `CONTEXT`, in whole frames.
        former: Read outputs as upstream's release 202511: frames of the prompt as those of speech, and the padding of
            the last buffer.

    Methods that cut raise `OptionError` for a context that is no whole number of frames, or does not fit the window.
    """

    def __init__(
        self,
        encoder: Component,
        options: DecodeOptions,
        sample_rate: int,
        window: int,
        context: float | None = None,
        former: bool = False,
    ) -> None:
        super().__init__(encoder, options, sample_rate, joins_frames=True)
        self.window, self.prompt = window, encoder.attribute("prompt_frames", 0)
        self._options, self._context = options, self.nearest(CONTEXT) if context is None else context
        self.former, self.whole = former, False

    @functools.cached_property
    def context(self) -> int:
        """Samples of a context."""
        seconds = self._context
        valid = is_finite(seconds) and 0 < 2 * seconds * self.rate < self.window
        samples = round(seconds * self.rate) if valid else 0
        left = self.length(self.window) - self.prompt if valid else 0  # frames, of which the last one may be missing
        if not valid or samples % self._unit or left < self.frames(self.window - samples):
            raise OptionError(
                f"context_len_in_secs: expected a multiple of {self._unit / self.rate:g} s below "
                f"{self.window / self.rate / 2:g} s, found {seconds!r}"
            )
        return samples

    def nearest(self, seconds: float) -> float:
        """The seconds of whole frames that are nearest to `seconds`, of which conv2d6, for one, has none in 2 s."""
        return round(seconds * self.rate / self._unit) * self._unit / self.rate

    def with_context(self, seconds: float | None, whole: bool = False) -> Buffers:
        """The rule with another context; if `whole`, recordings that fit into a buffer have none and are read whole."""
        other = Buffers(self.encoder, self._options, self.rate, self.window, seconds, self.former)
        other.whole = whole
        return other

    @property
    def hop(self) -> int:
        """Samples from a buffer to the next."""
        return self.window - 2 * self.context

    def cuts(self, steps: int) -> bool:
        """Whether a recording of `steps` samples is decoded in buffers."""
        return self.window < steps and (self.mode == "true" or (self.mode == "auto" and not self.fits(steps)))

    def parts(self, speech: np.ndarray) -> list[Part]:
        """Parts of a recording, one for each buffer."""
        ends = [(start, min(start + self.hop, len(speech))) for start in self._starts(len(speech))]
        return [Part(*part, *part, paused=False) for part in ends]

    def buffers(self, speech: np.ndarray) -> Iterator[np.ndarray]:
        """Buffers (window,) of a recording, zero beyond its ends; the context of the first one is zero, too."""
        context = 0 if self._reads_whole(len(speech)) else self.context
        for start in self._starts(len(speech)):
            buffer = np.zeros(self.window, np.float32)
            found = speech[max(start - context, 0) : start - context + self.window]
            before = max(context - start, 0)
            buffer[before : before + len(found)] = found
            yield buffer

    def inner(self, encoder_out: np.ndarray, number: int, samples: int) -> np.ndarray:
        """The frames of buffer `number` of a recording of so many samples without prompt, context and padding.

        Args:
            encoder_out: (T, D) output for the buffer.
        """
        if self._reads_whole(samples):
            return encoder_out
        first, count = self.frames(self.context), self.frames(self.hop)
        if not self.former:
            first += self.prompt
            count = min(count, max(round(samples / self._unit) - number * count, 0))
        return encoder_out[first : first + count]

    def _starts(self, samples: int) -> range:
        """The first sample of each buffer behind its context."""
        behind = samples + 1 if self.former else max(samples, 1)  # a release that ends with a buffer of padding alone
        return range(0, 1 if self._reads_whole(samples) else behind, self.hop)

    def _reads_whole(self, samples: int) -> bool:
        return self.whole and samples <= self.window
