"""Recognise recordings with a stand-alone transducer: `python -m espnet2.bin.asr_transducer_inference --help`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet.nets.beam_search import Hypothesis
from espnet2.bin import asr_inference
from espnet2.runtime.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Result
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str2bool, str_or_none

if TYPE_CHECKING:
    from espnet2.runtime.asr_streaming import StreamingRecognizer
    from espnet2.runtime.decode import Way

BEAM_SIZE = 5
WINDOW, LEFT_CONTEXT = 640, 32  # in ms, and in frames of the encoder
# Of `DecodeOptions`.
SEARCH_OPTIONS = ("beam_size", "lm_weight", "nbest", "batch_size", "timestamps", "long_form", "memory_limit")
# Options of upstream that are known here with their default only, and those that make no difference.
FIXED: Mapping[str, Any] = {
    "dtype": "float32",
    "quantize_asr_model": False,
    "quantize_modules": None,
    "quantize_dtype": "qint8",
}
IGNORED = {"seed": 0, "num_workers": 1, "display_hypotheses": False}  # texts are shown where no files are written
STREAM_OPTIONS = ("streaming", "decoding_window", "left_context")
TOKENIZER_OPTIONS = ("token_type", "bpemodel")


class Speech2Text(asr_inference.Speech2Text):
    """Recognises speech with a stand-alone transducer, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        beam_search_config: Options of the search (`TransducerOptions`).
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: Where PyTorch computes.
        streaming: Make `streaming_decode` possible.
        decoding_window: Of a stream, what the encoder takes at once, in ms.
        left_context: What it hears before that, in frames after the input block.
        others: Of `espnet2.bin.asr_inference.Speech2Text`, and those of `FIXED` with the value that they have there.

    Raises:
        OptionError: The model is another one, or an option has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        beam_search_config: Mapping[str, Any] | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        beam_size: int = BEAM_SIZE,
        dtype: str = "float32",
        lm_weight: float = DecodeOptions.lm_weight,
        nbest: int = DecodeOptions.nbest,
        streaming: bool = False,
        decoding_window: int = WINDOW,
        left_context: int = LEFT_CONTEXT,
        **others: Any,
    ) -> None:
        for name, value in FIXED.items():
            found = others.pop(name, value)
            if found != value:
                raise OptionError(f"{name}: expected {value!r}, the only value known here, found {found!r}")
        super().__init__(
            asr_train_config,
            asr_model_file,
            beam_search_config,
            lm_train_config,
            lm_file,
            token_type=token_type,
            bpemodel=bpemodel,
            device=device,
            beam_size=beam_size,
            dtype=dtype,
            lm_weight=lm_weight,
            nbest=nbest,
            **others,
        )
        from espnet2.asr_transducer.espnet_transducer_model import ESPnetASRTransducerModel

        if not isinstance(self.asr_model, ESPnetASRTransducerModel):
            found = type(self.asr_model).__name__
            raise OptionError(f"asr_model_file: expected a stand-alone transducer, found {found}")
        self.window = decoding_window * self.sample_rate // 1000
        self.stream = self._stream(left_context) if streaming else None

    def _stream(self, left_context: int) -> StreamingRecognizer:
        """The recogniser of streams, which are cut into the chunks that windows are made of."""
        frame = self.asr_model.frame_samples()
        if self.window < frame:
            least = 1000 * frame / self.sample_rate
            found = 1000 * self.window / self.sample_rate
            raise OptionError(f"decoding_window: expected at least {least:g} ms, which a frame lasts, found {found:g}")
        trained = self.trained.as_streams({"chunk_size": self.window // frame, "left_context": left_context})
        return dataclasses.replace(trained, tokenizer=self.tokenizer).streaming_recognizer(self.options)

    def __call__(self, speech: Any) -> list[Hypothesis]:
        """The n-best hypotheses for one utterance, best first; see `espnet2.runtime.asr.Recognizer`."""
        return [result.hypothesis for result in super().__call__(speech)]

    def hypotheses_to_results(self, nbest_hyps: Sequence[Hypothesis]) -> list[Result]:
        """Their texts and tokens."""
        return [self.result(hypothesis) for hypothesis in nbest_hyps]

    def streaming_decode(self, speech: Any, is_final: bool = False) -> list[Hypothesis]:
        """The hypotheses so far, best first, with the next samples of a stream, as many as there are.

        After the last ones another stream begins.
        """
        if self.stream is None:
            raise OptionError("streaming: expected True of a recogniser of streams, found False")
        results = self.stream(speech, is_final)
        if is_final:
            self.stream.reset()
        return [result.hypothesis for result in results]

    def reset_streaming_cache(self) -> None:
        """Begin another stream."""
        if self.stream is not None:
            self.stream.reset()


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import KINDS, add_recording_arguments, mapping

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_transducer_inference",
        description="Recognise recordings with a stand-alone transducer, on PyTorch. With recordings, the text of each "
        "is one line of the output; with a list and an output directory, results are written as a recipe decodes.",
    )
    add_model_options(parser, leave_out=["ngram_file"])
    group = parser.add_argument_group("model")
    for name in TOKENIZER_OPTIONS:
        group.add_argument(f"--{name}", type=str_or_none, help=asr_inference.OTHER_OPTIONS[name][1])
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    add_recording_arguments(parser)
    group = parser.add_argument_group("search")
    for option in fields(DecodeOptions):
        if option.name in SEARCH_OPTIONS:
            default = BEAM_SIZE if option.name == "beam_size" else option.default
            kind = KINDS.get(type(default), type(default))
            text = f"{option.metadata['help']} (default: {default})"
            group.add_argument(f"--{option.name}", type=kind, default=default, help=text)
    group.add_argument("--beam_search_config", type=mapping, help="options of the search, as {search_type: maes}")
    group = parser.add_argument_group("streams")
    group.add_argument(
        "--streaming",
        type=str2bool,
        default=False,
        help="hear streams, a window at a time (default: False)",
    )
    group.add_argument(
        "--decoding_window",
        type=int,
        default=WINDOW,
        help="what the encoder takes at once, in ms (default: 640)",
    )
    group.add_argument(
        "--left_context",
        type=int,
        default=LEFT_CONTEXT,
        help="what it hears before that, in frames after the input block (default: 32)",
    )
    group = parser.add_argument_group("options of upstream's command, with one value or without effect")
    for name, value in FIXED.items():
        group.add_argument(f"--{name}", type=asr_inference.plain_value, default=value, help=f"{value} and nothing else")
    for name, value in IGNORED.items():
        group.add_argument(f"--{name}", type=asr_inference.plain_value, default=value, help="without effect")
    return parser


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode_by

    return decode_by(args, lambda: _load(args))


def _load(args: argparse.Namespace) -> Way:
    from espnet2.runtime.decode import Utterances
    from espnet2.runtime.decode_streaming import Streams

    names = (*TOKENIZER_OPTIONS, *SEARCH_OPTIONS, "beam_search_config", *STREAM_OPTIONS, *FIXED)
    options: dict[str, Any] = {**model_options(args), **{name: getattr(args, name) for name in names}}
    tag = options.pop("model_tag")
    speech2text = Speech2Text.from_pretrained(tag, device="cuda" if args.ngpu else "cpu", **options)
    if speech2text.stream is not None:
        return Streams(speech2text.stream, speech2text.window)
    return Utterances(speech2text, speech2text.sample_rate)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
