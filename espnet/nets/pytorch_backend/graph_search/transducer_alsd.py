"""Alignment-length synchronous search over a transducer as `espnet.nets.transducer_searches` has it, as a loop of a
graph.

G. Saon et al., "Alignment-length synchronous decoding for RNN transducer", 2020. After each pass all hypotheses have
emitted as many symbols, blanks and labels, and so are at different frames.

Shapes: B utterances, K hypotheses of each, N ended ones, U symbols at most, T frames, J size of the joint space, D of
the decoder's output, V labels with the blank. Scores are in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.graph_search.ctc_greedy import FramedText
from espnet.nets.pytorch_backend.graph_search.loops import LoopBody, rows_of, run_loop, size_in
from espnet.nets.pytorch_backend.graph_search.scorers import Hypotheses, SteppedModule

NOTHING = -torch.inf


class Emitted(NamedTuple):
    """Hypotheses, -inf where there is none: labels and their frames (B, K, U), how many (B, K), and scores (B, K)."""

    text: Tensor
    frames: Tensor
    number: Tensor
    score: Tensor

    @classmethod
    def none(cls, batch: int, count: int, longest: int, like: Tensor) -> Emitted:
        """No hypotheses, on the device of `like`."""
        text = torch.zeros(batch, count, longest, dtype=torch.int64, device=like.device)
        score = torch.full((batch, count), NOTHING, dtype=torch.float64, device=like.device)
        return cls(text, text.clone(), torch.zeros_like(text[..., 0]), score)

    def chosen(self, places: Tensor) -> Emitted:
        """The hypotheses at places (B, M)."""
        return Emitted(*(rows_of(field, places) for field in self))

    def joined(self, others: Emitted) -> Emitted:
        """These and others of the same utterances."""
        return Emitted(*(torch.cat(pair, dim=1) for pair in zip(self, others, strict=True)))

    def where(self, condition: Tensor, others: Emitted) -> Emitted:
        """These where the condition (B,) holds, else others."""
        pairs = zip(self, others, strict=True)
        return Emitted(*(torch.where(condition.view(-1, *[1] * (a.dim() - 1)), a, b) for a, b in pairs))

    def ranks(self, is_normalized: Tensor) -> Tensor:
        """Scores, by label and one more where is_normalized (1,)."""
        return torch.where(is_normalized, self.score / (self.number + 1), self.score)

    def merged(self) -> Emitted:
        """Equal sequences as one, with the sum of their probabilities and the frames of the likeliest, the first."""
        there = self.score > NOTHING
        alike = (self.text.unsqueeze(2) == self.text.unsqueeze(1)).all(dim=-1)
        alike = alike & (self.number.unsqueeze(2) == self.number.unsqueeze(1)) & there.unsqueeze(1)
        peak = torch.where(there, self.score, 0.0).unsqueeze(2)
        others = torch.where(alike, self.score.unsqueeze(1) - peak, NOTHING).exp().sum(dim=2).log()
        place = torch.arange(self.score.shape[1], device=self.score.device)
        is_first = ~(alike & (place < place.unsqueeze(1))).any(dim=2)
        return self._replace(score=torch.where(there & is_first, self.score + others, NOTHING))


class TransducerALSDStep(LoopBody):
    """One pass of the search.

    Its state is the number of passes, `Emitted` of running and of ended hypotheses, the decoder's output (B, K, D) and
    its states; given are projected frames (B, T, J), lengths and most symbols (B,), and whether hypotheses are ranked
    by score per label, (1,) bool.

    Args:
        decoder: prediction network.
        joint: joint network.
        blank: index of the blank.
        beam: K.
        expansions: labels at most that continue a hypothesis.
    """

    joint: Any

    def __init__(self, decoder: SteppedModule, joint: Any, blank: int, beam: int, expansions: int) -> None:
        super().__init__()
        self.decoder, self.blank, self.beam, self.expansions = decoder, blank, beam, expansions
        self.joint = joint

    def goes_on(self, *tensors: Tensor) -> Tensor:
        """Whether a hypothesis has frames left."""
        passes, running = tensors[0], Emitted(*tensors[1 : 1 + len(Emitted._fields)])
        return self._is_running(passes, running, *tensors[-3:-1]).any()

    def _is_running(self, passes: Tensor, running: Emitted, lengths: Tensor, most: Tensor) -> Tensor:
        has_frames = passes - running.number < lengths.unsqueeze(1)
        return (running.score > NOTHING) & has_frames & (passes < most).unsqueeze(1)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Continue all hypotheses by a symbol."""
        passes, *others = tensors
        size = len(Emitted._fields)
        before, ended = Emitted(*others[:size]), Emitted(*others[size : 2 * size])
        decoder_out, *states = others[2 * size : -4]
        frames, lengths, most, is_normalized = others[-4:]
        is_running = self._is_running(passes, before, lengths, most)
        at = (passes - before.number).clamp(min=0)
        near = rows_of(frames, torch.minimum(at, lengths.unsqueeze(1) - 1))
        log_probs = self.joint.step(near, decoder_out).double()
        score = torch.where(is_running, before.score, NOTHING).unsqueeze(2)
        blank = score + log_probs[..., self.blank : self.blank + 1]
        is_last = at == lengths.unsqueeze(1) - 1
        whole = before._replace(score=torch.where(is_last, blank.squeeze(2), NOTHING))
        ended = ended.joined(whole)
        ended = ended.chosen(ended.ranks(is_normalized).topk(ended.score.shape[1] - self.beam)[1])

        place = torch.arange(log_probs.shape[2], device=frames.device)
        best, labels = torch.where(place == self.blank, NOTHING, log_probs).topk(self.expansions)
        found, choice = torch.cat((blank, score + best), dim=2).flatten(1).topk(self.beam)
        parents, labels = (
            choice // (self.expansions + 1),
            torch.cat((torch.full_like(at, self.blank).unsqueeze(2), labels), dim=2),
        )
        label = labels.flatten(1).gather(1, choice)
        after, is_label = self._extended(before, parents, label, at, found)
        is_on = is_running.any(dim=1)
        after = after.merged().where(is_on, before)
        known = Hypotheses(label, after.number, parents, is_label.unsqueeze(2))
        new_out, new_states = self.decoder(known, {}, states)
        out = torch.where(is_label.unsqueeze(2), new_out, rows_of(decoder_out, parents))
        return passes + 1, *after, *ended, out, *self._kept(states, new_states, parents, is_label)

    def _extended(
        self, before: Emitted, parents: Tensor, label: Tensor, at: Tensor, score: Tensor
    ) -> tuple[Emitted, Tensor]:
        """Hypotheses that continue `parents` by a symbol each, (B, K), and which symbols are labels."""
        is_label = label != self.blank
        parent, frame = before.chosen(parents), at.gather(1, parents)
        place = torch.arange(before.text.shape[2], device=label.device)
        is_new = (place == parent.number.unsqueeze(2)) & is_label.unsqueeze(2)
        text = torch.where(is_new, label.unsqueeze(2), parent.text)
        emitted = torch.where(is_new, frame.unsqueeze(2), parent.frames)
        return Emitted(text, emitted, parent.number + is_label, score), is_label

    def _kept(
        self, before: Sequence[Tensor], after: Sequence[Tensor], parents: Tensor, is_label: Tensor
    ) -> list[Tensor]:
        """States after the labels, those of the parents after blanks."""
        first = torch.arange(parents.shape[0], device=parents.device) * parents.shape[1]
        entries = (parents + first.unsqueeze(1)).flatten()
        kept = []
        for state, old, new in zip(self.decoder.component.states, before, after, strict=True):
            axis = state.input.axes.index("batch")
            shape = [*[1] * axis, *is_label.shape, *[1] * (old.dim() - axis - is_label.dim())]
            chosen = old.flatten(axis, axis + 1).index_select(axis, entries).view(old.shape)
            kept.append(torch.where(is_label.view(shape), new, chosen))
        return kept


class TransducerALSDSearch:
    """The search over encoder outputs of a batch; no module, since tracing a loop needs its body as it is.

    Args:
        step: one pass.
    """

    def __init__(self, step: TransducerALSDStep) -> None:
        self.step = step

    def __call__(self, encoder_out: Tensor, lengths: Tensor, most_labels: Tensor, is_normalized: Tensor) -> FramedText:
        """N-best lists (B, K, ·) of encoder outputs (B, T, ·) of lengths (B,).

        Args:
            encoder_out: (B, T, ·).
            lengths: (B,) int64.
            most_labels: (1,) int64, symbols at most beyond the frames.
            is_normalized: (1,) bool, whether hypotheses are ranked by score per label.
        """
        step, batch = self.step, lengths.shape[0]
        most = lengths + torch.minimum(most_labels.clamp(min=1), lengths - 1)
        longest = size_in(most.max())
        torch._check(longest >= 1)
        running, ended = (Emitted.none(batch, step.beam, longest, lengths) for _ in range(2))
        place = torch.arange(step.beam, device=lengths.device).expand(batch, -1)
        running = running._replace(score=torch.where(place == 0, 0.0, running.score))
        states = step.decoder.before(batch, step.beam, encoder_out.shape[1], 0, encoder_out)
        start, zeros = torch.full_like(place, step.blank), torch.zeros_like(place)
        decoder_out, states = step.decoder(Hypotheses(start, zeros, zeros, (start == 0).unsqueeze(2)), {}, states)
        state: Sequence[Tensor] = (lengths.new_zeros(()), *running, *ended, decoder_out, *states)
        after = run_loop(step, state, (step.joint.start(encoder_out), lengths, most, is_normalized))
        size = len(Emitted._fields)
        running, ended = Emitted(*after[1 : 1 + size]), Emitted(*after[1 + size : 1 + 2 * size])
        running = running.chosen(running.ranks(is_normalized).topk(step.beam)[1])
        found = ended.where(ended.score[:, 0] > NOTHING, running)
        return FramedText(found.text, found.number, found.frames, found.frames + 1, found.score)
