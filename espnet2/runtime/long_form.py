"""Recordings that are too long to be recognised as a whole: the memory that they need, and how they are cut.

An encoder whose attention compares all frames takes memory that grows with the square of the length. `LongForm`
estimates it from the encoder's component, and cuts a recording that would need more than the limit.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from espnet2.interface.errors import AudioError
from espnet2.interface.spec import Component, Length
from espnet2.runtime.memory import GB, attention_memory, usable_memory
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.pauses import Cutter, Part

UNDECLARED_HEADS = 16  # of an encoder that does not declare its heads: as many as large models have
# Bytes for each frame and number of a hidden vector: convolutions over 80 features at four times the frames.
PER_FRAME = 1000
MOST = 4 * GB  # and at most `SHARE` of the available memory, where no limit is given

SECONDS = 30.0  # a part, at most: for longer ones few models are trained, and attention takes longer than it need
USUAL = 15.0  # within which a part ends where it has a pause
SHORTEST, OVERLAP = 2.0, 2.0
CONTEXT = 0.25  # on both sides of parts whose frames are joined, so that none is missing; more only where no pause is
# Of the longest in a batch of the encoder. On two cores, eight together take a fifth less time than alone where
# the encoder is small, and up to a third more where it is large: its layers' results no longer fit a core's cache.
ALIKE = 0.8
ENOUGH = 200_000  # numbers that a layer gives for a batch: 8 s of speech at a width of 1000
FEATURES = 100  # frames of features per second, as good as everywhere


class LongForm:
    """Rule which recordings are cut, and where.

    Args:
        encoder: Its interface.
        options: `long_form`, `memory_limit` and `batch_size` count.
        sample_rate: In Hz.
        joins_frames: The search reads nothing but CTC's probabilities, so that encoder outputs of parts are joined. The
            parts have some context on both sides then.
    """

    def __init__(
        self, encoder: Component, options: DecodeOptions, sample_rate: int, joins_frames: bool = False
    ) -> None:
        self.encoder = encoder
        self.mode = str(options.long_form).lower()
        self.joins_frames = joins_frames
        self.batch_size = int(options.batch_size)
        self._wanted = options.memory_limit
        self.unit_name = str(encoder.inputs[0].axes[1])
        self.rate = sample_rate if self.unit_name == "samples" else FEATURES
        self.length = next((rule.length for rule in encoder.lengths if rule.source == self.unit_name), Length())
        size = encoder.outputs[0].axes[-1]
        self._size = size if isinstance(size, int) else 0
        self._heads = encoder.attribute("attention_heads", UNDECLARED_HEADS)
        self.speakers = len(encoder.outputs[1].axes) == 2

    @functools.cached_property
    def limit(self) -> int:
        """Bytes that the encoder may take: those of the option, or a share of what is available now."""
        return int(self._wanted * GB) or min(usable_memory(), MOST)

    def memory(self, steps: int, count: int = 1) -> int:
        """Bytes that the encoder takes for `count` recordings that are padded to `steps` samples, or frames."""
        frames = max(self.length(steps), 0)
        return count * (attention_memory(self._heads, frames) + PER_FRAME * self._size * frames)

    def fits(self, steps: int, count: int = 1) -> bool:
        """Whether the encoder can take that at once."""
        reaches = not self.encoder.longest or steps <= self.encoder.longest
        return reaches and self.memory(steps, count) <= self.limit

    def cuts(self, steps: int) -> bool:
        """Whether a recording of `steps` samples, or frames, is cut."""
        if self.mode == "true" and not self.speakers:
            return steps > self.cutter.longest
        return self.mode == "auto" and not self.speakers and not self.fits(steps)

    def require(self, steps: int, name: str) -> None:
        """Raise `AudioError`, which calls it `name`, for a recording that can be recognised neither whole nor cut."""
        if self.fits(steps):
            return
        if self.speakers or self.mode == "false":
            way_out = (
                "cut it, since the speakers of its parts could not be matched"
                if self.speakers
                else "set long_form to auto to have it cut"
            )
            raise AudioError(f"{name}: {self._room()}, found {self._found(steps)}; {way_out}, or set memory_limit")
        shortest = 2 * self._unit + self.encoder.shortest().get(self.unit_name, 1)
        if self.cutter.usual < 2 * shortest:
            raise AudioError(f"{name}: memory_limit: expected room for a part, found {self.limit / GB:.3g} GB")

    def _room(self) -> str:
        room = f"expected at most what {self.limit / GB:.3g} GB of memory are enough for"
        return f"{room}, or {self._seconds(self.encoder.longest)}" if self.encoder.longest else room

    def _found(self, steps: int) -> str:
        return f"{self._seconds(steps)}, which would take about {self.memory(steps) / GB:.3g} GB"

    def _seconds(self, steps: int) -> str:
        return f"{steps / self.rate:.0f} s"

    @functools.cached_property
    def _unit(self) -> int:
        """Steps that always give the same number of frames."""
        return math.prod(step[1] for step in self.length.steps)

    @functools.cached_property
    def cutter(self) -> Cutter:
        """Parts of at most 30 s, and of what the limit allows."""
        most = int(SECONDS * self.rate)
        reach = range(min(self.encoder.longest or most, most) + 1)
        longest = bisect.bisect_right(reach, self.limit, key=self.memory) - 1
        scale = min(longest / (SECONDS * self.rate), 1.0)  # a smaller limit makes everything smaller
        usual, shortest, context = (int(seconds * scale * self.rate) for seconds in (USUAL, SHORTEST, CONTEXT))
        overlap = min(int(OVERLAP * self.rate), longest // 4)
        shortest = max(shortest, 2 * self._unit + self.encoder.shortest().get(self.unit_name, 1))
        context = max(context, self.encoder.shortest().get(self.unit_name, 1))
        context = -(-context // self._unit) * self._unit if self.joins_frames else 0
        return Cutter(self.rate, self._unit, shortest, usual, longest, overlap, context)

    def frames(self, steps: int) -> int:
        """Encoder frames in `steps`, a multiple of what always gives the same number."""
        return steps // self._unit * math.prod(math.prod(step[3:]) for step in self.length.steps)

    def parts(self, speech: np.ndarray) -> list[Part]:
        """Parts of a recording, in order."""
        return self.cutter(speech)

    def groups(self, speeches: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
        """Speeches that the encoder takes at once: at most `batch_size`, and as many as their memory allows.

        None is much longer than another: computing what is padded would take longer than a batch saves. All together
        are no more than `ENOUGH`.
        """
        group: list[np.ndarray] = []
        for speech in speeches:
            longest, shortest = (choose(len(other) for other in (*group, speech)) for choose in (max, min))
            large = self._size * self.length(longest) * (len(group) + 1) > ENOUGH
            full = large or len(group) == self.batch_size or shortest < ALIKE * longest
            if group and (full or not self.fits(longest, len(group) + 1)):
                yield group
                group = []
            group.append(speech)
        if group:
            yield group
