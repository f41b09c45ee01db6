"""Bundles of trained models that a command runs: exported on first use, into a cache, under a key of their contents."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import espnet
from espnet2.export.make_bundle import make_bundle
from espnet2.export.trace import OPSET
from espnet2.fileio.checksum import Checksums
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.interface.families import FAMILIES, with_bundles
from espnet2.main_funcs.pack_funcs import ARCHIVES, META, PACKED_KEYS
from espnet2.main_funcs.pretrained import find_model
from espnet2.runtime.bundle_replacement import MANIFEST
from espnet2.tasks import detect
from espnet2.utils.yaml_file import read_mapping

_log = logging.getLogger(__name__)

CONFIG = "config.yaml"
BESIDE = (".yaml", ".yml", ".npz", ".npy", ".model", ".txt", ".json", ".h5")  # files that go with weights
# Weights of a model directory, the likeliest first: averaged, best, any.
WEIGHTS = ("*.ave.pth", "*.ave_*best.pth", "*ave*.pth", "*best.pth", "*.pth")


def cached_bundle(model: Path, cache: Path) -> Path:
    """The bundle of a packed model (archive or directory) or of a model directory, which is exported where it is new.

    Args:
        model: The archive, the directory with `meta.yaml`, or that with `config.yaml` and weights.
        cache: Directory of the bundles.

    Raises:
        OptionError: No such model.
        EspnetError: It cannot be exported.
    """
    files = model_files(model)
    target = cache / f"{model.resolve().name.split('.')[0]}-{_key(model, files)}"
    if not (target / MANIFEST).is_file():
        _log.warning("%s: exporting it to %s, which happens once", model, target)
        named: dict[str, Any] = dict(files)
        make_bundle(target, **named)
    return target


def model_files(model: Path) -> dict[str, str]:
    """Files of a model by option, as `espnet2.inference.trained.load_trained` takes them; see `cached_bundle`."""
    if model.is_file() and model.name.endswith(tuple(ARCHIVES)):
        return {"model_file": str(model)}
    if model.is_dir() and (model / META).is_file():
        return {"model_tag": str(model)}
    if not (model / CONFIG).is_file():
        raise OptionError(
            f"{model}: expected a bundle ({MANIFEST}), a packed model (.zip, {META}) or a directory with {CONFIG} and "
            "weights, found none of these"
        )
    config = model / CONFIG
    task = detect.detect(read_mapping(config)) or "asr"
    if task not in with_bundles():
        raise ConfigError(f"{config}: expected a model that can be exported, found one of {detect.TASKS[task]}")
    row = FAMILIES[task]
    return {row.config: str(config), row.weights: str(_weights(model))}


def _weights(directory: Path) -> Path:
    """The weights in a model directory; of several ones that are links to one file, any."""
    for pattern in WEIGHTS:
        found = {path.resolve(): path for path in sorted(directory.glob(pattern))}
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            names = ", ".join(path.name for path in found.values())
            raise OptionError(f"{directory}: expected one file of weights ({pattern}), found {names}")
    raise OptionError(f"{directory}: expected weights (*.pth) beside {CONFIG}, found none")


def _key(model: Path, files: Mapping[str, str]) -> str:
    """The beginning of a checksum of the model's files, and of all else that a bundle depends on."""
    parts = [espnet.__version__, str(OPSET)]
    for path in sorted(_contents(model, files)):
        checksums = Checksums(path.parent)
        parts += [path.name, checksums.of(path.name)]
        checksums.remember()
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _contents(model: Path, files: Mapping[str, str]) -> set[Path]:
    """The files that a bundle is made of: of a directory all but other weights, and what its config names."""
    if model.is_file():
        return {model}
    named = find_model(model_tag=str(model)) if "model_tag" in files else files
    found = {Path(path) for path in named.values()}
    for config in [path for path in found if path.suffix in (".yaml", ".yml")]:
        values = (read_mapping(config).get(key) for key in PACKED_KEYS)
        found |= {Path(value) for value in values if isinstance(value, str) and Path(value).is_file()}
    beside = model.rglob("*") if "model_tag" in files else model.glob("*")
    return found | {path for path in beside if path.suffix in BESIDE and path.is_file()}
