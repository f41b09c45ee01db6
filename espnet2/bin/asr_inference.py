"""Recognise recordings with PyTorch: `python -m espnet2.bin.asr_inference --help`, and upstream's `Speech2Text`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.ngram import load_ngram
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str_or_none
from espnet2.utils.upstream_options import (
    FIXED,
    IGNORED,
    LAYERS,
    PRECISION,
    TOKENIZER,
    add_layers,
    add_other_options,
    plain_value,
    require,
    require_dtype,
    require_one_value,
)

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

    from espnet2.inference.trained import Trained


class Speech2Text(Recognizer):
    """Recognises speech with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        transducer_conf: Options of a transducer's search (`TransducerOptions`).
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        ngram_file: A KenLM model.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: Where PyTorch computes.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        model_file: A packed model, instead of configs and weights.
        model_tag: A packed model on the Hugging Face hub.
        quantize_asr_model, quantize_lm: Give layers of these types, `quantize_modules`, weights of another dtype,
            `quantize_dtype` (`qint8` or `float16`).
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        others: Further options of `DecodeOptions`, and of `espnet2.utils.upstream_options` with the value there.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        transducer_conf: Mapping[str, Any] | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        ngram_scorer: str = "full",
        ngram_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str | torch.device = "cpu",
        maxlenratio: float = DecodeOptions.maxlenratio,
        minlenratio: float = DecodeOptions.minlenratio,
        batch_size: int = DecodeOptions.batch_size,
        dtype: str = "float32",
        beam_size: int = DecodeOptions.beam_size,
        ctc_weight: float = DecodeOptions.ctc_weight,
        lm_weight: float = DecodeOptions.lm_weight,
        ngram_weight: float = DecodeOptions.ngram_weight,
        penalty: float = DecodeOptions.penalty,
        nbest: int = DecodeOptions.nbest,
        normalize_length: bool = DecodeOptions.normalize_length,
        *,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        quantize_asr_model: bool = False,
        quantize_lm: bool = False,
        quantize_modules: Sequence[str] | None = None,
        quantize_dtype: str = "qint8",
        untrained: bool = True,
        **others: Any,
    ) -> None:
        further = {option.name: others.pop(option.name) for option in fields(DecodeOptions) if option.name in others}
        require_dtype(dtype)
        require_known(others)
        options = DecodeOptions(
            beam_size=beam_size,
            ctc_weight=ctc_weight,
            lm_weight=lm_weight,
            ngram_weight=ngram_weight,
            penalty=penalty,
            maxlenratio=maxlenratio,
            minlenratio=minlenratio,
            nbest=nbest,
            normalize_length=normalize_length,
            batch_size=batch_size,
            transducer_conf=transducer_conf,
            **further,
        )
        from espnet2.inference.trained import load_trained

        trained = load_trained(
            asr_train_config=asr_train_config,
            asr_model_file=asr_model_file,
            lm_train_config=lm_train_config,
            lm_file=lm_file,
            ngram_file=ngram_file,
            model_file=model_file,
            model_tag=None if model_tag is None else str(model_tag),
            untrained=untrained,
            family=family_of("asr"),
        )
        options = _with_blocks(options, trained.model)
        prepare(trained, str(device), dtype)
        quantize(trained, quantize_asr_model, quantize_lm, quantize_modules or ["Linear"], quantize_dtype)
        self.trained = trained
        self.device, self.dtype = str(device), dtype
        self.asr_model, self.asr_train_args = trained.model, trained.config
        model = model_of(trained, options, token_type, bpemodel, ngram_scorer)
        warn_of_unread(options, model.scorers)
        super().__init__(model, options)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The recogniser of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(**packed(model_tag, options))


def model_of(
    trained: Trained,
    options: DecodeOptions,
    token_type: str | None,
    bpemodel: Path | str | None,
    ngram_scorer: str,
) -> SearchModel:
    """The model that a recogniser runs, with another tokenizer and kind of n-gram scorer where they are given."""
    from espnet2.tasks.recognition import tokenizer_of

    tokens, path = trained.section.tokens, trained.files.get("ngram_file")
    ngram = load_ngram(path, tokens, ngram_scorer, options.ngram_weight)
    tokenizer = trained.tokenizer
    if token_type or bpemodel:
        tokenizer = tokenizer_of(trained.model, trained.config, token_type, bpemodel)
    return SearchModel(trained.graphs, trained.section, tokenizer, ngram)


def packed(model_tag: Path | str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that name a packed model as `model_file` where it is a file or directory, else as `model_tag`."""
    local = model_tag is not None and Path(model_tag).exists() and options.get("model_file") is None
    return {**options, "model_file" if local else "model_tag": model_tag}


def _with_blocks(options: DecodeOptions, model: Any) -> DecodeOptions:
    """Options of a simulated stream have the encoder's blocks, but for what is given of them."""
    blocks = getattr(model.encoder, "blocks", None)
    if not options.streaming or blocks is None:
        return options
    names = "search_block_size", "search_hop_size", "search_look_ahead"
    own = {name: frames for name, frames in zip(names, blocks, strict=True) if getattr(options, name) < 0}
    return dataclasses.replace(options, **own)


def require_known(others: Mapping[str, Any]) -> None:
    """Raise `OptionError` for keywords that upstream's class has not, or that have one value only and another one."""
    for name in others:
        if name not in FIXED and name not in IGNORED:
            raise OptionError(f"{name}: expected an option of Speech2Text, found an unknown name")
    require(others)


def prepare(trained: Trained, device: str, dtype: str) -> None:
    """Move a model to where PyTorch computes, in its precision; raises `OptionError` for what PyTorch cannot do."""
    from espnet2.torch_utils.precision import convert
    from espnet2.torch_utils.to_device import to_device

    for module, _ in trained.parts:
        to_device(module, device)
    convert((module for module, _ in trained.parts), dtype)


def quantize(trained: Trained, recogniser: bool, lm: bool, layers: Sequence[str], dtype: str) -> None:
    """Give layers of the recogniser, or of its language model, weights of another dtype."""
    from espnet2.torch_utils.precision import quantize

    count = len(trained.model.parts())
    quantize([trained.model] if recogniser else [], layers, dtype)
    quantize([module for module, _ in trained.parts[count:]] if lm else [], layers, dtype)


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference",
        description="Recognise recordings with a trained model, on PyTorch. With recordings, the text of each is one "
        "line of the output; with a list and an output directory, results are written as a recipe decodes.",
    )
    add_pytorch_options(parser)
    add_decode_arguments(parser)
    add_other_options(parser)
    return parser


def add_pytorch_options(parser: ArgumentParser) -> None:
    """The options of a trained model, and how PyTorch runs it."""
    add_model_options(parser)
    group = parser.add_argument_group("model")
    group.add_argument("--ngram_scorer", default="full", help="full or part (default: full)")
    for name, text in TOKENIZER.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    group.add_argument("--num_threads", type=int, help="threads of PyTorch (default: PyTorch's)")
    for name, value in PRECISION.items():
        text = "as upstream's option of this name"
        if name == LAYERS:
            add_layers(group, f"{text} (default: Linear)")
            continue
        group.add_argument(f"--{name}", type=plain_value, default=value, help=f"{text} (default: {value})")


def pytorch_options(args: argparse.Namespace) -> dict[str, Any]:
    """Their values, as keywords of `Speech2Text`; `num_threads` is set."""
    if args.num_threads is not None:
        import torch

        if args.num_threads < 1:
            raise OptionError(f"num_threads: expected at least 1, found {args.num_threads}")
        torch.set_num_threads(args.num_threads)
    own = {name: getattr(args, name) for name in ("ngram_scorer", *TOKENIZER, *PRECISION)}
    return {**model_options(args), **own, "device": "cuda" if args.ngpu > 0 else "cpu"}


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import UtteranceRunner, decode

    return decode(args, lambda: UtteranceRunner(*load(args)))


def load(args: argparse.Namespace, kind: type[Speech2Text] = Speech2Text) -> tuple[Speech2Text, int]:
    """The recogniser that the options describe, and its sampling rate in Hz."""
    from espnet2.runtime.decode import decode_options

    require_one_value(args)
    options = {**pytorch_options(args), **decode_options(args), "untrained": False}
    speech2text = kind.from_pretrained(options.pop("model_tag"), **options)
    return speech2text, speech2text.sample_rate


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
