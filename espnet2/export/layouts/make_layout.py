"""Trained model in, verified files of another runtime out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from espnet2.export.layouts import sherpa_onnx, sherpa_onnx_recognizer, triton, triton_checks
from espnet2.export.one_graph_checks import verify_one_graph
from espnet2.export.verify import require_passed, table
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import OptionError
from espnet2.runtime.bundle_replacement import replace, replaceable, restore
from espnet2.runtime.families.search import SearchFamily
from espnet2.utils.work_directory import work_directory


class Layout(NamedTuple):
    """Files of another runtime.

    Attributes:
        files: their names.
        write: takes the model, an empty directory, and options of the layout; returns what the graph was made of.
        verify: takes the model, that, and the directory; compares with PyTorch.
    """

    files: tuple[str, ...]
    write: Callable[..., Any]
    verify: Callable[[Trained, Any, Path], list[Check]]


def _write_for_sherpa(trained: Trained, directory: Path, options: Mapping[str, Any]) -> Any:
    """Write the files of a recogniser or a synthesiser, which have options of their own."""
    recognizes = isinstance(trained.family, SearchFamily)
    for name in ("words",) if recognizes else ("search", "beam_size", "conf"):
        if options.get(name):
            raise OptionError(f"expected no {name} for a model of {trained.family.subject}, found {options[name]}")
    return (sherpa_onnx_recognizer if recognizes else sherpa_onnx).write(trained, directory, options)


def _verify_for_sherpa(trained: Trained, module: Any, directory: Path) -> list[Check]:
    if isinstance(module, sherpa_onnx_recognizer.SherpaRecognizer):
        return sherpa_onnx_recognizer.verify(trained, module, directory)
    return verify_one_graph(module, directory / sherpa_onnx.MODEL)


FOR_SHERPA = (*sherpa_onnx.FILES, *sherpa_onnx_recognizer.FILES)
LAYOUTS: Mapping[str, Layout] = {
    "sherpa_onnx": Layout(FOR_SHERPA, _write_for_sherpa, _verify_for_sherpa),
    "triton": Layout(triton.FILES, triton.write, triton_checks.verify),
}

_log = logging.getLogger(__name__)


def make_layout(layout: str, output_dir: str | Path, options: Mapping[str, Any], **model: Any) -> Path:
    """Export a trained model as another runtime reads it, and verify it.

    Args:
        layout: a name in `LAYOUTS`.
        output_dir: where the files go; a directory with other files in it is refused, an older one replaced.
        options: of the layout: `words`, a file of words for the lexicon, which synthesisers of phonemes need with
            `sherpa_onnx`; `search` and `beam_size` of recognisers of whole utterances; `conf`, options of their search
            with `sherpa_onnx`, which does not set them.
        model: the files of the model, as `load_trained` takes them.

    Returns:
        The directory.

    Raises:
        OptionError: a model that the other runtime cannot feed, missing words, or other files in the directory.
        VerificationError: onnxruntime and PyTorch disagree.
        EspnetError: the model's files cannot be read.
    """
    written = LAYOUTS[layout]
    target = _require_writable(output_dir, written.files)
    trained = load_trained(**model)
    with work_directory(target.parent, target.name) as temporary:
        try:
            module = written.write(trained, temporary, options)
        except OptionError as error:
            raise OptionError(f"--layout {layout}: {error}") from error
        checks = written.verify(trained, module, temporary)
        _log.info("onnxruntime against PyTorch:\n%s", table(checks))
        require_passed(checks)
        _require_writable(output_dir, written.files)
        replace(temporary, target, written.files)
    _log.info("wrote %s: %s", output_dir, ", ".join(sorted(path.name for path in target.iterdir())))
    return Path(output_dir)


def _require_writable(path: str | Path, files: tuple[str, ...]) -> Path:
    """The directory that a path leads to; raises `OptionError` for one that has other files, or cannot be made."""
    target = replaceable(path, OptionError)
    restore(target)
    if target.exists() and not target.is_dir():
        raise OptionError(f"{path}: expected a directory, found a file; it is kept")
    own = {Path(name).parts[0] for name in files}
    others = sorted(file.name for file in target.iterdir() if file.name not in own) if target.exists() else []
    if others:
        raise OptionError(f"{path}: expected a new directory or an older layout, found {others[0]}; it is kept")
    return target
