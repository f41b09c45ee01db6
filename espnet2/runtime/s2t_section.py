"""The section of a bundle whose texts begin with prompts of language and task, as those of OWSM.

Beside the keys of `espnet2.runtime.search_model`:

    special: {blank: 0, sos: ..., eos: ..., sop: ..., na: ..., notimestamps: ...}
                                start of a previous text, no previous text, no times; those that the tokens have
    speech_length: 30.0         seconds of speech that the encoder reads, padded or cut
    languages: [4, 180]         indices of the first and the last language, where they are known
    times: [181, 1681]          indices of the first and the last time, 0 and `speech_length`; [] without times
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from espnet.nets.scorers.score_filter import ScoreFilter
from espnet2.interface.errors import OptionError, listed, shortened
from espnet2.runtime.search_model import SearchSection
from espnet2.runtime.section import is_list_of, require

PROMPT = ("sop", "na", "notimestamps")  # special tokens that a model may have
OF_TEXTS = ("<unk>", "<space>", "<nospeech>")  # symbols that are neither languages nor tasks
SAID = ("<unk>", "<space>")  # symbols that texts of CTC may have
LONGEST = 3600  # seconds that an encoder reads at once
_SHOWN = 60  # characters of a symbol in an error


@dataclass(frozen=True)
class S2TSection(SearchSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    speech_length: float = 30.0
    languages: Sequence[int] = field(default_factory=list)
    times: Sequence[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.tokens)
        for name in PROMPT:
            index = self.special.get(name, 0)
            require(type(index) is int and 0 <= index < count, f"special.{name}", f"an index of {count} tokens", index)
        length = self.speech_length
        valid = isinstance(length, int | float) and not isinstance(length, bool) and 0 < length < float("inf")
        require(valid, "speech_length", "a number of seconds", length)
        require(length <= LONGEST, "speech_length", f"at most {LONGEST} seconds", length)
        require(self.window > 0, "speech_length", "seconds of at least one sample", length)
        for name in ("languages", "times"):
            span = getattr(self, name)
            ordered = is_list_of(span, int) and (not span or (len(span) == 2 and 0 <= span[0] <= span[1] < count))
            require(ordered, name, "the first and the last index, or none", span)
        require(not self.times or "notimestamps" in self.special, "special", "notimestamps, since there are times", "")

    @property
    def window(self) -> int:
        """Samples that the encoder reads."""
        return round(self.speech_length * self.sample_rate)

    @functools.cached_property
    def indices(self) -> Mapping[str, int]:
        """Index of each token."""
        return {token: index for index, token in enumerate(self.tokens)}

    def symbols(self) -> list[str]:
        """Symbols in angle brackets that may be languages or tasks."""
        tags = (token for index, token in enumerate(self.tokens) if is_tag(token) and not self._is_of_rules(index))
        return [token for token in tags if token not in OF_TEXTS]

    def _is_of_rules(self, index: int) -> bool:
        """Whether a token is a time, or one that the search knows by its index, and no language or task."""
        return index in self.special.values() or bool(self.times and self.times[0] <= index <= self.times[1])

    def index_of(self, name: str, symbol: str) -> int:
        """Index of the symbol that option `name` gives; raises `OptionError`, which lists some, where there is none."""
        index = self.indices.get(symbol)
        if index is None or not is_tag(symbol) or self._is_of_rules(index):
            found = shortened(repr(symbol), _SHOWN)
            raise OptionError(f"{name}: expected one of {listed(self._of(name), symbol) or 'none'}, found {found}")
        return index

    def _of(self, name: str) -> list[str]:
        """Symbols that option `name` is likely to take."""
        known = self.symbols()
        if not self.languages:
            return known
        languages = set(self.tokens[self.languages[0] : self.languages[1] + 1])
        return [symbol for symbol in known if (symbol in languages) == (name != "task_sym")]

    def score_filter(self) -> ScoreFilter | None:
        """The rules of times; None where the model has no times."""
        if not self.times:
            return None
        special = self.special
        ends = special["sos"], special["eos"]
        return ScoreFilter(special["notimestamps"], self.times[0], self.times[1], *ends, len(self.tokens))


class S2TCTCSection(S2TSection):
    """The section of models with CTC alone, whose texts follow no rules of times."""

    def score_filter(self) -> None:
        """No rules: languages, tasks and times are tokens of CTC's text as any other."""


def is_tag(token: str) -> bool:
    """Whether a token is a symbol such as `<eng>`, and no part of a text."""
    return token.startswith("<") and token.endswith(">")


def is_said(token: str) -> bool:
    """Whether a token stands for something in the recording: no tag, or one of a text of characters."""
    return not is_tag(token) or token in SAID


def without_tags(tokens: Iterable[str]) -> list[str]:
    """The tokens that are parts of a text."""
    return [token for token in tokens if not is_tag(token)]
