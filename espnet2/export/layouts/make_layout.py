"""Trained model in, verified files of another runtime out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from espnet2.export.layouts import sherpa_onnx
from espnet2.export.one_graph_checks import verify_one_graph
from espnet2.export.verify import require_passed, table
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.errors import OptionError
from espnet2.runtime.bundle_replacement import replace, replaceable, restore
from espnet2.utils.work_directory import work_directory

LAYOUTS = {"sherpa_onnx": sherpa_onnx}

_log = logging.getLogger(__name__)


def make_layout(layout: str, output_dir: str | Path, words: str | Path | None = None, **model: Any) -> Path:
    """Export a trained synthesiser as another runtime reads it, and verify it.

    Args:
        layout: a name in `LAYOUTS`.
        output_dir: where the files go; a directory with other files in it is refused, an older one replaced.
        words: a file of words for the lexicon, which models of phonemes need.
        model: the files of the model, as `load_trained` takes them.

    Returns:
        The directory.

    Raises:
        OptionError: a model that the other runtime cannot feed, missing words, or other files in the directory.
        VerificationError: onnxruntime and PyTorch disagree.
        EspnetError: the model's files cannot be read.
    """
    written = LAYOUTS[layout]
    target = _require_writable(output_dir, written.FILES)
    trained = load_trained(**model)
    with work_directory(target.parent, target.name) as temporary:
        listed = [] if words is None else written.words_of(words)
        module = _written(layout, trained, temporary, listed)
        checks = verify_one_graph(module, temporary / written.MODEL)
        _log.info("onnxruntime against PyTorch:\n%s", table(checks))
        require_passed(checks)
        _require_writable(output_dir, written.FILES)
        replace(temporary, target, written.FILES)
    _log.info("wrote %s: %s", output_dir, ", ".join(sorted(path.name for path in target.iterdir())))
    return Path(output_dir)


def _written(layout: str, trained: Trained, directory: Path, words: Sequence[str]) -> nn.Module:
    """Write the files of a layout; an `OptionError` about the model names the option."""
    try:
        return LAYOUTS[layout].write(trained, directory, words)
    except OptionError as error:
        raise OptionError(f"--layout {layout}: {error}") from error


def _require_writable(path: str | Path, files: tuple[str, ...]) -> Path:
    """The directory that a path leads to; raises `OptionError` for one that has other files, or cannot be made."""
    target = replaceable(path, OptionError)
    restore(target)
    if target.exists() and not target.is_dir():
        raise OptionError(f"{path}: expected a directory, found a file; it is kept")
    others = sorted(file.name for file in target.iterdir() if file.name not in files) if target.exists() else []
    if others:
        raise OptionError(f"{path}: expected a new directory or an older layout, found {others[0]}; it is kept")
    return target
