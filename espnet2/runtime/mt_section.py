"""The section of a bundle that translates texts.

Beside the keys of `espnet2.runtime.search_model`, but for the sampling rate, which texts have not:

    source: {token_type: bpe, cleaner: [], g2p: null, non_linguistic_symbols: []}   how source texts become tokens
    source_tokens: [<blank>, <unk>, ...]        tokens of source texts, in the order of their indices

Of the files, `src_bpemodel` is the tokenizer's of source texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.section import is_list_of, require
from espnet2.runtime.text_reader import TextReader, require_text


@dataclass(frozen=True, kw_only=True)
class MTSection(SearchSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int = 1  # tokens are counted one by one
    source: Mapping[str, Any] = field(default_factory=dict)
    source_tokens: Sequence[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_text(self.source, "source")
        tokens = self.source_tokens
        require(is_list_of(tokens, str) and len(tokens) > 0, "source_tokens", "a list of strings", tokens)

    def to_dict(self) -> dict[str, Any]:
        """Keys and values, as `bundle.yaml` holds them."""
        return {name: value for name, value in super().to_dict().items() if name != "sample_rate"}


@dataclass(frozen=True, kw_only=True)
class TextSearchModel(SearchModel):
    """A model whose inputs are texts, with what reads them."""

    reader: TextReader
