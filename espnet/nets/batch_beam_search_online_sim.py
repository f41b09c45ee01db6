"""Simulation of the search over a stream, on a whole utterance."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.beam_search import BatchHypothesis, Hypothesis
from espnet.nets.tensors import answers_in_kind
from espnet2.interface.errors import ConfigError
from espnet2.interface.foreign_file import read_foreign
from espnet2.interface.yaml_document import parse_yaml


class BatchBeamSearchOnlineSim(BatchBeamSearchOnline):
    """`BatchBeamSearchOnline` over whole utterances: the hypotheses that a stream of each would give.

    The last block has what an encoder's last block has: all frames from where a whole block of them, with its
    look-ahead, is no longer followed by another frame. Where a token that the text has already made the search wait,
    the first step in the next block is taken even if it gives one again.
    """

    # Defaults of a search whose class is changed to this one after it was made, as scripts do.
    block_size, hop_size, look_ahead = 40, 16, 16
    disable_repetition_detection = False
    longest_wait = 160

    def set_streaming_config(self, asr_config: str | Path) -> None:
        """Set the blocks that the encoder of a recogniser has: `block_size`, `hop_size`, `look_ahead` of its config.

        Values that it lacks stay as they are.

        Args:
            asr_config: A YAML file with `encoder_conf`, or with the name of such a file as `config`.

        Raises:
            ValueError: A value is no number, or the file no such file.
        """
        path, blocks = _encoder_conf(str(asr_config))
        for name in ("block_size", "hop_size", "look_ahead"):
            if name in blocks and type(blocks[name]) is not int:
                raise ValueError(f"{path}: expected a number as encoder_conf.{name}, found {blocks[name]!r:.80}")
            setattr(self, name, blocks.get(name, getattr(self, name)))

    def set_block_size(self, block_size: int) -> None:
        """Set the frames of a block."""
        self.block_size = block_size

    def set_hop_size(self, hop_size: int) -> None:
        """Set the frames from a block to the next."""
        self.hop_size = hop_size

    def set_look_ahead(self, look_ahead: int) -> None:
        """Set the frames at the end of a block that the search does not see."""
        self.look_ahead = look_ahead

    @answers_in_kind
    def forward(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The n-best hypotheses for encoder output x (T, D), best first; `is_final` is there for streams."""
        ends = range(self.block_size - self.look_ahead, len(x), self.hop_size)
        shown = max((end for number, end in enumerate(ends) if not number or end + self.look_ahead < len(x)), default=0)
        stream = copy.copy(self)  # of this utterance alone, since threads may share the search
        stream.reset()
        super(BatchBeamSearchOnlineSim, stream).forward(x[:shown], maxlenratio, minlenratio, is_final=False)
        return stream._conclude(x[shown:], maxlenratio, minlenratio)

    def reset(self) -> None:
        """Begin another utterance."""
        super().reset()
        self._waited = False

    def _stops(self, best: BatchHypothesis, ends: np.ndarray) -> bool:
        repeats = not self._waited and self._repeats(best.yseq[~ends])
        stops = bool(ends.any()) or repeats
        self._waited = stops and (self._waited or repeats)
        return stops


def _encoder_conf(path: str) -> tuple[str, dict[str, Any]]:
    """The file that has `encoder_conf`, or names no other one, and its `encoder_conf`."""
    passed: list[str] = []
    while path not in passed:
        passed.append(path)
        text = read_foreign(path, "a configuration", ConfigError, "DOCUMENT_BYTES").decode("utf-8", "replace")
        config = _mapping(parse_yaml(text, path, ConfigError), path)
        if config.get("encoder_conf") or not config.get("config"):
            return path, _mapping(config.get("encoder_conf"), f"{path}: encoder_conf")
        path = str(config["config"])
    raise ValueError(f"{path}: expected encoder_conf, found the names of files that name each other")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value or {}, dict):
        raise ValueError(f"{place}: expected a mapping, found {value!r:.80}")
    return value or {}
