"""Spoken language understanding: a recogniser whose encoder may read a transcript of the recording, too."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.graph_calls import stacked
from espnet2.runtime.results import Results
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.slu_model import SLUModel
from espnet2.runtime.slu_options import SLUOptions

if TYPE_CHECKING:
    from typing_extensions import Self


class SLURecognizer(Recognizer):
    """Encoder, search and tokenizer; whoever runs the graphs.

    Args:
        model: As for `Recognizer`, an `SLUModel`.
        options: Of the search, among them the transcript where a call gives none.

    Raises:
        OptionError: An option that a model which reads transcripts does not have, or a transcript that is none.
        DataError: A transcript without words.
    """

    options: SLUOptions

    def __init__(self, model: SearchModel, options: SLUOptions) -> None:
        assert isinstance(model, SLUModel)
        self.transcripts = model.transcripts
        if self.transcripts is not None:
            if options.timestamps != "none":
                raise OptionError(
                    "timestamps: expected none, since the model's frames are those of a transcript, too; found "
                    f"{options.timestamps!r}"
                )
            if str(options.long_form).lower() == "true":
                raise OptionError(
                    "long_form: expected false, since a transcript is that of a whole recording; found true"
                )
            options = dataclasses.replace(options, long_form="false")
        super().__init__(model, options)
        self._tokens = self._tokens_of(options.transcript)

    def __call__(
        self, speech: Any, transcript: Any = None, *, hotwords: Any = None, hotword_weight: float | None = None
    ) -> Any:
        """The n-best results for one utterance, best first; of a list of utterances, a list of n-best lists.

        Args:
            speech: As for `Recognizer`.
            transcript: Transcript of the utterance, a text or indices of its words, in place of the option; of a list
                of utterances a list. A model that reads none takes no notice of it.
            hotwords, hotword_weight: Instead of the options of these names, see `with_hotwords`.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            DataError: A transcript without words.
            OptionError: No transcript, although the model reads one, or indices beyond its list of words.
        """
        own = self.with_hotwords(hotwords, hotword_weight)
        several = isinstance(speech, list | tuple)
        if several and transcript is not None and self.transcripts is not None:
            return own._each_with_its_own(speech, transcript)
        return super(SLURecognizer, own.prompted(transcript)).__call__(speech)

    def _each_with_its_own(self, speech: Sequence[Any], transcript: Any) -> list[Any]:
        if isinstance(transcript, str) or len(transcript) != len(speech):
            found = "one" if isinstance(transcript, str) else len(transcript)
            raise OptionError(f"transcript: expected one for each of {len(speech)} utterances, found {found}")
        return [self(one, text) for one, text in zip(speech, transcript, strict=True)]

    def batch(self, speeches: Sequence[Any]) -> list[Results]:
        """See the base class; all utterances have the transcript of the option."""
        self.require_transcript()
        return super().batch(speeches)

    def prompted(self, transcript: Any = None) -> Self:
        """This recogniser with another transcript; None leaves it as it is. It shares the graphs.

        Raises what a call raises for its transcript.
        """
        if transcript is None or self.transcripts is None:
            return self
        other = copy.copy(self)
        other._tokens = self._tokens_of(transcript)
        return other

    def require_transcript(self) -> None:
        """Raise `OptionError` where there is no transcript although the model reads one."""
        if self.transcripts is not None and self._tokens is None:
            raise OptionError("transcript: expected the transcript of the recording, which the model reads, found none")

    def _tokens_of(self, transcript: Any) -> list[int] | None:
        if transcript is None or self.transcripts is None:
            return None
        return self.transcripts.tokens(transcript)

    def feeds(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """See the base class; a model that reads transcripts gets one for each."""
        plain = super().feeds(speeches)
        if self.transcripts is None:
            return plain
        self.require_transcript()
        rows = [np.array(self._tokens, np.int64)] * len(speeches)
        lengths = np.array([len(row) for row in rows], np.int64)
        return {**plain, "transcript": stacked(rows, "int64"), "transcript_lengths": lengths}


class SLUSpeech2Text(Speech2Text, SLURecognizer):
    """Understands speech with a bundle, without PyTorch.

    `espnet2.runtime.Speech2Text` makes one of such a bundle. Arguments are those of that class, with the options of
    `espnet2.runtime.slu_options.SLUOptions`.
    """

    task: ClassVar[str] = "slu"
