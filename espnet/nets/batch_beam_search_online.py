"""Label-synchronous beam search over a stream of encoder frames.

E. Tsunoo et al., "Streaming Transformer ASR with blockwise synchronous beam search", 2021. The search sees the stream
block by block. Hypotheses grow while what is visible explains them: a decoder whose attention has reached the last
frame ends the text or repeats itself. Then the search goes back and waits for the next block.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BatchHypothesis, Hypothesis, longest
from espnet.nets.frame_blocks import FrameBlocks
from espnet.nets.tensors import answers_in_kind, as_array, like


class BatchBeamSearchOnline(BatchBeamSearch):
    """`BatchBeamSearch` for a stream whose encoder output comes in pieces.

    Args:
        args, keywords: As for `BatchBeamSearch`.
        block_size, hop_size, look_ahead: Frames. The first block shows `block_size - look_ahead` frames, each of the
            following `hop_size` more.
        disable_repetition_detection: Let hypotheses grow by tokens that they have already.
        ctc: Without effect; upstream has it for a time-synchronous search.
        longest_wait: Frames. Where the newest token of the best hypothesis is so far behind what is visible (a scorer
            that aligns, as CTC, tells), neither an end symbol nor a token that it has already makes the search wait.

    Raises:
        ValueError: An option of upstream's with a value that is not supported.
    """

    def __init__(
        self,
        *args: Any,
        block_size: int = 40,
        hop_size: int = 16,
        look_ahead: int = 16,
        disable_repetition_detection: bool = False,
        encoded_feat_length_limit: int = 0,
        decoder_text_length_limit: int = 0,
        incremental_decode: bool = False,
        time_sync: bool = False,
        ctc: Any = None,
        hold_n: int = 0,
        transducer_conf: Mapping[str, Any] | None = None,
        joint_network: Any = None,
        longest_wait: int = 160,
        **keywords: Any,
    ) -> None:
        unknown: dict[str, tuple[Any, Any]] = {
            "encoded_feat_length_limit": (encoded_feat_length_limit, 0),
            "decoder_text_length_limit": (decoder_text_length_limit, 0),
            "incremental_decode": (incremental_decode, False),
            "time_sync": (time_sync, False),
            "hold_n": (hold_n, 0),
            "transducer_conf": (transducer_conf, None),
            "joint_network": (joint_network, None),
        }
        for name, (value, known) in unknown.items():
            if value:
                raise ValueError(f"{name}: expected {known}, found {value!r:.80}")
        super().__init__(*args, **keywords)
        self.block_size, self.hop_size, self.look_ahead = block_size, hop_size, look_ahead
        self.disable_repetition_detection = disable_repetition_detection
        self.longest_wait = longest_wait
        self.reset()

    def reset(self) -> None:
        """Begin another stream."""
        self.running_hyps: BatchHypothesis | None = None
        self.process_idx = 0  # tokens that the running hypotheses have got
        self._blocks = FrameBlocks(self.block_size, self.hop_size, self.look_ahead)
        self._visible = 0  # frames that scorers have
        self._newest: Any = np.zeros((0, 0), np.float32)

    def __call__(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """See `forward`."""
        return self.forward(x, maxlenratio, minlenratio, is_final)

    @answers_in_kind
    def forward(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The hypotheses so far, best first, after T new frames x (T, D); T may be 0.

        Those of a stream that goes on are closed by an end symbol that is not scored. After `is_final`, `reset` begins
        another stream. For `maxlenratio` and `minlenratio` see `BeamSearch.forward`; tokens are limited by the frames
        that are visible.
        """
        for block in self._blocks(as_array(x)):
            self._show(like(x, block))
            self._grow(longest(maxlenratio, self._visible))
        return self._conclude(like(x, self._blocks.rest()), maxlenratio, minlenratio) if is_final else self._so_far()

    def _conclude(self, rest: Any, maxlenratio: float, minlenratio: float) -> list[Hypothesis]:
        """The n-best hypotheses of the stream that ends with the frames `rest` (T, D)."""
        if len(rest):
            self._show(rest)
        if self.running_hyps is None:
            return self._so_far()
        return self.finish(self.running_hyps, self.process_idx, self._newest, self._visible, maxlenratio, minlenratio)

    def _show(self, block: Any) -> None:
        """Give scorers the next frames of the stream, block (T, D)."""
        self._newest = block
        self._visible += len(block)
        running = self.running_hyps
        if running is None:
            self.running_hyps = self.init_hyp(block)
            return
        states = {name: self.scorers[name].extend(states, block) for name, states in running.states.items()}
        self.running_hyps = dataclasses.replace(running, states=states)

    def _grow(self, maxlen: int) -> None:
        """Search as far as the visible frames reach; the last of the `maxlen` tokens is left to the end of the stream.

        Before a step that is not reliable, the one before it is undone.
        """
        running, before = self.running_hyps, None
        assert running is not None
        while self.process_idx < maxlen - 1:
            best = self.search(running, self._newest)
            ends = best.yseq[:, -1] == self.eos
            if self._stops(best, ends) and not self._is_behind(best):
                break
            best = best.select(np.flatnonzero(~ends))
            if not len(best):
                break
            running, before = best, running
            self.process_idx += 1
        if before is not None and self.process_idx > 1:
            running = before
            self.process_idx -= 1
        self.running_hyps = running

    def _stops(self, best: BatchHypothesis, ends: np.ndarray) -> bool:
        """Whether a step is not reliable, where the hypotheses `ends` (H,) have come to an end symbol."""
        return bool(ends.any()) or self._repeats(best.yseq)

    def _repeats(self, yseq: np.ndarray) -> bool:
        return not self.disable_repetition_detection and bool((yseq[:, -1:] == yseq[:, :-1]).any())

    def _is_behind(self, best: BatchHypothesis) -> bool:
        known = (self.scorers[name].last_frame(states[0]) for name, states in best.states.items())
        return any(frame is not None and self._visible - frame > self.longest_wait for frame in known)

    def _so_far(self) -> list[Hypothesis]:
        running = self.running_hyps
        if running is None:
            return [Hypothesis(np.array([self.sos, self.eos]))]
        hypotheses = (running.hypothesis(row)._replace(states={}) for row in range(len(running)))
        return [hypothesis._replace(yseq=np.append(hypothesis.yseq, self.eos)) for hypothesis in hypotheses]
