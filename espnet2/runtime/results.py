"""Results of a recogniser: hypotheses as text, tokens, and times."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from espnet.nets.beam_search import Hypothesis
from espnet.nets.ctc_alignment import CTCAligner
from espnet2.interface.errors import OptionError
from espnet2.runtime.batch_size import AUTO, best_batch_size
from espnet2.runtime.hotwords import make_hotwords
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import fitting_ctc_weight, kind_of
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.timestamps import Timed, make_timestamps
from espnet2.text.abs_tokenizer import AbsTokenizer, Prompt
from espnet2.text.token_id_converter import lenient_converter

_log = logging.getLogger(__name__)


class Result(NamedTuple):
    """One hypothesis: its text (None without a tokenizer), tokens, their indices, and the search's hypothesis."""

    text: str | None
    token: list[str]
    token_int: list[int]
    hypothesis: Hypothesis


class TaggedResult(NamedTuple):
    """A hypothesis of a model with prompts; its text has tags such as `<eng><asr>`, which `text_nospecial` has not."""

    text: str | None
    token: list[str]
    token_int: list[int]
    text_nospecial: str | None
    hypothesis: Hypothesis


AnyResult = Result | TaggedResult
# Hypotheses, best first; a list for each speaker where there are several.
Results = list[AnyResult] | list[list[AnyResult]]


class Translations(list[AnyResult]):
    """The n-best translations of an utterance; `recognised` is the n-best list of the recognition before them."""

    recognised: Sequence[AnyResult] = ()


class NBest(list[AnyResult]):
    """The n-best results of one recording, best first.

    Attributes:
        interctc: Best tokens of layers with intermediate CTC, by the number of the layer.
    """

    def __init__(self, results: Iterable[AnyResult] = (), interctc: Mapping[int, list[str]] | None = None) -> None:
        super().__init__(results)
        self.interctc = dict(interctc or {})


def by_speaker(results: Results) -> dict[str, list[AnyResult]]:
    """The hypotheses of each speaker by what names of their files end in; of the only one under ""."""
    separated = {f"_spk{number}": item for number, item in enumerate(results, 1) if isinstance(item, list)}
    return separated or {"": [item for item in results if not isinstance(item, list)]}


class OptionAttribute:
    """An option of a recogniser as an attribute that may be set, as scripts set those of upstream's class."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, recognizer: ResultMaker, owner: type | None = None) -> Any:
        return getattr(recognizer.options, self.name)

    def __set__(self, recognizer: ResultMaker, value: Any) -> None:
        recognizer.options = dataclasses.replace(recognizer.options, **{self.name: value})


def with_prompt(tokenizer: AbsTokenizer | None, prompt: Prompt) -> AbsTokenizer | None:
    """The tokenizer for texts that begin as asked; one that knows no prompts stays as it is, which is logged."""
    prompted = None if tokenizer is None else tokenizer.prompted(prompt)
    if prompt != Prompt() and prompted is tokenizer:
        _log.warning("without effect on a model without prompts: lang_prompt_token, nlp_prompt_token and the like")
    return prompted


class ResultMaker:
    """Base of recognisers of whole utterances and of streams: makes results of hypotheses.

    Args:
        model: Graphs, tokens, and what else a search needs.
        options: Of the search; without decoder, `ctc_weight` is 1, and without CTC 0.
        seconds: Between encoder frames; None where they are not known.
    """

    nbest, maxlenratio, minlenratio = (OptionAttribute() for _ in range(3))
    # Upstream drops token 0, which is the blank but in the vocabularies of pretrained decoders.
    dropped: frozenset[int] = frozenset({0})

    def __init__(self, model: SearchModel, options: DecodeOptions, seconds: float | None) -> None:
        graphs, section = model.graphs, model.section
        kind, weight = kind_of(graphs, options), fitting_ctc_weight(graphs, options.ctc_weight)
        if "ctc_weight" in kind.reads and weight != options.ctc_weight:
            missing = "decoder_step" if weight else "ctc"
            _log.info("ctc_weight: %s, not %s, since the model has no %s", weight, options.ctc_weight, missing)
            options = dataclasses.replace(options, ctc_weight=weight)
        if options.batch_size == AUTO:
            options = dataclasses.replace(options, batch_size=best_batch_size(graphs, options.beam_size))
            _log.info("batch_size: %s", options.batch_size)
        self.options = options
        self.tokenizer = tokenizer = with_prompt(model.tokenizer, options.prompt)
        self.token_list = token_list = section.tokens
        self.model = dataclasses.replace(
            model, tokenizer=tokenizer, hotwords=make_hotwords(options.hotwords, tokenizer, token_list)
        )
        self.converter = lenient_converter(token_list) if tokenizer is None else tokenizer.converter(token_list)
        self.ends_with_eos = kind.ends_with_eos
        self.timestamps = make_timestamps(options, graphs, tokenizer, seconds, section.special["blank"])

    @property
    def batch_size(self) -> int:
        """Utterances, or streams, that are recognised together."""
        return int(self.options.batch_size)

    def result(self, hypothesis: Hypothesis, aligner: CTCAligner | None = None, is_final: bool = True) -> AnyResult:
        """The result of a hypothesis; `aligner` knows the frames of its tokens, where the search does not."""
        labels = hypothesis.yseq[1 : len(hypothesis.yseq) - self.ends_with_eos]
        token_int = [token for token in labels.tolist() if token not in self.dropped]
        if aligner is not None and len(hypothesis.frames) != len(token_int):
            hypothesis = hypothesis._replace(frames=aligner(token_int, is_final))
        token = self.converter.ids2tokens(token_int)
        text = None if self.tokenizer is None else self.tokenizer.tokens2text(token)
        return Result(text, token, token_int, hypothesis)

    def times(self, result: AnyResult) -> list[Timed]:
        """When each token, or word, of a result is said: what the option `timestamps` asks for.

        Of a text that is too long for its recording to be aligned with it, none.

        Raises:
            OptionError: The option is `none`.
        """
        if self.timestamps is None:
            raise OptionError("timestamps: expected token or word, found 'none'")
        return self.timestamps.times(*self.spoken(result))

    def spoken(self, result: AnyResult) -> tuple[Sequence[str], Sequence[tuple[int, int]]]:
        """The tokens of a result that are said, and the frames of each, or none where they are not known."""
        return result.token, result.hypothesis.frames
