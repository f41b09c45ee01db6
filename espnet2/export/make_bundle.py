"""Trained model in, verified bundle out: export, compare, quantise, compare again, and only then write."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

import espnet
from espnet2.export.acceptance import (
    Judge,
    Recognize,
    judge_of,
    open_recognizer,
    present,
    require_accepted,
    require_recognizer,
)
from espnet2.export.compare import Signals, compare_all, require_runnable
from espnet2.export.doctor.compare_bundle import explain_failure
from espnet2.export.doctor.failure import of_export, of_run
from espnet2.export.nodes import debug_directory
from espnet2.export.one_graph import ROLE
from espnet2.export.quantize import quantize_int8
from espnet2.export.trace import OPSET, export_component
from espnet2.export.verify import require_passed, summary, table
from espnet2.export.whole import Whole
from espnet2.fileio.checksum import sha256
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import BundleError, EspnetError, GraphError, OptionError, VerificationError
from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle, Manifest
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX, OnnxGraph, may_overflow
from espnet2.utils.work_directory import work_directory

PROVENANCE_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")

_log = logging.getLogger(__name__)


def make_bundle(
    output_dir: str | Path,
    recordings: Sequence[str | Path] = (),
    quantize: str | None = None,
    one_graph: bool = False,
    debug: bool = False,
    recognizer: str | Path | None = None,
    one_graph_search: Mapping[str, Any] | None = None,
    **model: Any,
) -> Bundle:
    """Export a trained model, verify it, and write it to `output_dir`.

    Args:
        output_dir: the bundle; nothing is written there unless all comparisons pass.
        recordings: signals on whose results PyTorch and onnxruntime have to agree; drawn ones by default.
        quantize: "int8" adds quantised graphs, whose results on the recordings have to be near those of fp32.
        one_graph: add a graph of the whole model: from samples to token ids for a recogniser, from token ids to samples
            for a synthesiser that regulates lengths.
        debug: write the origins of all nodes to the directory `OUTPUT_DIR.debug`, which `onnx_doctor` reads.
        recognizer: bundle of a recogniser, which accepts int8 graphs of a synthesiser by the words of their speech.
        one_graph_search: `search` and `beam_size` of `Whole`.
        model: the files of the model, as `load_trained` takes them.

    Raises:
        OptionError: int8 graphs of a model that has none, a recogniser that has nothing to judge, or one graph of a
            model that cannot be one.
        VerificationError: onnxruntime and PyTorch disagree.
        EspnetError: the model's files or the recordings cannot be read.
    """
    Bundle.require_writable(output_dir)
    trained = load_trained(**model)
    recognize = _recognize(trained, recognizer, quantize, len(recordings))
    whole = Whole(trained, **(one_graph_search or {})) if one_graph else None
    signals = trained.signals(recordings)
    require_runnable(trained, signals, bounded=not recordings)
    provenance = _provenance(trained)
    # On the bundle's file system graphs are moved into it; the system's directory may be small, or in memory.
    beside = next(parent for parent in Path(output_dir).resolve().parents if parent.is_dir())
    with work_directory(beside, "espnet-export") as directory:
        paths = _export(trained, directory, provenance, debug_directory(output_dir) if debug else None)
        graphs = {c.name: _open(module, c, paths[c.name]) for module, c in trained.parts}
        checks = _compared(trained, graphs, signals, bounded=not recordings)
        further: dict[str, Path] = {}
        if whole is not None:
            further = whole.write(directory, provenance)
            checks += whole.verify(further[ROLE], signals, bounded=not recordings)
        _log.info("onnxruntime against PyTorch:\n%s", table(checks))
        _require_passed(trained, paths, checks)
        quantized: dict[str, Path] = {}
        accepted: dict[str, Any] = {}
        if quantize:
            judge = judge_of(trained, graphs, signals, not recordings, recognize)
            small = None
            if whole is not None:
                small = functools.partial(whole.quantized, further[ROLE], signals, not recordings)
            quantized, of_whole, accepted = _quantized(judge, graphs, paths, len(signals) if recordings else 0, small)
            further |= of_whole
        manifest, files = _describe(trained, paths, quantized, provenance, _verification(checks, accepted))
        manifest = _with_whole(manifest, files, further)
        bundle = Bundle.write(output_dir, manifest, files, directory)
    _log.info("wrote %s: %s", output_dir, ", ".join(sorted(files)))
    return bundle


def _recognize(
    trained: Trained, recognizer: str | Path | None, quantize: str | None, recordings: int
) -> Recognize | None:
    """The recogniser that judges int8 speech by its words, if any; raises `OptionError` for int8 that it has not."""
    require_recognizer(trained, recognizer, quantize, recordings)
    if quantize and recognizer is None and not present(trained, trained.family.quantized):
        raise OptionError(f"--quantize: expected none for {trained.family.subject}, found {quantize}")
    return open_recognizer(recognizer, trained.section.sample_rate)


def _compared(trained: Trained, graphs: Mapping[str, OnnxGraph], signals: Signals, bounded: bool) -> list[Check]:
    """The comparison with PyTorch; raises `VerificationError` that names the line which onnxruntime does not run."""
    try:
        return compare_all(trained, graphs, signals, bounded=bounded)
    except GraphError as error:
        raise of_run(trained, error) from error


def _require_passed(trained: Trained, paths: Mapping[str, Path], checks: Sequence[Check]) -> None:
    """Raise `VerificationError` if a check failed, after logging the layer where PyTorch and onnxruntime part."""
    try:
        require_passed(checks)
    except VerificationError:
        _log.error("%s", explain_failure(trained, paths, checks))
        raise


def _export(trained: Trained, directory: Path, provenance: Mapping[str, Any], debug: Path | None) -> dict[str, Path]:
    """Every component as an ONNX file in `directory`, and the origins of its nodes in the directory `debug`."""
    metadata = {key: str(value) for key, value in provenance.items()}
    paths = {}
    for module, component in tqdm(trained.parts, desc="export", unit="graph"):
        path = directory / f"{component.name}.onnx"
        origins = debug and debug / f"{component.name}.json"
        try:
            paths[component.name] = export_component(module, component, path, metadata, origins)
        except (EspnetError, OSError):  # such as a full disk
            raise
        except Exception as error:  # the exporter's errors, and those of modules, have no common base but this
            raise of_export(module, component, error) from error
    return paths


def _open(module: Any, component: Component, path: Path) -> OnnxGraph:
    """The graph, as onnxruntime runs it; raises `VerificationError` that names the line which it does not run."""
    try:
        return OnnxGraph(path, component)
    except BundleError as error:
        raise of_export(module, component, error) from error


def _quantized(
    judge: Judge,
    graphs: Mapping[str, OnnxGraph],
    paths: Mapping[str, Path],
    recordings: int,
    whole: Callable[[Sequence[Path], bool], tuple[dict[str, Path], float]] | None = None,
) -> tuple[dict[str, Path], dict[str, Path], dict[str, Any]]:
    """The int8 graphs of the first attempt that is accepted, those of `whole` by role, and how their results compare.

    `whole` quantises what is quantised in some of the paths, in the graph of the whole model.
    """
    if may_overflow():
        _log.warning("int8: no VNNI instructions are known of this CPU, without which int8 graphs are hardly faster")
    quantized: dict[str, Path] = {}
    of_whole: dict[str, Path] = {}
    rate = 0.0
    for names, outputs in judge.attempts():
        quantized = _quantize(paths, names, outputs)
        int8 = {name: OnnxGraph(path, graphs[name].component) for name, path in quantized.items()}
        rate = judge.rate({**graphs, **int8})
        if whole is not None:
            of_whole, further = whole([paths[name] for name in quantized], outputs)
            rate = max(rate, further)
        _log.info("int8 against fp32: %.1f %% %s", 100 * rate, judge.deviation_unit)
        if not recordings or rate <= judge.most_deviation:
            break
    if recordings:
        require_accepted(rate, judge, recordings)
    else:
        _log.warning("int8 was not compared on recordings: give some to have its results accepted or refused")
    return quantized, of_whole, {"int8": {**judge.record(rate), "recordings": recordings, "accepted": recordings > 0}}


def _quantize(paths: Mapping[str, Path], names: Sequence[str], outputs: bool) -> dict[str, Path]:
    made = {
        name: quantize_int8(paths[name], paths[name].with_suffix(".int8.onnx"), outputs)
        for name in tqdm(names, desc="quantize", unit="graph")
    }
    return {name: path for name, path in made.items() if path}


def _describe(
    trained: Trained,
    paths: Mapping[str, Path],
    quantized: Mapping[str, Path],
    provenance: Mapping[str, Any],
    verification: Mapping[str, Any],
) -> tuple[Manifest, dict[str, Path | bytes]]:
    """The manifest, and the file that each name in it comes from."""
    files: dict[str, Path | bytes] = {path.name: path for path in (*paths.values(), *quantized.values())}
    files |= dict(trained.bundled_files.values())

    def entry(path: Path) -> dict[str, Any]:
        data = path.with_name(path.name + EXTERNAL_DATA_SUFFIX)
        if data.exists():
            files[data.name] = data
            return {"file": path.name, "data": {"file": data.name}}
        return {"file": path.name}

    components = {component.name: component for _, component in trained.parts}
    manifest = Manifest(
        task=trained.task,
        components={name: {**entry(paths[name]), "interface": component} for name, component in components.items()},
        section=trained.section,
        quantized={"int8": {name: entry(path) for name, path in quantized.items()}} if quantized else {},
        files={role: {"file": name} for role, (name, _) in trained.bundled_files.items()},
        defaults=trained.family.defaults(components),
        provenance=provenance,
        verification=verification,
    )
    return manifest, files


def _with_whole(manifest: Manifest, files: dict[str, Path | bytes], found: Mapping[str, Path]) -> Manifest:
    """The manifest with files by role that the runtime does not run, which `files` gets, too."""
    files |= {path.name: path for path in found.values()}
    entries = {role: {"file": path.name} for role, path in found.items()}
    return dataclasses.replace(manifest, files={**manifest.files, **entries})


def _verification(checks: Sequence[Check], accepted: Mapping[str, Any]) -> dict[str, Any]:
    return {"fp32": summary(checks), **accepted}


def _provenance(trained: Trained) -> dict[str, Any]:
    """Provenance of the bundle: checksums of the files, versions of the packages, chosen chunks."""
    return {
        "espnet": espnet.__version__,
        **{package: version(package) for package in PROVENANCE_PACKAGES},
        "opset": OPSET,
        **trained.chunks,
        **{f"{name}_sha256": sha256(path) for name, path in trained.files.items()},
    }
