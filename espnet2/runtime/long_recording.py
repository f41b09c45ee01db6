"""The text of a recording that is recognised in parts.

Where the search reads CTC alone, the encoder outputs of overlapping parts are concatenated, each without its context,
and searched as those of one utterance: at once by `ctc_greedy`, and from one blank to another by a search with a beam,
whose time grows with the square of the length. All other models and searches recognise each part by itself, and the
results are joined.
"""

from __future__ import annotations

import heapq
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from espnet.nets.beam_search import Hypothesis
from espnet2.runtime.long_form import CONTEXT, LongForm
from espnet2.runtime.pauses import Part
from espnet2.runtime.results import AnyResult, ResultMaker
from espnet2.runtime.seams import Said, seam, within
from espnet2.text.char_tokenizer import CharTokenizer

_log = logging.getLogger(__name__)

NEAR = 0.2  # seconds between the places of one token in two parts, at most
Progress = Callable[[float], None]  # takes the samples, or frames of features, that were recognised since the last call


class LongRecognizer(ResultMaker, ABC):
    """Base of recognisers of recordings that may be cut into parts, as `long_form` says."""

    long_form: LongForm

    def recognize_long(self, speech: np.ndarray, progress: Progress) -> list[AnyResult]:
        """The n-best results of a recording, speech as `check` gives it, that is cut into parts; best first."""
        return recognize_long(self, speech, progress)

    def joined(self, speech: np.ndarray, parts: Sequence[Part], progress: Progress = lambda steps: None) -> np.ndarray:
        """Encoder output (T, D) of a recording, concatenated from its parts."""
        return joined_frames(self, speech, parts, progress)

    @abstractmethod
    def forward(self, speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Encode checked speech (T,) of several parts as a batch; return encoder outputs (T', D)."""

    @abstractmethod
    def of_speaker(self, encoder_out: np.ndarray, timed: bool = False) -> list[AnyResult]:
        """Decode an encoder output (T, D) of one speaker; return the n-best results, with frames where `timed`."""

    @abstractmethod
    def blank_near(self, encoder_out: np.ndarray, frame: int, reach: int) -> int:
        """Return the frame with the likeliest blank of CTC, at most `reach` frames from number `frame` of (T, D)."""


class Found(NamedTuple):
    """The n-best results of the frames [first, first + length) of a recording.

    The part before has `shared` of these, too; `paused` is whether a pause divides the two.
    """

    results: list[AnyResult]
    first: int
    length: int
    shared: int = 0
    paused: bool = True


def recognize_long(
    recognizer: LongRecognizer, speech: np.ndarray, progress: Progress = lambda steps: None
) -> list[AnyResult]:
    """The n-best results of a recording, speech as `check` gives it, that is cut into parts; best first."""
    parts = recognizer.long_form.parts(speech)
    seconds, unpaused = len(speech) / recognizer.long_form.rate, sum(not part.paused for part in parts)
    _log.info("%.0f s are recognised in %d parts, %d of which end without a pause", seconds, len(parts), unpaused)
    search = _of_frames if recognizer.long_form.joins_frames else _of_parts
    near = near_frames(recognizer.long_form)
    return join(recognizer, list(search(recognizer, speech, parts, progress)), recognizer.options.nbest, near)


def near_frames(form: LongForm) -> int:
    """Frames between the places of one token in two parts, at most."""
    return max(form.frames(int(NEAR * form.rate)), 1)


def _of_parts(
    recognizer: LongRecognizer, speech: np.ndarray, parts: Sequence[Part], progress: Progress
) -> Iterator[Found]:
    """Results of the parts that are not all zeros, for which decoders would find texts, too."""
    form = recognizer.long_form
    sounding = [part for part in parts if speech[part.begin : part.end].any()]
    encoded = _encoded(recognizer, speech, sounding)
    done = end = 0
    for part, encoder_out in zip(sounding, encoded, strict=True):
        shared = form.frames(max(end - part.begin, 0))
        results = recognizer.of_speaker(encoder_out, timed=shared > 0 or not part.paused)
        yield Found(results, form.frames(part.begin), len(encoder_out), shared)
        progress(part.stop - done)
        done, end = part.stop, part.end
    progress(len(speech) - done)


def _of_frames(
    recognizer: LongRecognizer, speech: np.ndarray, parts: Sequence[Part], progress: Progress
) -> Iterator[Found]:
    """Results of stretches of the concatenated frames of all parts."""
    form, frames = recognizer.long_form, recognizer.joined(speech, parts, progress)
    near = form.frames(int(CONTEXT * form.rate))
    inner = [] if recognizer.options.ctc_greedy else parts[:-1]
    places = [0, *(recognizer.blank_near(frames, form.frames(part.stop), near) for part in inner), len(frames)]
    pauses = [True, *(part.paused for part in inner)]
    for first, last, paused in zip(places[:-1], places[1:], pauses, strict=True):
        yield Found(recognizer.of_speaker(frames[first:last]), first, last - first, paused=paused)
        progress(len(speech) * (last - first) / len(frames) / 2)


def joined_frames(
    recognizer: LongRecognizer, speech: np.ndarray, parts: Sequence[Part], progress: Progress = lambda steps: None
) -> np.ndarray:
    """Encoder output (T, D) of a recording, concatenated from its parts without their context."""
    form, whole = recognizer.long_form, []
    for part, encoder_out in zip(parts, _encoded(recognizer, speech, parts), strict=True):
        first = form.frames(part.start - part.begin)
        last = len(encoder_out) if part is parts[-1] else first + form.frames(part.stop - part.start)
        whole.append(encoder_out[first:last])
        progress((part.stop - part.start) / 2)
    return np.concatenate(whole)


def _encoded(recognizer: LongRecognizer, speech: np.ndarray, parts: Sequence[Part]) -> Iterator[np.ndarray]:
    for group in recognizer.long_form.groups([speech[part.begin : part.end] for part in parts]):
        yield from recognizer.forward(group)


def join(maker: ResultMaker, found: Sequence[Found], nbest: int, near: int = 1) -> list[AnyResult]:
    """The n-best results of a recording from those of its parts, in order: the best combinations of them.

    A combination is as much worse than the first, which has the best result of every part, as its parts are worse than
    their best ones. Scores are the sums of those of the parts. Parts without result have no text. A token that parts
    share is at most `near` frames away from where the other has it.
    """
    filled = [part for part in found if part.results]
    if not filled:
        return []
    ranked: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for part in filled:
        scores = np.array([result.hypothesis.score for result in part.results])
        # As the search ranks them, which may be by something else than the score.
        losses = np.maximum.accumulate(scores[0] - scores).tolist()
        longer = ((total + loss, (*ranks, rank)) for total, ranks in ranked for rank, loss in enumerate(losses))
        ranked = heapq.nsmallest(nbest, longer)
    return [maker.result(_joined(maker, filled, ranks, near)) for _, ranks in ranked]


def _joined(maker: ResultMaker, found: Sequence[Found], ranks: Sequence[int], near: int) -> Hypothesis:
    """The hypothesis of one result of each part."""
    chosen = [part.results[rank] for part, rank in zip(found, ranks, strict=True)]
    said: list[Said] = []
    space, before, before_length = _space(maker), 0, 1
    for part, result in zip(found, chosen, strict=True):
        new = _said(result, part.first)
        if part.shared:
            middle = part.first + part.shared / 2
            tail, head = within(before, part.shared, before_length), within(len(new), part.shared, part.length)
            lead = 1 - before * part.shared / before_length / max(tail, 1)
            kept, skipped = seam(said[len(said) - tail :], new[:head], middle, near, lead)
            said, new = said[: len(said) - tail + kept], new[skipped:]
        elif part.paused and space is not None and said and new and space not in (said[-1].token, new[0].token):
            said.append(Said(space, (part.first, part.first)))
        said += new
        before, before_length = len(new), part.length
    hypotheses = [result.hypothesis for result in chosen]
    first, end = hypotheses[0].yseq[:1].tolist(), hypotheses[0].yseq[-1:].tolist() if maker.ends_with_eos else []
    frames = [one.frames for one in said if one.frames is not None]
    return Hypothesis(
        np.array([*first, *(one.token for one in said), *end]),
        sum(float(hypothesis.score) for hypothesis in hypotheses),
        {name: sum(float(h.scores.get(name, 0.0)) for h in hypotheses) for name in hypotheses[0].scores},
        frames=tuple(frames) if len(frames) == len(said) else (),
    )


def _said(result: AnyResult, first: int) -> list[Said]:
    """The tokens of a result of a part whose first frame is number `first`."""
    spans = result.hypothesis.frames
    if len(spans) != len(result.token_int):
        return [Said(token) for token in result.token_int]
    return [
        Said(token, (start + first, end + first)) for token, (start, end) in zip(result.token_int, spans, strict=True)
    ]


def _space(maker: ResultMaker) -> int | None:
    """The token of a space, in vocabularies of characters that have one."""
    if not isinstance(maker.tokenizer, CharTokenizer):
        return None
    known = list(maker.token_list)
    return known.index(maker.tokenizer.space_symbol) if maker.tokenizer.space_symbol in known else None
