"""Label-synchronous beam search as `espnet.nets.batch_beam_search` has it, as a loop of a graph.

Each pass continues the K hypotheses of every utterance by one token. What has ended is kept in a list of fixed size,
best first; slots of hypotheses that ended, and utterances that are done, have the score -inf.

Shapes: B utterances, K hypotheses of each, N of its n-best list, U tokens of the longest text, V tokens, T frames.
Scores are in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.graph_search import ctc_prefix
from espnet.nets.pytorch_backend.graph_search.ended import Ended
from espnet.nets.pytorch_backend.graph_search.limits import Limits, tokens_of
from espnet.nets.pytorch_backend.graph_search.loops import LoopBody, resized, rows_of, run_loop, size_in, varying
from espnet.nets.pytorch_backend.graph_search.scorers import Hypotheses, RowUpdate, SteppedModule

LOWERED = 0.1  # tokens per frame by which the limit is lowered where nothing ends


class Beam(NamedTuple):
    """Running hypotheses: passes so far (B,), least tokens per frame of their texts (B,), last tokens (B, K), scores
    (B, K), texts (B, K, U), and which hypothesis of the pass before each continues, (B, K)."""

    step: Tensor
    shortest: Tensor
    last: Tensor
    score: Tensor
    text: Tensor
    parents: Tensor


class Prefixes(NamedTuple):
    """CTC's part of hypotheses: forward variables (B, K, 2, T) and prefix scores (B, K)."""

    emitted: Tensor
    psi: Tensor


class Continuations(NamedTuple):
    """Tokens (B, K, C) that may follow hypotheses, the scores of the longer ones, and CTC's prefix scores of these."""

    tokens: Tensor
    score: Tensor
    psi: Tensor


@dataclass(frozen=True)
class SearchSizes:
    """Numbers of a search.

    Attributes:
        beam: K, hypotheses of an utterance.
        candidates: tokens after each hypothesis that CTC scores, the best ones of the other scorers; 0: all.
        vocabulary: V.
        start, end, blank: indices of these symbols.
        candidates_only: whether the end symbol follows only where it is a candidate.
    """

    beam: int
    candidates: int
    vocabulary: int
    start: int
    end: int
    blank: int
    candidates_only: bool = False


class LabelSynchronousStep(LoopBody):
    """One pass of the search.

    Its state is a `Beam`, an `Ended`, `Prefixes` with CTC, the rows that hypotheses see if a scorer has such, and the
    states of the scorers; given are `Limits`, with CTC its table (see `ctc_prefix`) and without candidates the
    probabilities (B, T, V), and what the scorers read of the utterance.

    Args:
        sizes: of the search.
        scorers: "decoder" and "lm", those that there are.
        has_ctc: whether CTC is a scorer.
        memory: names of what scorers read of an utterance.
    """

    def __init__(
        self, sizes: SearchSizes, scorers: Mapping[str, SteppedModule], has_ctc: bool, memory: Sequence[str]
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.scorers = nn.ModuleDict(scorers)
        self.has_ctc = has_ctc
        self.memory = list(memory)
        self.has_rows = any(scorer.has_rows for scorer in scorers.values())

    def goes_on(self, *tensors: Tensor) -> Tensor:
        """Whether any hypothesis runs."""
        return (Beam(*tensors[: len(Beam._fields)]).score > -torch.inf).any()

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Continue all hypotheses by a token."""
        unpacked = iter(tensors)
        beam = Beam(*islice(unpacked, len(Beam._fields)))
        ended = Ended(*islice(unpacked, len(Ended._fields)))
        before = Prefixes(*islice(unpacked, 2)) if self.has_ctc else None
        visible = next(unpacked) if self.has_rows else beam.last
        states = {name: list(islice(unpacked, len(s.component.states))) for name, s in self._scorers()}
        limits = Limits(*islice(unpacked, len(Limits._fields)))
        tables = list(islice(unpacked, self.has_ctc + (self.has_ctc and not self.sizes.candidates)))
        memory = dict(zip(self.memory, unpacked, strict=True))

        known = Hypotheses(beam.last, beam.step.unsqueeze(1).expand_as(beam.last), beam.parents, visible)
        results = {name: scorer(known, memory, states[name]) for name, scorer in self._scorers()}
        full = self._full({name: log_probs for name, (log_probs, _) in results.items()}, beam, limits)
        starts = None if before is None else ctc_prefix.starts_of(before.emitted, beam.step == 0)
        found = self._continuations(beam, full, limits, before, starts, tables)

        score, place = found.score.flatten(1).topk(self.sizes.beam)
        parents = place // found.tokens.shape[2]
        token = found.tokens.flatten(1).gather(1, place)
        after, ended = self._advance(beam, ended, parents, token, score, limits)
        after, is_again = self._begun_again(beam, after, ended)
        changed: list[Tensor] = []
        if starts is not None:
            psi = found.psi.flatten(1).gather(1, place)
            longer = self._longer(beam, starts, tables[0], parents, token, psi)
            changed += self._forgotten(longer, self.first_prefixes(tables[0]), is_again)
        if self.has_rows:
            rows = RowUpdate.of(visible, parents, (after.score > -torch.inf) & ~is_again.unsqueeze(1))
            changed.append(resized(rows.visible, visible))
        for name, scorer in self._scorers():
            new = results[name][1]
            if scorer.has_rows:
                changed += [rows.joined(*pair) for pair in zip(states[name], new, strict=True)]
            else:
                changed += scorer.forgotten(new, is_again)
        return *after, *ended, *changed

    def _scorers(self) -> list[tuple[str, SteppedModule]]:
        return [(name, scorer) for name, scorer in self.scorers.items() if isinstance(scorer, SteppedModule)]

    def _full(self, log_probs: Mapping[str, Tensor], beam: Beam, limits: Limits) -> Tensor:
        """Weighted scores (B, K, V) of all tokens by decoder, length and language model."""
        total = limits.penalty.expand(*beam.last.shape, self.sizes.vocabulary)
        weights = {"decoder": 1.0 - limits.ctc_weight if self.has_ctc else torch.ones_like(limits.ctc_weight)}
        weights["lm"] = limits.lm_weight
        for name, scores in log_probs.items():
            total = total + weights[name] * scores.double()
        return total

    def _continuations(
        self,
        beam: Beam,
        full: Tensor,
        limits: Limits,
        before: Prefixes | None,
        starts: Tensor | None,
        tables: Sequence[Tensor],
    ) -> Continuations:
        """Score candidates and the end symbol, or all tokens."""
        end = self.sizes.end
        if not self.sizes.candidates:
            tokens = torch.arange(self.sizes.vocabulary, device=full.device).expand_as(full)
            scores = full
        else:
            scores, tokens = full.topk(self.sizes.candidates)
        is_end = tokens == end
        total, psi = beam.score.unsqueeze(2) + scores, torch.zeros_like(scores)
        if before is not None and starts is not None:
            if self.sizes.candidates:
                psi = ctc_prefix.scores_of(starts, tokens, beam.last, tables[0], self.sizes.blank)
            else:
                psi = ctc_prefix.scores_of_all(starts, beam.last, tables[0], tables[1], self.sizes.blank)
            whole = ctc_prefix.ends_of(before.emitted).unsqueeze(2)
            psi = torch.where(is_end, whole, psi)
            total = total + limits.ctc_weight * (psi - before.psi.unsqueeze(2))
            if self.sizes.candidates and not self.sizes.candidates_only:
                # The end symbol gets CTC's score also where it is no candidate, which other tokens do not.
                gain = full[..., end : end + 1] + limits.ctc_weight * (whole - before.psi.unsqueeze(2))
                other = beam.score.unsqueeze(2) + gain
                other = torch.where(is_end.any(dim=2, keepdim=True), -torch.inf, other)
                total, psi = torch.cat((total, other), dim=2), torch.cat((psi, whole), dim=2)
                tokens = torch.cat((tokens, torch.full_like(tokens[..., :1], end)), dim=2)
        return Continuations(tokens, total, psi)

    def _advance(
        self, beam: Beam, ended: Ended, parents: Tensor, token: Tensor, score: Tensor, limits: Limits
    ) -> tuple[Beam, Ended]:
        """Hypotheses that continue `parents` by a token: those that run on, and the list of ended ones."""
        step = beam.step.unsqueeze(1)
        is_last = step == limits.longest.unsqueeze(1) - 1
        place = torch.arange(beam.text.shape[2], device=token.device)
        text = torch.where(place == step.unsqueeze(2), token.unsqueeze(2), rows_of(beam.text, parents))
        at_end = (token == self.sizes.end) | is_last
        shortest = tokens_of(beam.shortest, limits.frames.double()).long().unsqueeze(1)
        counted = at_end & (score > -torch.inf) & (step >= shortest)
        # The last pass ends all texts, also one that has just got an end symbol, as upstream has it.
        length = torch.where(is_last, step + 1, step).expand_as(token)
        ended = ended.extended(text, length, torch.where(counted, score, -torch.inf), limits.is_normalized)
        is_over = at_end | (ended.is_complete() & limits.detects_end).unsqueeze(1)
        running = torch.where(is_over, -torch.inf, score)
        return Beam(beam.step + 1, beam.shortest.clone(), token, running, text, parents), ended

    def first(self, step: Tensor, shortest: Tensor, text: Tensor) -> Beam:
        """The empty hypothesis of each utterance, in the first of K slots."""
        places = torch.arange(self.sizes.beam, device=text.device).expand(text.shape[0], -1)
        score = torch.where(places == 0, 0.0, -torch.inf).double()
        return Beam(step, shortest, torch.full_like(places, self.sizes.start), score, text, torch.zeros_like(places))

    def first_prefixes(self, table: Tensor) -> Prefixes:
        """CTC's part of empty hypotheses."""
        emitted = ctc_prefix.empty_prefix(table[:, self.sizes.blank], self.sizes.beam)
        return Prefixes(emitted, torch.zeros_like(emitted[:, :, 0, 0]))

    def _begun_again(self, before: Beam, after: Beam, ended: Ended) -> tuple[Beam, Tensor]:
        """Let utterances begin again with a shorter limit where nothing has ended; which these are, (B,) bool."""
        is_over = (before.score > -torch.inf).any(dim=1) & ~(after.score > -torch.inf).any(dim=1)
        is_again = is_over & ~(ended.rank[:, 0] > -torch.inf) & (before.shortest >= LOWERED)
        shortest = torch.where(is_again, (before.shortest - LOWERED).clamp(min=0.0), before.shortest)
        first = self.first(torch.zeros_like(after.step), shortest, after.text)
        chosen = [
            torch.where(is_again.view(-1, *[1] * (old.dim() - 1)), new, old)
            for new, old in zip(first, after, strict=True)
        ]
        return Beam(*chosen)._replace(shortest=shortest), is_again

    def _forgotten(self, longer: Prefixes, first: Prefixes, is_again: Tensor) -> Prefixes:
        """The empty hypotheses' part of CTC for utterances that begin again."""
        emitted = torch.where(is_again.view(-1, 1, 1, 1), first.emitted, longer.emitted)
        return Prefixes(emitted, torch.where(is_again.unsqueeze(1), first.psi, longer.psi))

    def _longer(
        self, beam: Beam, starts: Tensor, table: Tensor, parents: Tensor, token: Tensor, psi: Tensor
    ) -> Prefixes:
        """CTC's part of the hypotheses that continue `parents` by a token, with which it is psi (B, K)."""
        is_again = token == beam.last.gather(1, parents)
        is_possible = psi > ctc_prefix.LOG_ZERO
        emits, blanks = rows_of(table, token), table[:, self.sizes.blank]
        return Prefixes(ctc_prefix.continued(starts, parents, is_again, is_possible, emits, blanks), psi)


class LabelSynchronousSearch:
    """The search over encoder outputs of a batch; no module, since tracing a loop needs its body as it is.

    Args:
        step: one pass.
        nbest: N, hypotheses that are kept at most.
    """

    def __init__(self, step: LabelSynchronousStep, nbest: int) -> None:
        self.step = step
        self.nbest = nbest

    def __call__(
        self, limits: Limits, lengths: Tensor, frames: int, log_probs: Tensor | None, memory: Mapping[str, Tensor]
    ) -> Ended:
        """Return the ended hypotheses.

        Args:
            limits: of the search.
            lengths: (B,) int64, lengths of encoder outputs.
            frames: T.
            log_probs: (B, T, V) of CTC; None without it.
            memory: what scorers read of utterances, by name.
        """
        sizes, batch = self.step.sizes, lengths.shape[0]
        longest = size_in(limits.longest.max())
        torch._check(longest >= 1)
        text = torch.zeros(batch, sizes.beam, longest, dtype=torch.int64, device=lengths.device)
        beam = self.step.first(torch.zeros_like(lengths), limits.shortest.clone(), text)
        state: list[Tensor] = [*beam, *Ended.none(batch, self.nbest, longest, lengths)]
        given: list[Tensor] = [*limits]
        if log_probs is not None:
            table = ctc_prefix.by_token(log_probs, lengths, sizes.blank)
            state += self.step.first_prefixes(table)
            given += [table] if sizes.candidates else [table, table.transpose(1, 2).double().exp()]
        rows = varying(1, lengths)  # one that nothing sees: WebAssembly divides by zero in products without rows
        if self.step.has_rows:
            state.append(torch.zeros(batch, sizes.beam, rows, dtype=torch.bool, device=lengths.device))
        like = torch.zeros((), device=lengths.device)
        for _, scorer in self.step._scorers():
            state += scorer.before(batch, sizes.beam, frames, rows, like)
        given += [memory[name] for name in self.step.memory]
        after = run_loop(self.step, state, given)
        first = len(Beam._fields)
        return Ended(*after[first : first + len(Ended._fields)])
