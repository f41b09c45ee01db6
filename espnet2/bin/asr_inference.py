"""Recognise recordings with PyTorch: `python -m espnet2.bin.asr_inference --help`, and upstream's `Speech2Text`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.runtime.asr import Recognizer
from espnet2.runtime.bundle_parts import load_ngram
from espnet2.runtime.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str_or_none

if TYPE_CHECKING:
    from typing_extensions import Self

# Options of upstream that are known here with their default only.
FIXED: Mapping[str, Any] = {
    "dtype": "float32",
    "enh_s2t_task": False,
    "quantize_asr_model": False,
    "quantize_lm": False,
    "quantize_modules": ["Linear"],
    "quantize_dtype": "qint8",
    "lid_prompt": False,
    "lang_prompt_token": None,
    "nlp_prompt_token": None,
    "prompt_token_file": None,
}
# Options of upstream that make no difference here: nothing is random, one process reads and recognises, and segments
# of partial_ar are searched one after the other.
IGNORED = {"seed": 0, "num_workers": 1, "max_mask_parallel": -1}
# Default, meaning.
OTHER_OPTIONS = {
    "ngram_scorer": ("full", "full or part (default: full)"),
    "token_type": (None, "kind of tokens, instead of the config's"),
    "bpemodel": (None, "SentencePiece model, instead of the config's"),
}


class Speech2Text(Recognizer):
    """Recognises speech with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        transducer_conf: Options of a transducer's search (`TransducerOptions`).
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        ngram_file: A KenLM model.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: Where PyTorch computes.
        model_file: A packed model, instead of configs and weights.
        model_tag: A packed model on the Hugging Face hub.
        others: Further options of `DecodeOptions`, and those of `FIXED` with the value that they have there.

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
        device: str = "cpu",
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
        **others: Any,
    ) -> None:
        further = {option.name: others.pop(option.name) for option in fields(DecodeOptions) if option.name in others}
        _require_fixed({"dtype": dtype, **others})
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
        from espnet2.export.trained import load_trained

        trained = load_trained(
            *(asr_train_config, asr_model_file, lm_train_config, lm_file, ngram_file, model_file),
            model_tag=None if model_tag is None else str(model_tag),
        )
        options = _with_blocks(options, trained.model)
        move(trained.parts, device)
        self.trained = trained
        self.asr_model, self.asr_train_args, self.sample_rate = trained.model, trained.config, trained.sample_rate
        token_list = trained.token_list
        graphs, tokenizer = trained.graphs, trained.tokenizer
        if token_type or bpemodel:
            tokenizer = load_tokenizer(token_type or trained.config.token_type, bpemodel or trained.config.bpemodel)
        ngram = load_ngram(trained.files.get("ngram_file"), token_list, ngram_scorer, ngram_weight)
        warn_of_unread(options, [*graphs, *(["ngram"] if ngram is not None else [])])
        super().__init__(
            graphs,
            token_list,
            tokenizer,
            trained.special,
            options,
            ngram,
            trained.generation,
            trained.sample_rate,
        )

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The recogniser of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        if model_tag is not None and Path(model_tag).exists() and options.get("model_file") is None:
            return cls(**{**options, "model_file": model_tag})
        return cls(model_tag=model_tag, **options)


def _with_blocks(options: DecodeOptions, model: Any) -> DecodeOptions:
    """Options of a simulated stream have the encoder's blocks, but for what is given of them."""
    blocks = getattr(model.encoder, "blocks", None)
    if not options.streaming or blocks is None:
        return options
    names = "search_block_size", "search_hop_size", "search_look_ahead"
    own = {name: frames for name, frames in zip(names, blocks, strict=True) if getattr(options, name) < 0}
    return dataclasses.replace(options, **own)


def _require_fixed(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name in IGNORED:
            continue
        if name not in FIXED:
            raise OptionError(f"{name}: expected an option of Speech2Text, found an unknown name")
        if value != FIXED[name]:
            raise OptionError(f"{name}: expected {FIXED[name]!r}, the only value known here, found {value!r}")


def move(parts: Sequence[tuple[Any, Any]], device: str) -> None:
    """Move modules to where PyTorch computes; raises `OptionError` for a device that it cannot use."""
    from espnet2.torch_utils.to_device import to_device

    for module, _ in parts:
        to_device(module, device)


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference",
        description="Recognise recordings with a trained model, on PyTorch. With recordings, the text of each is one "
        "line of the output; with a list and an output directory, results are written as a recipe decodes.",
    )
    add_model_options(parser)
    group = parser.add_argument_group("model")
    for name, (default, text) in OTHER_OPTIONS.items():
        group.add_argument(f"--{name}", type=str_or_none, default=default, help=text)
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    add_decode_arguments(parser)
    group = parser.add_argument_group("options of upstream's command, with one value or without effect")
    for name, default in FIXED.items():
        group.add_argument(f"--{name}", type=plain_value, default=default, help=f"{default} and nothing else")
    for name, number in IGNORED.items():
        group.add_argument(f"--{name}", type=int, default=number, help="without effect")
    return parser


def plain_value(text: str) -> Any:
    """A number, a truth value, a list or a word, as YAML reads it."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(text) from error


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode

    return decode(args, lambda: load(args))


def load(args: argparse.Namespace, kind: type[Speech2Text] = Speech2Text) -> tuple[Speech2Text, int]:
    """The recogniser that the options describe, and its sampling rate in Hz."""
    from espnet2.runtime.decode import decode_options

    options: dict[str, Any] = model_options(args)
    options |= {name: getattr(args, name) for name in (*OTHER_OPTIONS, *FIXED)}
    options |= {"device": "cuda" if args.ngpu > 0 else "cpu", **decode_options(args)}
    speech2text = kind.from_pretrained(options.pop("model_tag"), **options)
    return speech2text, speech2text.sample_rate


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
