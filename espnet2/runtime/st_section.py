"""The section of a bundle that translates speech.

Beside the keys of `espnet2.runtime.search_model`:

    recognition: {tokens: [<blank>, ...], special: {blank: 0, sos: 29, eos: 29}, tokenizer: {token_type: bpe}}
                                of models that recognise speech and translate what they recognise; {}: of others

Of the files, `src_bpemodel` is the tokenizer's of recognised texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from espnet2.interface.errors import BundleError
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.section import is_mapping, require

KEYS = ("tokens", "special", "tokenizer")


@dataclass(frozen=True)
class STSection(SearchSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    recognition: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        found = self.recognition
        known = is_mapping(found) and set(found) in (set(), set(KEYS))
        require(known, "recognition", f"nothing, or the keys {', '.join(KEYS)}", found)
        if found:
            self.recogniser()

    def recogniser(self) -> SearchSection:
        """The section of the recognition alone; raises `BundleError` for values of the wrong kind."""
        try:
            return SearchSection(self.sample_rate, **self.recognition)
        except BundleError as error:
            raise BundleError(f"recognition.{error}") from error


@dataclass(frozen=True, kw_only=True)
class TwoPassModel(SearchModel):
    """A model that recognises speech, by the graphs and tokens of `recognition`, and translates what it recognises."""

    recognition: SearchModel
