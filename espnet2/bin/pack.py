"""Pack a trained model with its configurations: `python -m espnet2.bin.pack asr --help`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from espnet2.interface.families import FAMILIES, kind_of, rows_of, with_bundles
from espnet2.tasks import detect
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str_or_none
from espnet2.utils.yaml_file import read_mapping


def contents(kind: str) -> tuple[list[str], list[str]]:
    """Names that `meta.yaml` lists as `yaml_files` and as `files` of a kind of model."""
    rows = list(rows_of(kind))
    files = [row.weights for row in rows] + [name for row in rows for name in row.files]
    packed = {option: name for row in rows for option, name in row.packed.items()}
    configs, files = ([packed.get(name, name) for name in names] for names in ([row.config for row in rows], files))
    return configs, files


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.pack",
        description="Pack configurations, weights and the files that they name into an archive, whose names are paths "
        "from the working directory. espnet2.bin.asr_inference and upstream ESPnet read it.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind in with_bundles():
        configs, files = contents(kind)
        options = kinds.add_parser(kind, help=f"pack a model of {kind}")
        options.add_argument("--outpath", required=True, help="archive to write: .zip, .tar.gz, .tar.bz2, .tar.xz")
        for name in (*configs, *files):
            options.add_argument(f"--{name}", type=str_or_none, help="file to pack")
        options.add_argument("--option", action="append", default=[], help="further file or directory to pack")
        add_log_level(options)
    return parser


def require_config(task: str, yaml_files: Mapping[str, str]) -> None:
    """Raise `ConfigError` where the option for a config of this task, or of one that shares it, names another's."""
    option = FAMILIES[task].config
    name = FAMILIES[task].packed.get(option, option)
    if name in yaml_files:
        sharing = (kind_of(other) for other, row in FAMILIES.items() if row.config == option)
        expected = sorted(sharing, key=kind_of(task).__ne__)
        detect.task_of(read_mapping(yaml_files[name]), expected, f"--{name}: {yaml_files[name]}")


def pack(args: argparse.Namespace) -> None:
    import logging

    from espnet2.main_funcs.pack_funcs import pack as pack_files

    yaml_files, files = (
        {name: getattr(args, name) for name in names if getattr(args, name) is not None}
        for names in contents(args.kind)
    )
    for task in (args.kind, *FAMILIES[args.kind].companions):
        require_config(task, yaml_files)
    names = pack_files(args.outpath, files, yaml_files, args.option)
    logging.info("wrote %s: %s", args.outpath, ", ".join(names))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), pack, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
