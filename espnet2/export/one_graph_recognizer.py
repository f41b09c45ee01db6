"""A recogniser as one graph: samples of a batch in, n-best lists of token ids out, in one run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.graph_search.ctc_greedy import FramedText, greedy_search
from espnet.nets.pytorch_backend.graph_search.label_synchronous import (
    LabelSynchronousSearch,
    LabelSynchronousStep,
    SearchSizes,
)
from espnet.nets.pytorch_backend.graph_search.limits import Limits
from espnet.nets.pytorch_backend.graph_search.loops import size_in
from espnet.nets.pytorch_backend.graph_search.scorers import SteppedModule
from espnet.nets.pytorch_backend.graph_search.transducer_alsd import TransducerALSDSearch, TransducerALSDStep
from espnet.nets.pytorch_backend.graph_search.transducer_greedy import TransducerGreedySearch, TransducerGreedyStep
from espnet.nets.transducer_options import TransducerOptions
from espnet2.export.decoding_table import pieces_of
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import SYLLABLE
from espnet2.runtime.speech import LARGEST
from espnet2.runtime.timestamps import frame_seconds
from espnet2.tasks.exported import Part

NAME = "recognizer"
CTC_GREEDY, CTC_BEAM, LABELS = "ctc_greedy", "ctc_beam", "label_synchronous"
TRANSDUCER, ALSD = "transducer_greedy", "transducer_alsd"
GREEDY, TRANSDUCERS = (CTC_GREEDY, TRANSDUCER), (TRANSDUCER, ALSD)
# Searches, with the graphs of a model that each needs; the first that a model has the graphs of is the default.
NEEDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TRANSDUCERS, ("joint_start", "joint_step", "decoder_step")),
    LABELS: ("decoder_step",),
    CTC_BEAM: ("ctc",),
    CTC_GREEDY: ("ctc",),
}
PRE_BEAM = 1.5  # candidates for each hypothesis that is kept
RECOGNIZED, TOO_SHORT, NO_NUMBERS, NOT_ENDED = range(4)  # values of the output `status`
# Options as inputs, with ranges of examples.
OPTIONS = (
    Declared("ctc_weight", (1,), below=1.0),
    Declared("lm_weight", (1,), below=1.0),
    Declared("penalty", (1,), below=1.0),
    Declared("maxlenratio", (1,), below=1.0),
    Declared("minlenratio", (1,), below=0.1),
    Declared("nbest", (1,), "int64", least=1, below=4),
    # Truths are integers, as onnxruntime's API for iOS has no tensors of bool.
    Declared("normalize_length", (1,), "int64", below=2),
    Declared("u_max", (1,), "int64", least=1, below=9),
    Declared("score_norm", (1,), "int64", below=2),
)
OF_ALSD = ("nbest", "u_max", "score_norm")
OF_LABELS = tuple(option.name for option in OPTIONS if option.name not in ("u_max", "score_norm"))


class _Found(NamedTuple):
    """Texts (B, N, U), lengths and scores (B, N), and where the search knows them the frames' times (B, N, U, 2)."""

    text: Tensor
    length: Tensor
    score: Tensor
    times: Tensor | None = None


class OneGraphRecognizer(nn.Module):
    """Encoder and search of a recogniser.

    Args:
        parts: modules of the model with their components.
        section: the section of its bundle.
        search: a name in `NEEDS`; None: the default of the model.
        beam_size: hypotheses that a beam search keeps.

    Raises:
        OptionError: the model has not what the search needs, or another search.
    """

    ctc: Any
    decoder_start: Any

    def __init__(self, parts: Sequence[Part], section: Any, search: str | None = None, beam_size: int = 10) -> None:
        super().__init__()
        self.parts = nn.ModuleList(module for module, _ in parts)
        self.found = {component.name: (module, component) for module, component in parts}
        self.section = section
        self.kind = _kind(self.found, search)
        self.beam_size = min(beam_size, len(section.tokens))
        if self.kind == ALSD and self.beam_size < 2:  # with one, `espnet2.runtime` searches greedily
            raise OptionError(f"expected a beam of at least 2 for {ALSD}, found {beam_size}")
        self.blank = int(section.special["blank"])
        self.encoder, self.encoded = self.found["encoder"]
        if len(self.encoded.outputs[1].axes) != 1 or self.encoded.inputs[0].axes[0] != "batch":
            raise OptionError("expected a model for one speaker, found one that separates speakers")
        self.ctc = self.found["ctc"][0] if self._has_ctc else None
        self.decoder_start = self.found["decoder_start"][0] if self._starts else None
        self.search = self._make_search()

    @property
    def _has_ctc(self) -> bool:
        return "ctc" in self.found and self.kind not in TRANSDUCERS

    @property
    def _starts(self) -> bool:
        return self.kind == LABELS and "decoder_start" in self.found

    def _make_search(self) -> LabelSynchronousSearch | TransducerGreedySearch | TransducerALSDSearch | None:
        """The search; None for greedy CTC, which is a function."""
        if self.kind == CTC_GREEDY:
            return None
        if self.kind in TRANSDUCERS:
            decoder, joint = SteppedModule(*self.found["decoder_step"]), self.found["joint_step"][0]
            if self.kind == TRANSDUCER:
                return TransducerGreedySearch(TransducerGreedyStep(decoder, joint, self.blank))
            expansions = min(self.beam_size, len(self.section.tokens) - 1)
            return TransducerALSDSearch(TransducerALSDStep(decoder, joint, self.blank, self.beam_size, expansions))
        names = {"decoder": "decoder_step", "lm": "lm_step"} if self.kind == LABELS else {"lm": "lm_step"}
        scorers = {name: SteppedModule(*self.found[graph]) for name, graph in names.items() if graph in self.found}
        special, vocabulary = self.section.special, len(self.section.tokens)
        sizes = SearchSizes(
            beam=self.beam_size,
            candidates=min(int(PRE_BEAM * self.beam_size), vocabulary) if self.kind == LABELS else 0,
            vocabulary=vocabulary,
            start=int(special["sos"]),
            end=int(special["eos"]),
            blank=self.blank,
            candidates_only="decoder" in scorers and scorers["decoder"].component.attribute("candidates_only", False),
        )
        own = {"tokens", "positions", "parents", "visible"}
        read = [t.name for scorer in scorers.values() for t in scorer.component.inputs if t.name not in own]
        step = LabelSynchronousStep(sizes, scorers, self._has_ctc, list(dict.fromkeys(read)))
        return LabelSynchronousSearch(step, self.beam_size)

    @property
    def options(self) -> tuple[Declared, ...]:
        """Options of the search that are inputs."""
        if self.kind in GREEDY:
            return ()
        without = {"ctc_weight"} if self.kind == CTC_BEAM or not self._has_ctc else set()
        without |= set() if "lm_step" in self.found else {"lm_weight"}
        names = OF_ALSD if self.kind == ALSD else OF_LABELS
        return tuple(option for option in OPTIONS if option.name in names and option.name not in without)

    def recognize(self, speech: Tensor, speech_lengths: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Outputs of `component`, of its inputs in their order; options may be (B,), each utterance's own, too."""
        speech, lengths, status = self._checked(speech, speech_lengths)
        encoder_out, lengths = getattr(self.encoder, self.encoded.method)(speech, lengths)
        options = {option.name: value for option, value in zip(self.options, given, strict=True)}
        if self.kind == CTC_BEAM:
            options["ctc_weight"] = speech.new_ones(1)
        found = self._without_blanks(self._searched(encoder_out, lengths, options))
        is_there = found.score > -torch.inf
        status = torch.where((status == RECOGNIZED) & ~is_there[:, 0], NOT_ENDED, status)
        is_there = is_there & (status == RECOGNIZED).unsqueeze(1)
        length = torch.where(is_there, found.length, 0)
        score = torch.where(is_there, found.score, -torch.inf).float()
        longest = size_in(length.max())
        torch._check(longest >= 0)
        torch._check(longest <= found.text.shape[2])
        is_token = torch.arange(longest, device=length.device) < length.unsqueeze(2)
        text = torch.where(is_token, found.text.narrow(2, 0, longest), 0)
        if found.times is None:
            return text, length, score, status
        return text, length, score, status, found.times.narrow(2, 0, longest) * is_token.unsqueeze(3)

    def _without_blanks(self, found: _Found) -> _Found:
        """Texts without blanks, which attention decoders may choose like other tokens, and CTC, too."""
        if self.kind not in (LABELS, CTC_BEAM):
            return found
        place = torch.arange(found.text.shape[2], device=found.text.device)
        is_kept = (found.text != self.blank) & (place < found.length.unsqueeze(2))
        order = torch.where(is_kept, place, place + found.text.shape[2]).argsort(dim=2)
        return found._replace(text=found.text.gather(2, order), length=is_kept.sum(dim=2))

    def _checked(self, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Speech that the encoder takes, its lengths, and the status (B,) of each utterance.

        Utterances that cannot be recognised become the shortest silence. All get so much behind them, which changes
        no result, so that a batch without samples is one, too.
        """
        axis = self.encoded.inputs[1].length_of
        shortest, count = self.encoded.shortest().get(axis, 1), speech.shape[1]
        speech = torch.cat((speech, speech.new_zeros(speech.shape[0], shortest, *speech.shape[2:])), dim=1)
        is_number = (speech.abs() <= LARGEST).flatten(2).all(dim=2) if speech.dim() > 2 else speech.abs() <= LARGEST
        inside = torch.arange(speech.shape[1], device=speech.device) < lengths.unsqueeze(1)
        is_short = (lengths < shortest) | (lengths > count)
        is_broken = (inside & ~is_number).any(dim=1)
        status = torch.where(is_short, TOO_SHORT, torch.where(is_broken, NO_NUMBERS, RECOGNIZED))
        kept = inside & (status == RECOGNIZED).unsqueeze(1)
        speech = torch.where(kept.view(*kept.shape, *[1] * (speech.dim() - 2)), speech, 0.0)
        return speech, torch.where(is_short, shortest, lengths), status

    def _searched(self, encoder_out: Tensor, lengths: Tensor, options: Mapping[str, Tensor]) -> _Found:
        if isinstance(self.search, TransducerGreedySearch):
            return self._timed(_as_list(self.search(encoder_out, lengths)), SYLLABLE)
        if isinstance(self.search, TransducerALSDSearch):
            found = self.search(encoder_out, lengths, options["u_max"], options["score_norm"] != 0)
            count = self._count(options)
            return self._timed(FramedText(*(x.narrow(1, 0, count) for x in found)), SYLLABLE)
        log_probs = None if self.ctc is None else self.ctc.log_softmax(encoder_out)
        if self.search is None:
            assert log_probs is not None  # as this search needs it
            return self._timed(_as_list(greedy_search(log_probs, lengths, self.blank)), 0.0)
        memory = {"encoder_out": encoder_out, "memory_lengths": lengths}
        if self.decoder_start is not None:
            component = self.found["decoder_start"][1]
            results = getattr(self.decoder_start, component.method)(*(memory[t.name] for t in component.inputs))
            results = results if isinstance(results, tuple) else (results,)
            memory |= zip((tensor.name for tensor in component.outputs), results, strict=True)
        ended = self.search(Limits.of(options, lengths), lengths, encoder_out.shape[1], log_probs, memory)
        count, nbest = self._count(options), options["nbest"].clamp(1, self.beam_size)
        text, length, score = (x.narrow(1, 0, count) for x in (ended.text, ended.length, ended.score))
        is_wanted = torch.arange(count, device=nbest.device) < nbest.unsqueeze(1)
        return _Found(text, length, torch.where(is_wanted, score, -torch.inf))

    def _count(self, options: Mapping[str, Tensor]) -> int:
        """Number of hypotheses that are wanted, the largest of the batch."""
        count = size_in(options["nbest"].clamp(1, self.beam_size).max())
        torch._check(count >= 1)
        torch._check(count <= self.beam_size)
        return count

    def _timed(self, found: FramedText, longest: float) -> _Found:
        """Texts (B, N, U) with times if frames have them; `longest` seconds of a token, 0: as found."""
        seconds = frame_seconds(self.encoded, self.section.sample_rate)
        times = None
        if seconds is not None:
            start, end = found.start.float() * seconds, found.end.float() * seconds
            if longest:
                place = torch.arange(start.shape[2] - 1, device=start.device)
                is_last = place >= found.length.unsqueeze(2) - 1
                follower = torch.where(is_last, torch.inf, start[..., 1:])
                follower = torch.cat((follower, torch.full_like(start[..., :1], torch.inf)), dim=2)
                end = torch.maximum(end, torch.minimum(follower, start + longest))
            times = torch.stack((start, end), dim=-1)
        return _Found(found.text, found.length, found.score, times)

    def component(self) -> Component:
        """The declared graph."""
        is_greedy = self.kind in GREEDY
        has_frames = self.kind in (CTC_GREEDY, *TRANSDUCERS)
        times = has_frames and frame_seconds(self.encoded, self.section.sample_rate) is not None
        nbest = 1 if is_greedy else "nbest"
        outputs = [
            Declared("token_ids", ("batch", nbest, "tokens"), "int64"),
            Declared("token_lengths", ("batch", nbest), "int64", length_of="tokens"),
            Declared("scores", ("batch", nbest)),
            Declared("status", ("batch",), "int64"),
            *([Declared("times", ("batch", nbest, "tokens", 2))] if times else []),
        ]
        return Component(
            name=NAME,
            method="recognize",
            inputs=(*self.encoded.inputs[:2], *self.options),
            outputs=tuple(outputs),
            lengths=tuple(dataclasses.replace(rule) for rule in self.encoded.lengths),
            data_dependent=("tokens", "nbest"),
            attributes={"search": self.kind, **({} if is_greedy else {"beam_size": self.beam_size})},
        )

    def defaults(self) -> dict[str, float]:
        """Values of options where none are wanted."""
        known = {**dataclasses.asdict(TransducerOptions()), **dataclasses.asdict(DecodeOptions())}
        values = {option.name: known[option.name] for option in self.options}
        return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}

    def metadata(self) -> dict[str, str]:
        """Defaults of options, and what makes texts of tokens."""
        pieces = pieces_of(self.section.tokens, (self.section.tokenizer or {}).get("token_type"))
        found = {"sample_rate": str(self.section.sample_rate), "options": json.dumps(self.defaults())}
        return found if pieces is None else {**found, "tokens": json.dumps(pieces, ensure_ascii=False)}


def _as_list(found: FramedText) -> FramedText:
    """The one text of each utterance as an n-best list."""
    return FramedText(*(field.unsqueeze(1) for field in found))


def _kind(found: Mapping[str, Part], search: str | None) -> str:
    """The search, which the model has the graphs for."""
    if "encoder" not in found:
        raise OptionError(f"expected a recogniser of whole utterances, found one of {', '.join(found)}")
    own = [kind for kind, needs in NEEDS.items() if set(needs) <= set(found)]
    own = list(TRANSDUCERS) if TRANSDUCER in own else own
    if "mlm" in found or not own:
        raise OptionError(f"expected a model of one of {', '.join(NEEDS)}, found one of {', '.join(found)}")
    if search is not None and search not in own:
        raise OptionError(f"expected a search of {', '.join(own)} for this model, found {search}")
    return search or own[0]
