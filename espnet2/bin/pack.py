"""Pack a trained model with its configurations: `python -m espnet2.bin.pack asr --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str_or_none

# Kind of model -> what `meta.yaml` lists of it as yaml_files and as files.
CONTENTS = {
    "asr": (("asr_train_config", "lm_train_config"), ("asr_model_file", "lm_file", "ngram_file")),
}


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.pack",
        description="Pack configurations, weights and the files that they name into an archive, whose names are paths "
        "from the working directory. espnet2.bin.asr_inference and upstream ESPnet read it.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, contents in CONTENTS.items():
        options = kinds.add_parser(kind, help=f"pack a model of {kind}")
        options.add_argument("--outpath", required=True, help="archive to write: .zip, .tar.gz, .tar.bz2, .tar.xz")
        for name in (*contents[0], *contents[1]):
            options.add_argument(f"--{name}", type=str_or_none, help="file to pack")
        options.add_argument("--option", action="append", default=[], help="further file or directory to pack")
        options.add_argument("--log_level", default="INFO", help="(default: INFO)")
    return parser


def pack(args: argparse.Namespace) -> None:
    import logging

    from espnet2.main_funcs.pack_funcs import pack as pack_files

    yaml_files, files = (
        {name: getattr(args, name) for name in names if getattr(args, name) is not None}
        for names in CONTENTS[args.kind]
    )
    names = pack_files(args.outpath, files, yaml_files, args.option)
    logging.info("wrote %s: %s", args.outpath, ", ".join(names))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), pack, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
