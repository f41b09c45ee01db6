"""A model whose results are token sequences: graphs, the section of its bundle, tokenizer and n-gram scorer.

The section of such a bundle:

    sample_rate: 16000                  Hz
    tokens: [<blank>, <unk>, ...]       in the order of their indices
    special: {blank: 0, sos: 29, eos: 29}       and mask in a Mask-CTC model
    tokenizer: {token_type: bpe}, or null: results have no text; Whisper's have `language` and `task` of its prompts
    streaming: {samples_per_step: 10240, ...}   how `encoder_step` is fed, in a bundle for streams; see `STREAMING`
    generation: {num_beams: 1, ...}     rules of `hugging_face_decoder`, of a model that has such a decoder, or options
                                        of the search that a transducer has where none are given

Its files are `bpemodel`, the tokenizer's, and `ngram`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from espnet.nets.scorer_interface import BatchScorerInterface, ScorerInterface
from espnet2.interface.graph import Graph
from espnet2.runtime.section import Section, is_list_of, is_mapping, require, require_rate
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import TOKENIZERS

SPECIAL = ("blank", "sos", "eos")
OPTIONAL = ("mask",)  # where the search knows it
# Samples of a step, zeros before the first sample, steps up to the first block, samples from a frame of the output to
# the next; frames of a block, from one block to the next, and at its end that the next one gives.
STREAMING = ("samples_per_step", "lead", "least_steps", "frame_stride", "block_size", "hop_size", "look_ahead")

POSITIVE = ("samples_per_step", "frame_stride", "block_size", "hop_size")  # sizes that are not 0
MOST_STEP = 10_000_000  # samples, or frames: minutes of speech

CTC_EOS = "ctc_eos"  # end symbol that CTC knows, where the search has another one


@dataclass(frozen=True)
class SearchSection(Section):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int
    tokens: Sequence[str]
    special: Mapping[str, int]
    tokenizer: Mapping[str, Any] | None = None
    streaming: Mapping[str, int] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_rate(self.sample_rate)
        require(is_list_of(self.tokens, str) and len(self.tokens) > 0, "tokens", "a list of strings", self.tokens)
        special = self.special if isinstance(self.special, Mapping) else {}
        for name in (*SPECIAL, *(name for name in OPTIONAL if name in special)):
            index = special.get(name)
            valid = type(index) is int and 0 <= index < len(self.tokens)
            require(valid, f"special.{name}", f"an index of the {len(self.tokens)} tokens", index)
        require(self.tokenizer is None or is_mapping(self.tokenizer), "tokenizer", "a mapping or null", self.tokenizer)
        if self.tokenizer is not None:
            token_type = self.tokenizer.get("token_type")
            known = isinstance(token_type, str) and token_type in TOKENIZERS
            require(known, "tokenizer.token_type", f"one of {', '.join(TOKENIZERS)}", token_type)
        sizes = is_mapping(self.streaming) and all(type(n) is int and n >= 0 for n in self.streaming.values())
        complete = sizes and set(self.streaming) in (set(), set(STREAMING))
        require(complete, "streaming", f"nothing, or the numbers {', '.join(STREAMING)}", self.streaming)
        for name, size in self.streaming.items():
            least = int(name in POSITIVE)
            require(least <= size <= MOST_STEP, f"streaming.{name}", f"a number from {least} to {MOST_STEP}", size)
        require(is_mapping(self.generation), "generation", "a mapping", self.generation)

    def score_filter(self) -> ScorerInterface | None:
        """A scorer of tokens that may not follow, with weight 1; None: all may."""
        return None


@dataclass(frozen=True)
class SearchModel:
    """Graphs by name, with the section, the tokenizer (None: results have no text), scorers of n-grams and of hotwords.

    Graphs of a recogniser are `encoder` (`encoder_step` of streams); `ctc`, `decoder_start` with `decoder_step`, or all
    three; optionally `lm_step`.
    """

    graphs: Mapping[str, Graph]
    section: SearchSection
    tokenizer: AbsTokenizer | None = None
    ngram: ScorerInterface | None = None
    hotwords: BatchScorerInterface | None = None

    @property
    def primer(self) -> Sequence[int] | None:
        """Tokens that every text begins with; None: the start symbol."""
        return None if self.tokenizer is None else self.tokenizer.primer

    @property
    def scorers(self) -> list[str]:
        """Names of the graphs, and `ngram` where there is an n-gram model."""
        return [*self.graphs, *(["ngram"] if self.ngram is not None else [])]
