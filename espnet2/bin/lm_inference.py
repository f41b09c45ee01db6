"""Continue texts with a language model: `python -m espnet2.bin.lm_inference --help`, and upstream's `GenerateText`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.bin.lm_calc_perplexity import add_text_options
from espnet2.inference.lm_inference import GenerateText, continue_texts, inference
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str2bool, str_or_none
from espnet2.utils.upstream_options import add_layers

__all__ = ["GenerateText", "get_parser", "inference", "main"]

WORD_LM = ("word_lm_train_config", "word_lm_file")  # options of upstream with one value
FILES = {
    "lm_train_config": "config.yaml of the language model",
    "lm_file": "its weights",
    "ngram_file": "KenLM n-gram model (.arpa or .bin)",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
    "token_type": "kind of tokens, instead of the config's",
    "bpemodel": "SentencePiece model, instead of the config's",
}
SEARCH: tuple[tuple[str, Any, Any, str], ...] = (
    ("batch_size", int, 1, "1 and nothing else"),
    ("nbest", int, 1, "results of each text"),
    ("beam_size", int, 20, "hypotheses kept at each step"),
    ("penalty", float, 0.0, "added for each token"),
    ("maxlen", int, 100, "most tokens that are added"),
    ("minlen", int, 1, "fewest tokens that are added"),
    ("ngram_weight", float, 0.0, "weight of the n-gram model"),
)


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.lm_inference",
        description="Go on with each text of a file by a language model, and write the n best continuations.",
    )
    parser.add_argument("--output_dir", required=True, help="where 1best_recog/{text,token,token_int,score}, ... go")
    add_text_options(parser)
    for name, text in FILES.items():
        parser.add_argument(f"--{name}", type=str_or_none, help=text)
    for name, kind, default, text in SEARCH:
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (default: {default})")
    parser.add_argument("--quantize_lm", type=str2bool, default=False, help="quantise layers (default: false)")
    add_layers(parser, "which layers (default: Linear)")
    parser.add_argument("--quantize_dtype", default="qint8", help="qint8 or float16 (default: qint8)")
    parser.add_argument("--dtype", default="float32", help="float32 and nothing else")
    for name in WORD_LM:
        parser.add_argument(f"--{name}", type=str_or_none, help="None and nothing else")
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), continue_texts, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
