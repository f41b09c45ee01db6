"""Speech to text of many tasks by CTC alone, as OWSM-CTC: recordings as a whole, and of any length in buffers.

Y. Peng et al., "OWSM-CTC: an open encoder-only speech foundation model for speech recognition, translation, and
language identification", 2024. The encoder reads a language and a task as two frames before those of speech, and
attends to the text before the recording.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from espnet.nets.ctc_alignment import CTCAligner
from espnet.nets.hypothesis import Hypothesis
from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.buffers import Buffers
from espnet2.runtime.graph_calls import stacked
from espnet2.runtime.long_recording import Progress
from espnet2.runtime.option_fields import is_integer, require
from espnet2.runtime.pauses import Part
from espnet2.runtime.prompted import NO_TEXT, PromptedRecognizer
from espnet2.runtime.results import AnyResult, NBest, TaggedResult
from espnet2.runtime.s2t_ctc_options import S2TCTCOptions
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.runtime.s2t_section import without_tags
from espnet2.runtime.speech import padded

BATCH_CONTEXT = 4.0  # seconds, as upstream's `batch_decode`
PROMPT = ("text_prev", "lang_sym", "task_sym")
OF_DECODERS = frozenset(
    ["condition_on_prev_text", "init_text", "end_time_threshold", "skip_last_chunk_threshold"]
)  # arguments of `decode_long` of models with times


class Buffer(NamedTuple):
    """Samples (N,) with language and task (2,), and the tokens of the text before them."""

    speech: np.ndarray
    prefix: Sequence[int]
    previous: Sequence[int]


class S2TCTCRecognizer(PromptedRecognizer):
    """Encoder with a prompt, CTC, search and tokenizer; whoever runs the graphs.

    Results of a whole recording have the tokens that CTC gives the frames of language and task, as upstream's; what is
    decoded in buffers has not.

    Args:
        model: As for `Recognizer`; its section is an `S2TSection`.
        options: Of the search, among them the prompt where a call gives none.

    Raises:
        OptionError: A symbol that the model does not have.
    """

    options: S2TCTCOptions
    long_form: Buffers

    def require_search(self, options: S2TOptions) -> None:
        """Texts have no prompt here, so that any search of CTC will do."""

    def make_windows(self) -> Buffers:
        """Rule of recordings that are decoded in buffers."""
        former, component = self.options.keep_prompt_frames, self.encoder.component
        return Buffers(component, self.options, self.sample_rate, self.section.window, former=former)

    def _primer(self, text_prev: Any) -> list[int]:
        """Set the prompt; texts themselves begin with the start symbol alone."""
        options, special = self.options, self.section.special
        self.prefix = [self.section.index_of(name, getattr(options, name)) for name in ("lang_sym", "task_sym")]
        tokens, none = self._tokens_of(text_prev), special.get("na")
        missing = tokens is None or none in tokens
        self.previous: list[int] = [none] if missing and none is not None else tokens or []
        return []

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech as the encoder takes it, float32; raises `AudioError` as `Recognizer.check` does."""
        return Recognizer.check(self, speech, name)

    def forward(self, speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As the base class; outputs begin with the frames of the prompt."""
        return self.forward_of([self] * len(speeches), speeches)

    def forward_of(self, owners: Sequence[Any], speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As the base class: each has the prompt of its owner."""
        return self._encode([owner._recording(speech) for owner, speech in zip(owners, speeches, strict=True)])

    def _encode(self, buffers: Sequence[Buffer]) -> list[np.ndarray]:
        """`forward` of speech with prompts of its own."""
        component = self.encoder.component
        lengths = np.array([len(buffer.previous) for buffer in buffers], np.int64)
        previous = [[*buffer.previous, *([] if buffer.previous else [0])] for buffer in buffers]
        return self.encoded(
            {
                **padded([buffer.speech for buffer in buffers], component),
                "prefix": np.array([buffer.prefix for buffer in buffers], np.int64),
                "text_prev": stacked([np.array(tokens) for tokens in previous], "int64"),
                "text_prev_lengths": lengths,
            }
        )

    def search(self, encoder_out: np.ndarray) -> NBest:
        """The n-best results for what `forward` gave of one recording, best first."""
        found = super().search(encoder_out)
        return NBest(map(self._without_prompt, found), found.interctc)

    def _without_prompt(self, result: AnyResult) -> AnyResult:
        """The result with frames of its tokens that are counted from the first frame of speech."""
        prompt, hypothesis = self.long_form.prompt, result.hypothesis
        frames = tuple((max(start - prompt, 0), max(end - prompt, 0)) for start, end in hypothesis.frames)
        return result._replace(hypothesis=hypothesis._replace(frames=frames))

    def hypotheses(self, encoder_out: np.ndarray) -> list[Hypothesis]:
        """Hypotheses for an encoder output (T, D), best first."""
        return Recognizer.hypotheses(self, encoder_out)

    def result(self, hypothesis: Hypothesis, aligner: CTCAligner | None = None, is_final: bool = True) -> TaggedResult:
        """The result of a hypothesis; `aligner` knows the frames of its tokens, where the search does not."""
        plain = Recognizer.result(self, hypothesis, aligner, is_final)
        return self.tagged(plain.token_int, plain.hypothesis)

    def joined(self, speech: np.ndarray, parts: Sequence[Part], progress: Progress = lambda steps: None) -> np.ndarray:
        """Encoder output (T, D) of a recording in buffers, without the frames of the prompt."""
        hop, form, found = self.long_form.hop, self.long_form, []
        for output in self._outputs([self._recording(speech)], form, self.batch_size):
            found.append(output[1])
            progress(min(hop, max(len(speech) - (len(found) - 1) * hop, 0)) / 2)
        return np.concatenate(found)

    def _recording(self, speech: np.ndarray) -> Buffer:
        return Buffer(speech, self.prefix, self.previous)

    def _outputs(
        self, recordings: Sequence[Buffer], form: Buffers, batch_size: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The number of a recording, and the encoder output (T, D) of its next buffer without prompt and context.

        The text before a recording belongs to its first buffer. Buffers of all recordings are encoded in batches.
        """
        none = self.section.special.get("na")
        later = [] if none is None else [none]
        waiting = (
            (number, place, recording._replace(speech=buffer, previous=later if place else recording.previous))
            for number, recording in enumerate(recordings)
            for place, buffer in enumerate(form.buffers(recording.speech))
        )
        while batch := list(itertools.islice(waiting, batch_size)):
            outputs = self._encode([buffer for _, _, buffer in batch])
            for (number, place, _), output in zip(batch, outputs, strict=True):
                last = output[0] if output.ndim == 3 else output
                yield number, form.inner(last, place, len(recordings[number].speech))

    def ctc_log_probs(
        self,
        speech: Any,
        batch_size: int | None = None,
        context_len_in_secs: float | None = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
    ) -> np.ndarray:
        """Log-probabilities (T, V) of CTC for one recording in buffers, natural logarithms in float32.

        Args:
            speech: Samples (T,), or the path of a recording.
            batch_size: Buffers that are encoded at once; default: the option.
            context_len_in_secs: Seconds of a buffer at either end that are left out; None: 2, in whole frames.
            lang_sym, task_sym: Instead of the options of these names.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A value that is not allowed.
        """
        own = self.prompted(None, lang_sym, task_sym)
        form = self.long_form.with_context(context_len_in_secs)
        outputs = own._outputs([own._recording(self.read(speech))], form, batch_size or self.batch_size)
        assert self._ctc is not None
        return np.concatenate([self._ctc.log_softmax(output[None])[0] for _, output in outputs if len(output)])

    def frames_of(self, speech: np.ndarray) -> np.ndarray:
        """Encoder output (T, D) of speech that `check` gave, in buffers."""
        return self.joined(speech, ())

    def decode_window(
        self,
        speech: Any,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        text_prev: Any = NO_TEXT,
    ) -> str:
        """The text of `best_path`, with symbols such as `<eng>`; raises what that raises."""
        return str(self.best_path(speech, text_prev, lang_sym, task_sym)[0].text or "")

    def decode_long(
        self,
        speech: Any,
        batch_size: int = 1,
        context_len_in_secs: float | None = None,
        *,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        **of_decoders: Any,
    ) -> list[tuple[float, float, str]]:
        """A recording of any length as one segment: start and end in seconds, and `decode_long_batched_buffered`.

        `of_decoders` are arguments of models that predict times, such as `init_text`, and have no effect.
        """
        for name in of_decoders.keys() - OF_DECODERS:
            raise OptionError(f"{name}: expected an argument of decode_long, found an unknown name")
        samples = self.read(speech)
        text = self.decode_long_batched_buffered(samples, batch_size, context_len_in_secs, lang_sym, task_sym)
        return [(0.0, len(samples) / self.sample_rate, text)]

    def iter_long(self, speech: Any, *arguments: Any, **keywords: Any) -> Iterator[tuple[float, float, str]]:
        """Yield what `decode_long` returns; it takes the same arguments."""
        yield from self.decode_long(speech, *arguments, **keywords)

    def decode_long_batched_buffered(
        self,
        speech: Any,
        batch_size: int = 1,
        context_len_in_secs: float | None = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
    ) -> str:
        """The text of a recording of any length, without symbols such as `<eng>`, by greedy CTC in buffers.

        Args:
            speech: Samples (T,), or the path of a recording.
            batch_size: Buffers that are encoded at once.
            context_len_in_secs: Seconds of a buffer at either end that are left out; None: 2, in whole frames.
            lang_sym, task_sym: Instead of the options of these names.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A value that is not allowed, or no tokenizer.
        """
        form = self.long_form.with_context(context_len_in_secs)
        return self._texts([[speech], NO_TEXT, lang_sym, task_sym], batch_size, form)[0]

    def batch_decode(  # type: ignore[override]
        self,
        speech: Any,
        batch_size: int = 16,
        context_len_in_secs: float | None = None,
        text_prev: Any = NO_TEXT,
        lang_sym: str | Sequence[str] | None = None,
        task_sym: str | Sequence[str] | None = None,
    ) -> str | list[str]:
        """The text of a recording of any length, or those of a list, without symbols, by greedy CTC in buffers.

        Args:
            speech: Samples (T,) or the path of a recording, or a list of these.
            batch_size: Buffers, of any recordings, that are encoded at once.
            context_len_in_secs: Seconds of a buffer at either end that are left out; None: 4, in whole frames.
            text_prev: Text before a recording, for its first buffer; one for all, or a list.
            lang_sym, task_sym: Instead of the options of these names; one for all, or a list.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A value that is not allowed, or no tokenizer.
        """
        context = self.long_form.nearest(BATCH_CONTEXT) if context_len_in_secs is None else context_len_in_secs
        form = self.long_form.with_context(context, whole=self.options.keep_prompt_frames)
        several = isinstance(speech, list | tuple)
        recordings = speech if several else [speech]
        texts = self._texts([recordings, text_prev, lang_sym, task_sym], batch_size, form)
        return texts if several else texts[0]

    def _texts(self, given: Sequence[Any], batch_size: int, form: Buffers) -> list[str]:
        """The texts of recordings, of which `given` holds speech, previous text, language and task."""
        if self.tokenizer is None:
            raise OptionError(
                "token_type: expected the kind of tokens, since the model's tokenizer is not known; found none"
            )
        require(is_integer(batch_size) and batch_size > 0, "batch_size", "an integer of at least 1", batch_size)
        speech, *prompt = given
        columns = [_each(name, values, len(speech)) for name, values in zip(PROMPT, prompt, strict=True)]
        recordings = []
        for number, (one, previous, language, task) in enumerate(zip(speech, *columns, strict=True), 1):
            name = "speech" if len(speech) == 1 else f"speech {number}"
            recordings.append(self.prompted(previous, language, task)._recording(self.read(one, name)))
        outputs = self._outputs(recordings, form, batch_size)
        texts = [""] * len(recordings)
        for number, pieces in itertools.groupby(outputs, key=lambda pair: pair[0]):
            tokens = self.result(self._best(output for _, output in pieces)).token
            texts[number] = self.tokenizer.tokens2text(without_tags(tokens))
        return texts


def _each(name: str, values: Any, count: int) -> list[Any]:
    """A value for each of `count` recordings, of a list with as many or of one value."""
    if not isinstance(values, list | tuple):
        return [values] * count
    require(len(values) == count, name, f"one value, or {count} of them", len(values))
    return list(values)


class S2TCTCSpeech2Text(Speech2Text, S2TCTCRecognizer):
    """Recognises or translates speech with a bundle of a model of OWSM-CTC's kind, without PyTorch.

    `espnet2.runtime.Speech2Text` makes one of such a bundle. Arguments are those of that class, with the options of
    `espnet2.runtime.s2t_ctc_options.S2TCTCOptions`.
    """

    task: ClassVar[str] = "s2t_ctc"
