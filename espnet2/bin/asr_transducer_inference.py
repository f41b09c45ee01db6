"""Recognise recordings with a stand-alone transducer: `python -m espnet2.bin.asr_transducer_inference --help`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from espnet.nets.beam_search import Hypothesis
from espnet2.bin import asr_inference
from espnet2.runtime.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Result
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str_or_none

BEAM_SIZE = 5
SEARCH_OPTIONS = ("beam_size", "lm_weight", "nbest", "batch_size", "timestamps")  # of `DecodeOptions`
# Options of upstream that are known here with their default only, and those that make no difference.
FIXED: Mapping[str, Any] = {
    "dtype": "float32",
    "quantize_asr_model": False,
    "quantize_modules": None,
    "quantize_dtype": "qint8",
}
IGNORED = {"seed": 0, "num_workers": 1}
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
        **others: Any,
    ) -> None:
        for name, value in FIXED.items():
            if others.pop(name, value) != value:
                raise OptionError(f"{name}: expected {value!r}, the only value known here, found another one")
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

    def __call__(self, speech: Any) -> list[Hypothesis]:
        """The n-best hypotheses for one utterance, best first; see `espnet2.runtime.asr.Recognizer`."""
        return [result.hypothesis for result in super().__call__(speech)]

    def hypotheses_to_results(self, nbest_hyps: Sequence[Hypothesis]) -> list[Result]:
        """Their texts and tokens."""
        return [self.result(hypothesis) for hypothesis in nbest_hyps]


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
    group = parser.add_argument_group("options of upstream's command, with one value or without effect")
    for name, value in FIXED.items():
        group.add_argument(f"--{name}", type=asr_inference.plain_value, default=value, help=f"{value} and nothing else")
    for name, number in IGNORED.items():
        group.add_argument(f"--{name}", type=int, default=number, help="without effect")
    return parser


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode

    return decode(args, lambda: _load(args))


def _load(args: argparse.Namespace) -> tuple[Speech2Text, int]:
    names = (*TOKENIZER_OPTIONS, *SEARCH_OPTIONS, "beam_search_config", *FIXED)
    options: dict[str, Any] = {**model_options(args), **{name: getattr(args, name) for name in names}}
    tag = options.pop("model_tag")
    speech2text = Speech2Text.from_pretrained(tag, device="cuda" if args.ngpu else "cpu", **options)
    return speech2text, speech2text.sample_rate


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
