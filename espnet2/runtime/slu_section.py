"""The section of a bundle of spoken language understanding.

Beside the keys of `espnet2.runtime.search_model`:

    transcript_tokens: [<blank>, <unk>, play, ...]      words of transcripts, in the order of their indices; []: the
                                                        model reads no transcripts
    transcript_cleaner: [tacotron]                      cleaners of transcripts

The file `transcript_tokenizer` is the tokenizer of the text model that reads the words of a transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from espnet2.runtime.search_model import SearchSection
from espnet2.runtime.section import is_list_of, require
from espnet2.text.cleaner import CLEANERS


@dataclass(frozen=True)
class SLUSection(SearchSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    transcript_tokens: Sequence[str] = field(default_factory=list)
    transcript_cleaner: Sequence[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        words, cleaners = self.transcript_tokens, self.transcript_cleaner
        distinct = is_list_of(words, str) and len(set(words)) == len(words)
        require(distinct, "transcript_tokens", "a list of different words", words)
        known = is_list_of(cleaners, str) and all(name in CLEANERS for name in cleaners)
        require(known, "transcript_cleaner", f"some of {', '.join(CLEANERS)}", cleaners)
