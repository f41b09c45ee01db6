"""A bundle against its checkpoint, at any time after export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from espnet2.export.compare import compare_all, deviation
from espnet2.fileio.checksum import sha256_of
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import VerificationError
from espnet2.interface.families import FAMILIES
from espnet2.runtime.bundle import Bundle


def verify_bundle(path: str | Path, recordings: Sequence[str | Path] = (), **model: Any) -> list[Check]:
    """Compare every graph, then the results of whole signals, with the model whose files `model` names.

    int8 graphs are compared by their results, where there are recordings.

    Raises `VerificationError` for a bundle of other graphs, and what reading the files raises (see `load_trained`).
    """
    bundle = Bundle.load(path, verify=True)
    trained = load_trained(
        **model, family=bundle.family, **bundle.family.exported_with(bundle.section, bundle.manifest.provenance)
    )
    _require_same_interface(bundle, trained)
    signals = trained.signals(recordings)
    graphs = {name: bundle.graph(name) for name in bundle.components}
    checks = compare_all(trained, graphs, signals, bounded=not recordings)
    if bundle.manifest.quantized and recordings:
        int8 = {name: bundle.graph(name, quantized=True) for name in bundle.components}
        rate, family = deviation(trained, graphs, int8, signals, bounded=False), bundle.family
        case = f"{len(recordings)} recordings"
        checks.append(Check(f"int8 {family.deviation_unit}", case, rate, family.most_deviation))
    return checks


def _require_same_interface(bundle: Bundle, trained: Trained) -> None:
    """Raise `VerificationError` unless section, files and graphs of the bundle are those of the model."""
    config = trained.files[FAMILIES[trained.task].config]
    pairs = {
        item.name: (getattr(trained.section, item.name), getattr(bundle.section, item.name))
        for item in fields(bundle.section)
    }
    sums = {role: sha256_of(source) for role, (_, source) in trained.bundled_files.items()}
    pairs["files"] = (sums, {role: bundle.manifest.files.get(role, {}).get("sha256") for role in sums})
    for name, (expected, found) in pairs.items():
        if not _same(expected, found):
            raise VerificationError(f"{bundle.path}: {name}: expected that of {config}, found another")
    graphs = {component.name: component for _, component in trained.parts}
    if graphs != dict(bundle.components):
        differing = sorted(n for n in {*graphs, *bundle.components} if graphs.get(n) != bundle.components.get(n))
        raise VerificationError(
            f"{bundle.path}: expected the graphs of {config}, found other interfaces of {', '.join(differing)}"
        )


def _same(expected: Any, found: Any) -> bool:
    """Whether two values are equal as YAML holds them, where tuples are lists."""
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(_same(expected[key], found[key]) for key in expected)
    return bool(expected == found)
