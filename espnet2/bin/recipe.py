"""Run a stage of a recipe on data, texts or scores: `python -m espnet2.bin.recipe --help`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import UnfitValueError, positive_int, str2bool, str_or_none


class Command(NamedTuple):
    """A subcommand: its help, function, and arguments for `add_argument`."""

    function: Callable[[argparse.Namespace], None]
    help: str
    arguments: dict[str, dict[str, Any]]


def validate(args: argparse.Namespace) -> None:
    from espnet2.recipe.validate import validate_data_dir

    for directory in args.directories:
        validate_data_dir(directory, args.text)


def combine(args: argparse.Namespace) -> None:
    from espnet2.recipe.data_dir import combine as combine_dirs
    from espnet2.recipe.files import require_other
    from espnet2.recipe.validate import validate_data_dir

    for directory in args.directories:
        require_other(directory, args.output_dir)
    combine_dirs([validate_data_dir(directory) for directory in args.directories]).write(args.output_dir)


def speed(args: argparse.Namespace) -> None:
    from espnet2.recipe.speed import perturb_data_dir

    perturb_data_dir(args.source, args.target, args.factors)


def format_audio(args: argparse.Namespace) -> None:
    from espnet2.recipe.format_audio import format_data_dir

    format_data_dir(args.source, args.target, args.fs, args.audio_format, args.nj)


def trim(args: argparse.Namespace) -> None:
    from espnet2.recipe.trim import trim_data_dir

    trim_data_dir(args.source, args.target, args.fs, args.min_wav_duration, args.max_wav_duration)


def texts(args: argparse.Namespace) -> None:
    from espnet2.recipe.texts import merge_texts

    merge_texts(args.inputs, args.output, args.keys)


def bpe(args: argparse.Namespace) -> None:
    from espnet2.recipe.bpe import train_bpe
    from espnet2.text.symbols import read_symbols

    symbols = () if args.nlsyms is None else sorted(read_symbols(args.nlsyms))
    train_bpe(args.input, args.output_dir, args.nbpe, args.bpemode, symbols, args.options)


def split(args: argparse.Namespace) -> None:
    from espnet2.recipe.splits import split_keys

    print(split_keys(dict(args.tables), args.output_dir, args.nj))


def merge(args: argparse.Namespace) -> None:
    from espnet2.recipe.splits import merge_decodes

    merge_decodes(args.parts, args.output_dir, args.keys)


def merge_speech(args: argparse.Namespace) -> None:
    from espnet2.recipe.splits import merge_speech as merge_syntheses

    merge_syntheses(args.parts, args.output_dir)


def score(args: argparse.Namespace) -> None:
    from espnet2.recipe.score import score as score_texts
    from espnet2.text.build_tokenizer import build_tokenizer
    from espnet2.text.cleaner import TextCleaner

    tokenizer, clean = build_tokenizer(args.token_type, args.bpemodel, args.nlsyms), TextCleaner(args.cleaner)
    counts = score_texts(
        args.ref, args.hyp, args.output_dir, lambda text: tokenizer.text2tokens(clean(text)), args.utt2spk
    )
    print(f"{args.output_dir}: {counts.error_rate:.2f} % ({counts.errors} of {counts.tokens})")


def results(args: argparse.Namespace) -> None:
    from espnet2.recipe.results import System, write_results

    write_results(args.output, args.title, [System.parse(text) for text in args.system], args.sets)


def named_path(text: str) -> tuple[str, str]:
    """Parse `NAME=PATH`; raises `UnfitValueError` for anything else."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UnfitValueError(f"expected NAME=PATH, found {text!r}")
    return name, path


def options_by_name(text: str) -> dict[str, Any]:
    """Parse options in YAML's inline form; raises `UnfitValueError` for anything else."""
    from espnet2.utils.types import mapping_or_none

    return {str(name): value for name, value in (mapping_or_none(text) or {}).items()}


FROM_TO = {"source": {"help": "data directory to read"}, "target": {"help": "data directory to write"}}
FS = {"type": positive_int, "default": 16000, "help": "sampling rate in Hz (default: 16000)"}
COMMANDS = {
    "validate": Command(
        validate,
        "check data directories",
        {
            "directories": {"nargs": "+", "help": "with wav.scp, text, utt2spk and, optionally, segments and spk2utt"},
            "--text": {"type": str2bool, "default": True, "help": "require a text (default: true)"},
        },
    ),
    "combine": Command(
        combine,
        "join data directories",
        {
            "directories": {"nargs": "+", "help": "data directories of different utterances"},
            "--output_dir": {"required": True, "help": "data directory to write"},
        },
    ),
    "speed": Command(
        speed,
        "write a data directory at several speeds",
        {**FROM_TO, "factors": {"nargs": "+", "type": float, "help": "such as 0.9 1.0 1.1"}},
    ),
    "format": Command(
        format_audio,
        "write the audio of a data directory, a file for each utterance",
        {
            **FROM_TO,
            "--fs": FS,
            "--audio_format": {"default": "flac", "help": "flac or wav (default: flac)"},
            "--nj": {"type": positive_int, "default": 1, "help": "recordings at a time (default: 1)"},
        },
    ),
    "trim": Command(
        trim,
        "remove utterances that are too long or short, or have no text",
        {
            **FROM_TO,
            "--fs": FS,
            "--min_wav_duration": {"type": float, "default": 0.1, "help": "in seconds (default: 0.1)"},
            "--max_wav_duration": {"type": float, "default": 20.0, "help": "in seconds (default: 20)"},
        },
    ),
    "texts": Command(
        texts,
        "join texts",
        {
            "inputs": {"nargs": "+", "help": "Kaldi-style texts"},
            "--output": {"required": True, "help": "file to write"},
            "--keys": {"type": str2bool, "default": True, "help": "with the keys of the lines (default: true)"},
        },
    ),
    "bpe": Command(
        bpe,
        "train a sentencepiece model",
        {
            "--input": {"required": True, "help": "a sentence on each line"},
            "--output_dir": {"required": True, "help": "output directory of bpe.model, bpe.vocab and tokens.txt"},
            "--nbpe": {"type": positive_int, "required": True, "help": "number of pieces"},
            "--bpemode": {"default": "unigram", "help": "unigram, bpe, char or word (default: unigram)"},
            "--nlsyms": {"type": str_or_none, "help": "file of symbols that are one piece each"},
            "--options": {
                "type": options_by_name,
                "default": "",
                "help": "further options of sentencepiece, as {max_sentencepiece_length: 4}",
            },
        },
    ),
    "split": Command(
        split,
        "split tables by keys for jobs, and print the number of parts",
        {
            "tables": {"nargs": "+", "type": named_path, "metavar": "NAME=PATH", "help": "tables, such as wav.scp"},
            "--output_dir": {"required": True, "help": "output directory of NAME.1.scp, NAME.2.scp, ..."},
            "--nj": {"type": positive_int, "default": 1, "help": "largest number of parts (default: 1)"},
        },
    ),
    "merge": Command(
        merge,
        "merge the decodes of jobs",
        {
            "parts": {"nargs": "+", "help": "directories of decodes"},
            "--output_dir": {"required": True, "help": "output directory of 1best_recog/text and others"},
            "--keys": {"type": str_or_none, "help": "table of the utterances that must be in them, or in failures"},
        },
    ),
    "merge_speech": Command(
        merge_speech,
        "merge the syntheses of jobs",
        {
            "parts": {"nargs": "+", "help": "directories of syntheses"},
            "--output_dir": {"required": True, "help": "output directory of wav/wav.scp and others"},
        },
    ),
    "score": Command(
        score,
        "score texts, and write counts and aligned texts",
        {
            "--ref": {"required": True, "help": "reference texts by utterance"},
            "--hyp": {"required": True, "help": "recognised texts by utterance"},
            "--output_dir": {"required": True, "help": "output directory of result.txt and counts.json"},
            "--token_type": {"default": "word", "help": "word, char or bpe: WER, CER or TER (default: word)"},
            "--bpemodel": {"type": str_or_none, "help": "SentencePiece model of token_type bpe"},
            "--nlsyms": {"type": str_or_none, "help": "file of symbols that are one token each"},
            "--cleaner": {"type": str_or_none, "help": "text normalisation of both sides"},
            "--utt2spk": {"type": str_or_none, "help": "for a row per speaker"},
        },
    ),
    "results": Command(
        results,
        "write RESULTS.md",
        {
            "sets": {"nargs": "+", "help": "names of the sets"},
            "--output": {"required": True, "help": "file to write"},
            "--title": {"default": "Results", "help": "heading (default: Results)"},
            "--system": {
                "action": "append",
                "required": True,
                "help": "NAME=DIRECTORY,FILE,...: a way of recognising, the directory with a decode of each set, and "
                "the files that make its size (BUNDLE:fp32 and BUNDLE:int8 for graphs)",
            },
        },
    ),
}


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.recipe",
        description="The steps of asr.sh and tts.sh of egs2/TEMPLATE that are not commands of their own.",
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, command in COMMANDS.items():
        step = steps.add_parser(name, help=command.help, description=command.help)
        for option, settings in command.arguments.items():
            step.add_argument(option, **settings)
        add_log_level(step)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: COMMANDS[args.step].function(args), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
