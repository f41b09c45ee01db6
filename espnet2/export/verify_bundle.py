"""A bundle against its checkpoint, at any time after export."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from espnet2.export.acceptance import Recognize, judge_of, open_recognizer, require_recognizer
from espnet2.export.compare import compare_all
from espnet2.export.one_graph import ROLE
from espnet2.export.whole import INT8, Whole
from espnet2.fileio.checksum import sha256_of
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import VerificationError
from espnet2.interface.families import FAMILIES
from espnet2.interface.spec import DEFAULTS, Component
from espnet2.runtime.bundle import Bundle


def verify_bundle(
    path: str | Path, recordings: Sequence[str | Path] = (), recognizer: str | Path | None = None, **model: Any
) -> list[Check]:
    """Compare every graph, then the results of whole signals, with the model whose files `model` names.

    int8 graphs are compared by their results, where there are recordings; those of a synthesiser by what the
    recogniser of a bundle makes of their speech, if `recognizer` names one.

    Raises `VerificationError` for a bundle of other graphs, and what reading the files raises (see `load_trained`).
    """
    bundle = Bundle.load(path, verify=True)
    trained = load_trained(
        **model, family=bundle.family, **bundle.family.exported_with(bundle.section, bundle.manifest.provenance)
    )
    _require_same_interface(bundle, trained)
    recognize = _recognize(bundle, trained, recognizer, len(recordings))
    signals = trained.signals(recordings)
    graphs = {name: bundle.graph(name) for name in bundle.components}
    checks = compare_all(trained, graphs, signals, bounded=not recordings)
    files = {role: bundle.path / entry["file"] for role, entry in bundle.manifest.files.items()}
    whole = Whole.in_file(trained, files[ROLE]) if ROLE in files else None
    if whole is not None:
        checks += whole.verify(files[ROLE], signals, bounded=not recordings)
    if bundle.manifest.quantized and recordings:
        judge = judge_of(trained, graphs, signals, False, recognize)
        names, _ = next(judge.attempts())
        if names:
            int8 = {name: bundle.graph(name, quantized=name in names) for name in bundle.components}
            case = f"{len(recordings)} recordings"
            checks.append(Check(f"int8 {judge.deviation_unit}", case, judge.rate(int8), judge.most_deviation))
        if whole is not None and INT8 in files:
            rate = whole.deviation(files[ROLE], files[INT8], signals, bounded=False)
            case = f"{len(recordings)} recordings, one graph"
            checks.append(Check(f"int8 {judge.deviation_unit}", case, rate, judge.most_deviation))
    return checks


def _recognize(bundle: Bundle, trained: Trained, recognizer: str | Path | None, texts: int) -> Recognize | None:
    """Return what judges the speech of int8 graphs, if anything; raises as `require_recognizer` does."""
    if recognizer is not None:
        require_recognizer(trained, recognizer, "int8" if bundle.manifest.quantized else None, texts)
    return open_recognizer(recognizer, trained.section.sample_rate)


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
    differing = sorted(graphs.keys() ^ bundle.components.keys())
    for name in graphs.keys() & bundle.components.keys():
        known = _known_to_format_1 if _of_format_1(bundle, name) else _stated
        differing += [name] if known(graphs[name]) != known(bundle.components[name]) else []
    if differing:
        raise VerificationError(
            f"{bundle.path}: expected the graphs of {config}, found other interfaces of {', '.join(sorted(differing))}"
        )


def _of_format_1(bundle: Bundle, name: str) -> bool:
    """Whether the interface of component `name` was written as bundles of format 1 have it."""
    return "attributes" not in bundle.manifest.components[name]["interface"]


def _stated(component: Component) -> Component:
    """The component without attributes that mean the same as none."""
    attributes = {name: value for name, value in component.attributes.items() if value != DEFAULTS.get(name)}
    return dataclasses.replace(component, attributes=attributes)


def _known_to_format_1(component: Component) -> Any:
    """Tensors and sizes before the first step; what else is declared has changed since format 1."""
    tensors = [(t.name, t.axes, t.dtype, t.length_of) for t in (*component.feeds, *component.results)]
    return component.method, len(component.states), dict(component.initial), tensors


def _same(expected: Any, found: Any) -> bool:
    """Whether two values are equal as YAML holds them, where tuples are lists."""
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(_same(expected[key], found[key]) for key in expected)
    return bool(expected == found)
