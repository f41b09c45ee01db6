"""Recognise streams with PyTorch: `python -m espnet2.bin.asr_inference_streaming --help`, and upstream's class."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.bin.asr_inference import OTHER_OPTIONS, move, plain_value
from espnet2.bin.export_onnx import CHUNK_OPTIONS
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.bundle_parts import load_ngram
from espnet2.runtime.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Result
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str_or_none

if TYPE_CHECKING:
    from espnet2.runtime.decode_streaming import Streams

# Options of upstream that are known here with their default only.
FIXED: Mapping[str, Any] = {"dtype": "float32", "decoder_text_length_limit": 0}
# Options of upstream's command that make no difference: nothing is random, and one process reads and recognises.
IGNORED = {"seed": 0, "num_workers": 1}


class Speech2TextStreaming(StreamingRecognizer):
    """Recognises streams with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    As in upstream's, the samples after the last ones of a stream begin another one.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: Where PyTorch computes.
        model_file: A packed model, instead of configs and weights.
        ngram_file: A KenLM model.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        chunks: Of an encoder that hears chunks of any size: `chunk_size`, `left_context` and `right_context`, in its
            frames.
        others: Options of `DecodeOptions`, and those of `FIXED` with the value that they have there.

    Raises:
        OptionError: The model needs whole utterances, or an option is not known or has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        *,
        model_file: Path | str | None = None,
        model_tag: str | None = None,
        ngram_file: Path | str | None = None,
        ngram_scorer: str = "full",
        chunks: Mapping[str, int | None] | None = None,
        **others: Any,
    ) -> None:
        for name, value in FIXED.items():
            if others.pop(name, value) != value:
                raise OptionError(f"{name}: expected {value!r}, the only value known here, found another one")
        options = DecodeOptions.from_keywords(others)
        from espnet2.export.trained import load_trained

        trained = load_trained(
            *(asr_train_config, asr_model_file, lm_train_config, lm_file, ngram_file, model_file, model_tag),
            streaming=True,
            chunks=chunks,
        )
        move(trained.parts, device)
        self.asr_model, self.asr_train_args = trained.model, trained.config
        graphs, tokenizer = trained.graphs, trained.tokenizer
        if token_type or bpemodel:
            tokenizer = load_tokenizer(token_type or trained.config.token_type, bpemodel or trained.config.bpemodel)
        ngram = load_ngram(trained.files.get("ngram_file"), trained.token_list, ngram_scorer, options.ngram_weight)
        warn_of_unread(options, [*graphs, *(["ngram"] if ngram is not None else [])])
        super().__init__(
            graphs,
            trained.streaming,
            trained.token_list,
            tokenizer,
            trained.special,
            options,
            ngram,
            trained.generation,
            trained.sample_rate,
        )

    def __call__(self, speech: Any, is_final: bool = True) -> list[Result]:
        """The results so far, best first, with the next samples of the stream; `is_final` ends it."""
        results = super().__call__(speech, is_final)
        if is_final:
            self.reset()
        return results


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_streaming",
        description="Recognise recordings as streams with a trained model, on PyTorch. Without an output directory, "
        "the text is shown as it grows; with one, results are written as a recipe decodes.",
    )
    add_model_options(parser)
    group = parser.add_argument_group("model")
    for name, (default, text) in OTHER_OPTIONS.items():
        group.add_argument(f"--{name}", type=str_or_none, default=default, help=text)
    for name, text in CHUNK_OPTIONS.items():
        group.add_argument(f"--{name}", type=int, help=text)
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    parser.add_argument(
        "--sim_chunk_length", type=int, default=0, help="samples that come at once; 0: all (default: 0)"
    )
    add_decode_arguments(parser)
    group = parser.add_argument_group("options of upstream's command, with one value or without effect")
    for name, value in FIXED.items():
        group.add_argument(f"--{name}", type=plain_value, default=value, help=f"{value} and nothing else")
    for name, number in IGNORED.items():
        group.add_argument(f"--{name}", type=int, default=number, help="without effect")
    return parser


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode_by

    if args.sim_chunk_length < 0:
        raise OptionError(f"--sim_chunk_length: expected a number of samples, or 0, found {args.sim_chunk_length}")
    return decode_by(args, lambda: _load(args))


def _load(args: argparse.Namespace) -> Streams:
    from espnet2.runtime.decode import decode_options
    from espnet2.runtime.decode_streaming import Streams

    options = {**model_options(args), **decode_options(args)}
    options |= {name: getattr(args, name) for name in (*OTHER_OPTIONS, *FIXED)}
    chunks = {name: getattr(args, name) for name in CHUNK_OPTIONS}
    speech2text = Speech2TextStreaming(device="cuda" if args.ngpu else "cpu", chunks=chunks, **options)
    return Streams(speech2text, args.sim_chunk_length)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
