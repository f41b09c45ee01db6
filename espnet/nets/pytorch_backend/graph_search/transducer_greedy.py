"""Greedy search over a transducer as `espnet.nets.transducer_searches.greedy` has it, as a loop of a graph.

Each pass looks at the next frames with the label sequence so far, and emits the label of the first frame whose best
symbol is no blank: at most one in a frame.

Shapes: B utterances, T frames, J size of the joint space, D of the decoder's output, V labels with the blank.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.graph_search.ctc_greedy import FramedText
from espnet.nets.pytorch_backend.graph_search.loops import LoopBody, rows_of, run_loop
from espnet.nets.pytorch_backend.graph_search.scorers import Hypotheses, SteppedModule

AHEAD = 8  # frames of a pass, as most emit the blank


class Emitted(NamedTuple):
    """State of the search: the next frame (B,), labels and their frames (B, T), their number (B,), the score (B,), and
    the decoder's output (B, 1, D)."""

    frame: Tensor
    text: Tensor
    emitted: Tensor
    number: Tensor
    score: Tensor
    decoder_out: Tensor


class TransducerGreedyStep(LoopBody):
    """One pass of the search; given are the projected frames (B, T, J) and lengths (B,).

    Args:
        decoder: prediction network.
        joint: joint network.
        blank: index of the blank.
    """

    joint: Any

    def __init__(self, decoder: SteppedModule, joint: Any, blank: int) -> None:
        super().__init__()
        self.decoder, self.blank = decoder, blank
        self.joint = joint

    def goes_on(self, *tensors: Tensor) -> Tensor:
        """Whether an utterance has frames left."""
        return (tensors[0] < tensors[-1]).any()

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Look at `AHEAD` frames of every utterance."""
        *unpacked, frames, lengths = tensors
        before, states = Emitted(*unpacked[: len(Emitted._fields)]), unpacked[len(Emitted._fields) :]
        ahead = before.frame.unsqueeze(1) + torch.arange(AHEAD, device=frames.device)
        near = rows_of(frames, ahead.clamp(max=frames.shape[1] - 1))
        log_probs = self.joint.step(near, before.decoder_out.expand(-1, AHEAD, -1))
        peak, label = log_probs.max(dim=-1)
        is_label = (label != self.blank) & (ahead < lengths.unsqueeze(1))
        first, found = is_label.int().argmax(dim=1, keepdim=True), is_label.any(dim=1)
        token, frame = label.gather(1, first), ahead.gather(1, first)
        place = torch.arange(before.text.shape[1], device=frames.device)
        is_new = (place == before.number.unsqueeze(1)) & found.unsqueeze(1)
        known = Hypotheses(token, before.number.unsqueeze(1), torch.zeros_like(token), is_new)
        decoder_out, after = self.decoder(known, {}, states)
        return (
            torch.where(found, frame.squeeze(1) + 1, before.frame + AHEAD),
            torch.where(is_new, token, before.text),
            torch.where(is_new, frame, before.emitted),
            before.number + found,
            before.score + torch.where(found, peak.gather(1, first).squeeze(1), 0.0).double(),
            torch.where(found.view(-1, 1, 1), decoder_out, before.decoder_out),
            *self._kept(found, states, after),
        )

    def _kept(self, found: Tensor, before: list[Tensor], after: list[Tensor]) -> list[Tensor]:
        """The next states where a label was found, the ones before elsewhere."""
        kept = []
        for state, old, new in zip(self.decoder.component.states, before, after, strict=True):
            shape = [-1 if axis == "batch" else 1 for axis in state.input.axes]
            kept.append(torch.where(found.view(shape), new, old))
        return kept


class TransducerGreedySearch:
    """The search over encoder outputs of a batch; no module, since tracing a loop needs its body as it is.

    Args:
        step: one pass.
    """

    def __init__(self, step: TransducerGreedyStep) -> None:
        self.step = step

    def __call__(self, encoder_out: Tensor, lengths: Tensor) -> FramedText:
        """Labels of encoder outputs (B, T, ·) of lengths (B,)."""
        decoder, joint = self.step.decoder, self.step.joint
        batch, frames = encoder_out.shape[:2]
        zeros = torch.zeros_like(lengths)
        states = decoder.before(batch, 1, frames, 0, encoder_out)
        start = torch.full_like(lengths, self.step.blank).unsqueeze(1)
        known = Hypotheses(start, zeros.unsqueeze(1), zeros.unsqueeze(1), start == 0)
        decoder_out, states = decoder(known, {}, states)
        text = torch.zeros(batch, frames, dtype=torch.int64, device=lengths.device)
        state = Emitted(zeros, text, text.clone(), zeros.clone(), zeros.double(), decoder_out)
        after = run_loop(self.step, (*state, *states), (joint.start(encoder_out), lengths))
        found = Emitted(*after[: len(Emitted._fields)])
        return FramedText(found.text, found.number, found.emitted, found.emitted + 1, found.score)
