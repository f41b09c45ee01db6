"""Base of families whose models search for a token sequence: recognition, translation, understanding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.check import Check
from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.family import Components, Family
from espnet2.runtime.ngram import load_ngram
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Results, by_speaker
from espnet2.runtime.search import fitting_ctc_weight, graphs_used, kind_of, require_usable
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.signals import reads_samples, speech_signals
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.utils.edit_distance import edit_distance

CHUNKS = ("chunk_size", "left_context", "right_context")  # sizes in frames of the encoder, where they are a choice

SCORE_TOLERANCE = 1e-3  # of a hypothesis' score
BEAM = 5
COMPARED = 3  # hypotheses of each n-best list
GENERATED_TOKENS = 20  # such a signal has no end, so hypotheses are cut there


class SearchFamily(Family):
    """A family whose results are n-best lists of token sequences."""

    speech2text: ClassVar[str] = "espnet2.runtime.asr:Speech2Text"  # class for bundles of whole utterances
    section = SearchSection
    options: ClassVar[type[DecodeOptions]] = DecodeOptions
    quantized: ClassVar[tuple[str, ...]] = (
        "encoder",
        "encoder_step",
        "ctc",
        "decoder_start",
        "decoder_step",
        "joint_start",
        "joint_step",
        "lm_step",
    )
    most_deviation = 0.02
    deviation_unit = "token errors"
    # An n-gram model is the same code whatever runs the graphs.
    benchmark_options: ClassVar[Mapping[str, Any]] = {
        "beam_size": 10,
        "ctc_weight": 0.3,
        "lm_weight": 0.3,
        "ngram_weight": 0.0,
    }

    def require_usable(self, components: Components, section: SearchSection) -> None:
        """Check for the components that a search needs, and that they read what it feeds."""
        if "encoder_step" in components and not section.streaming:
            raise BundleError("streaming: expected how streams are fed to 'encoder_step', found nothing")
        require_usable(components, section.special)
        _require_scored(components, section)

    def model(
        self,
        graphs: Mapping[str, Graph],
        section: SearchSection,
        files: Mapping[str, Path],
        options: DecodeOptions,
        ngram_scorer: str = "full",
    ) -> SearchModel:
        """The model with its tokenizer and n-gram scorer."""
        spec = section.tokenizer or {}
        prompt = {name: spec.get(name) for name in ("language", "task")}
        tokenizer = load_tokenizer(spec.get("token_type"), files.get("bpemodel"), token_list=section.tokens, **prompt)
        return search_model(graphs, section, tokenizer, files.get("ngram"), options, ngram_scorer)

    def signals(
        self, components: Components, section: SearchSection, recordings: Sequence[str | Path]
    ) -> dict[str, Any]:
        """Speech by name: the recordings, or noise where there are none."""
        return speech_signals(self._entry(components), section.sample_rate, recordings)

    def duration(self, components: Components, section: SearchSection, signal: Any, result: Any) -> float | None:
        """Seconds of speech; None for features, the duration of whose frames is not known."""
        return len(signal) / section.sample_rate if reads_samples(self._entry(components)) else None

    def _entry(self, components: Components) -> Component:
        return next(components[name] for name in self.entries if name in components)

    def graphs_used(self, components: Components, options: DecodeOptions) -> set[str]:
        """The encoder's component, and those that the search runs."""
        return graphs_used(components, options)

    def checked_options(
        self, components: Components, section: SearchSection, bounded: bool
    ) -> tuple[DecodeOptions, DecodeOptions]:
        """A beam search with all scorers; PyTorch returns more hypotheses, so that ties are seen as such."""
        own_search = "search_type" in section.generation  # no other one works
        options = {
            **self.defaults(components),
            "beam_size": BEAM,
            "ctc_weight": fitting_ctc_weight(components, 0.3),
            "lm_weight": 0.3,
            "ngram_weight": 0.3,
            "maxlenratio": -float(GENERATED_TOKENS) if bounded else 0.0,
            **(kind_of(components, self.options()).short if bounded and not own_search else {}),
        }
        return self.options(**{**options, "nbest": BEAM}), self.options(**{**options, "nbest": COMPARED})

    def compare(self, expected: Results, found: Results, name: str) -> list[Check]:
        """Compare the n-best lists of each speaker."""
        theirs, ours = by_speaker(expected), by_speaker(found)
        return [compare_nbest(theirs[key], ours[key], name + key) for key in theirs]

    def deviation(self, expected: Sequence[Results], found: Sequence[Results]) -> float:
        """Edits that turn the best hypotheses of fp32 graphs into those of int8 graphs, per token of the former."""
        pairs = [(_best(e), _best(f)) for e, f in zip(expected, found, strict=True)]
        return sum(edit_distance(e, f) for e, f in pairs) / max(1, sum(len(e) for e, _ in pairs))

    def exported_with(self, section: SearchSection, provenance: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the bundle is for streams, and of which chunks."""
        chunks = {name: provenance[name] for name in CHUNKS if name in provenance}
        return {"streaming": bool(section.streaming), "chunks": chunks}

    def defaults(self, components: Components) -> dict[str, Any]:
        """The options of a decode where none are given."""
        options = asdict(self.options())
        return {**options, "ctc_weight": fitting_ctc_weight(components, options["ctc_weight"])}


def search_model(
    graphs: Mapping[str, Graph],
    section: SearchSection,
    tokenizer: AbsTokenizer | None,
    ngram_file: str | Path | None,
    options: DecodeOptions,
    ngram_scorer: str = "full",
) -> SearchModel:
    """The model of graphs, tokenizer and n-gram file; a file that the search does not read stays closed.

    Raises `OptionError` and `MissingPackageError` as `load_ngram` does.
    """
    weight = options.ngram_weight if "ngram" in graphs_used([*graphs, "ngram"], options) else 0.0
    return SearchModel(graphs, section, tokenizer, load_ngram(ngram_file, section.tokens, ngram_scorer, weight))


def _best(results: Results) -> list[int]:
    """Tokens of the best hypothesis of each speaker."""
    return [token for nbest in by_speaker(results).values() for best in nbest[:1] for token in best.token_int]


def compare_nbest(expected: Sequence[Any], found: Sequence[Any], name: str) -> Check:
    """Compare the best hypotheses found with those expected: the same text, tokens and order (but for ties).

    `expected` may go on after the last of `found`, so that a tie at that place is seen as one. The difference is the
    largest distance of scores, inf where the hypotheses themselves differ.
    """
    pairs = list(zip(expected, found, strict=False))
    worst = max((abs(float(e[-1].score) - float(f[-1].score)) for e, f in pairs), default=0.0)
    if len(found) > len(expected) or (expected and not found) or not _same_up_to_ties(expected, found):
        worst = float("inf")
    return Check("decode", f"{name}: {len(found)}-best", worst, SCORE_TOLERANCE)


def _same_up_to_ties(expected: Sequence[Any], found: Sequence[Any]) -> bool:
    """Whether each hypothesis is found at its place, or at that of one whose score cannot be told apart."""
    # Results of different hypotheses may be equal, since token 0 is left out of them.
    scores = {(text, *hypothesis.yseq.tolist()): float(hypothesis.score) for text, *_, hypothesis in expected}
    return all(
        abs(scores.get((text, *hypothesis.yseq.tolist()), np.inf) - float(e[-1].score)) <= SCORE_TOLERANCE
        for e, (text, *_, hypothesis) in zip(expected, found, strict=False)
    )


def _require_scored(components: Components, section: SearchSection) -> None:
    """Raise `BundleError` for more tokens than the graphs score; the token of a mask is scored by none."""
    # A transducer's decoder gives vectors, from which its joint network makes scores.
    scoring = {"ctc", "lm_step", *([] if "joint_step" in components else ["decoder_step"])}
    found = len(section.tokens) - ("mask" in section.special)
    for name in sorted(scoring & components.keys()):
        size = components[name].outputs[0].axes[-1:]
        if size and isinstance(size[0], int) and size[0] < found:
            raise BundleError(f"tokens: expected at most {size[0]}, as many as {name} scores, found {found} tokens")
