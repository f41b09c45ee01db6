"""Write data directories of a corpus: `python -m espnet2.bin.prepare_corpus --help`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import positive_int


def digits(args: argparse.Namespace) -> None:
    from espnet2.recipe.corpora.digits import make_digits

    counts = dict(pair.split("=", 1) for pair in args.counts)
    make_digits(args.audio, args.data, args.nj, args.seed, {name: int(count) for name, count in counts.items()})


def digits_tts(args: argparse.Namespace) -> None:
    from espnet2.recipe.corpora.digits_tts import make_digits_tts

    counts = dict(pair.split("=", 1) for pair in args.counts)
    make_digits_tts(args.audio, args.data, args.hop, args.seed, {name: int(count) for name, count in counts.items()})


def kaldi(args: argparse.Namespace) -> None:
    from espnet2.recipe.corpora.kaldi import prepare_kaldi

    prepare_kaldi(args.corpus, args.data, args.sets, args.lm_text, args.suffix)


def download(args: argparse.Namespace) -> None:
    from espnet2.recipe.download import download as fetch

    fetch(args.url, args.directory, args.holds)


def an4(args: argparse.Namespace) -> None:
    from espnet2.recipe.corpora.an4 import prepare_an4

    prepare_an4(args.corpus, args.data)


def librispeech(args: argparse.Namespace) -> None:
    from espnet2.recipe.corpora.librispeech import prepare_librispeech

    prepare_librispeech(args.corpus, args.data, args.parts)


def _count(text: str) -> str:
    name, _, count = text.partition("=")
    if not name or not count.isdecimal():
        raise ValueError(f"expected SET=NUMBER, found {text!r}")
    return text


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help="output directory")


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="tar archive")
    parser.add_argument("--directory", required=True, help="directory to unpack it in")
    parser.add_argument("--holds", required=True, help="a path in it; if it exists already, nothing is fetched")


def _add_digits(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--audio", required=True, help="where recordings go")
    parser.add_argument("--nj", type=positive_int, default=2, help="recordings at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other recordings (default: 0)")
    parser.add_argument("--counts", nargs="*", type=_count, default=[], metavar="SET=N", help="sizes of sets")


def _add_digits_tts(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--audio", required=True, help="where recordings go")
    parser.add_argument("--hop", type=positive_int, default=256, help="samples of a frame (default: 256)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other recordings (default: 0)")
    parser.add_argument("--counts", nargs="*", type=_count, default=[], metavar="SET=N", help="sizes of sets")


def _add_kaldi(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--corpus", required=True, help="directory with a data directory for each set")
    parser.add_argument("--sets", nargs="+", required=True, help="sets to copy")
    parser.add_argument("--suffix", default="", help="suffix of the copies' names (default: none)")
    parser.add_argument(
        "--lm_text", default="lm_train/text", help="text of the language model (default: lm_train/text)"
    )


def _add_an4(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--corpus", required=True, help="directory that holds an4")


def _add_librispeech(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--corpus", required=True, help="directory that holds LibriSpeech")
    parser.add_argument("--parts", nargs="+", required=True, help="train-clean-100, dev-clean, ...")


Command = tuple[Callable[[argparse.Namespace], None], Callable[[argparse.ArgumentParser], None], str]
COMMANDS: dict[str, Command] = {
    "download": (download, _add_download, "fetch and unpack a corpus"),
    "digits": (digits, _add_digits, "synthesise connected digits with espeak-ng"),
    "digits_tts": (digits_tts, _add_digits_tts, "synthesise connected digits of one voice, with durations of letters"),
    "kaldi": (kaldi, _add_kaldi, "copy data directories, with paths valid in the working directory"),
    "an4": (an4, _add_an4, "AN4"),
    "librispeech": (librispeech, _add_librispeech, "LibriSpeech"),
}


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.prepare_corpus",
        description="Write data directories (wav.scp, text, utt2spk, spk2utt) of a corpus.",
    )
    corpora = parser.add_subparsers(dest="corpus_name", required=True, metavar="CORPUS")
    for name, (_, add_options, text) in COMMANDS.items():
        options = corpora.add_parser(name, help=text, description=text)
        add_log_level(options)
        add_options(options)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: COMMANDS[args.corpus_name][0](args), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
