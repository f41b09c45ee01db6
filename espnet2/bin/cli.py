"""Speech in, text out, and the other way round: the command `espnet`, or `python -m espnet2.bin.cli --help`."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import espnet
from espnet2.fileio.checksum import cache_directory
from espnet2.interface.errors import EspnetError, MissingPackageError, OptionError
from espnet2.interface.families import load
from espnet2.runtime.bundle_replacement import MANIFEST
from espnet2.runtime.cli.verbs import MODELS, VERBS, Verb
from espnet2.runtime.loading import find_bundle
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser

CACHE = "espnet/bundles"  # in the user's cache directory


class VerbParser(PlainArgumentParser):
    """Parser of a verb, whose words and options come in any order."""

    _is_within = False  # the parser's own two passes, of options and of words

    def parse_known_args(self, args=None, namespace=None):
        """As `argparse`'s for intermixed arguments, which it has not for parsers of verbs."""
        if self._is_within:
            return super().parse_known_args(args, namespace)
        self._is_within = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_within = False


def get_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of all verbs; options are those of `verb` alone, where one is named, since theirs take time."""
    parser = PlainArgumentParser(prog="espnet", description="Speech to text and text to speech with ESPnet's models.")
    parser.add_argument("--version", action="version", version=espnet.__version__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=VerbParser)
    for name, row in VERBS.items():
        description = f"{row.help[0].upper()}{row.help[1:]}."
        own = verbs.add_parser(name, aliases=row.aliases, help=row.help, description=description)
        own.set_defaults(verb=name)
        if verb in (None, name, *row.aliases):
            load(row.arguments)(own)
    return parser


def bundle_of(model: str, cache_dir: str | None) -> Path:
    """The bundle that a name means: a directory, or one exported on first use from a trained model.

    Raises:
        MissingPackageError: The model is to be exported, and PyTorch is not installed.
        EspnetError: There is no such model, or it cannot be exported.
    """
    path = _find(model)
    if (path / MANIFEST).is_file():
        return path
    if importlib.util.find_spec("torch") is None:
        raise MissingPackageError(
            f'{model}: expected a bundle, or PyTorch to export this model, found neither; pip install ".[export]"'
        )
    from espnet2.export.cached import cached_bundle

    return cached_bundle(path, _cache(cache_dir))


def named_bundles(words: Sequence[str], cache_dir: str | None) -> dict[str, str]:
    """The bundles of models by name: of `NAME=MODEL` that name, else that of the bundle's directory.

    A word that is a path is a model. Raises `EspnetError` as `bundle_of` does, and `OptionError` for two of one name.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, model = word.partition("=")
        if not name or not equals or set(name) & set("/\\") or Path(word).exists():
            name, model = "", word
        path = bundle_of(model, cache_dir)
        name = name or path.resolve().name
        if name in found:
            raise OptionError(f"{word}: expected models of different names, found two called {name}; say NAME=MODEL")
        found[name] = str(path)
    return found


def _find(model: str) -> Path:
    """As `find_bundle`; what it says about a repository of this name follows that there is no such file."""
    try:
        return find_bundle(model)
    except EspnetError as error:
        raise type(error)(f"{model}: expected a file or directory, found none here; {error}") from error


def _cache(given: str | None) -> Path:
    """The directory of exported models."""
    if given is not None:
        return Path(given)
    own = cache_directory()
    if own is None:
        raise OptionError("--cache_dir: expected a directory, since no home directory is known, found none")
    return own / CACHE


def execute(args: argparse.Namespace) -> int | None:
    """Run a verb; returns the exit status."""
    verb = VERBS[args.verb]
    words = getattr(args, verb.inputs)
    if verb.inputs == MODELS:
        args.bundles = named_bundles(words, args.cache_dir)
        return _run(verb, args)
    model = words.pop(0) if args.model is None and words else args.model
    if model is None or not (words or getattr(args, "data_path_and_name_and_type", None)):
        found = "neither" if model is None else f"{model} alone"
        raise OptionError(f"{args.verb}: expected a model, then {verb.inputs}, found {found}")
    args.bundle = str(bundle_of(model, args.cache_dir))
    return _run(verb, args)


def _run(verb: Verb, args: argparse.Namespace) -> int | None:
    status: int | None = load(verb.run)(args)
    return status


def main(cmd: Sequence[str] | None = None) -> int:
    """Run the command line `cmd` (default: the process's arguments); returns the exit status."""
    import sys

    words = sys.argv[1:] if cmd is None else list(cmd)
    verb = next((word for word in words if not word.startswith("-")), None)
    return run(lambda: get_parser(verb), execute, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
