"""Packets of Opus, as encoders give them (`AudioEncoder` of browsers, libopus), without a container."""

from __future__ import annotations

import struct

import numpy as np

from espnet2.interface.errors import MissingPackageError
from espnet2.serving.guard import RefusedError

RATE = 48_000  # Hz, of all that Opus decodes
LONGEST = 3 * 1275 + 7  # bytes of a packet of one channel, whose frames last 120 ms
# RFC 7845: version 1, one channel, nothing to skip, the rate, no gain, no mapping of channels.
HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, RATE, 0, 0)


class OpusPackets:
    """Decodes packets of one stream; several channels become one.

    Raises:
        MissingPackageError: PyAV is not installed.
    """

    def __init__(self) -> None:
        try:
            import av
        except ImportError:
            raise MissingPackageError(
                'format: expected pcm, since this service lacks the package av, found opus; pip install ".[opus]"'
            ) from None
        self._packet, self._errors = av.Packet, av.FFmpegError
        self._codec = av.CodecContext.create("opus", "r")
        self._codec.extradata = HEAD
        self._codec.sample_rate = RATE

    def __call__(self, packet: bytes) -> np.ndarray:
        """The samples (T,) of the next packet, float32; raises `RefusedError` for what is none."""
        if not 0 < len(packet) <= LONGEST:
            raise RefusedError(400, f"stream: expected packets of 1 to {LONGEST} bytes, found {len(packet)}")
        try:
            frames = self._codec.decode(self._packet(packet))
        except self._errors:
            raise RefusedError(400, "stream: expected packets of Opus, found something else") from None
        samples = [frame.to_ndarray().astype(np.float32, copy=False).mean(axis=0) for frame in frames]
        return np.concatenate(samples) if samples else np.zeros(0, np.float32)
