"""From a bundle to a model that runs: its options are read, its graphs opened, its files loaded."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.bundle_replacement import read_as_one
from espnet2.runtime.family import Family
from espnet2.runtime.opening import open_checked
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.threads import Threads, threads_of

_log = logging.getLogger(__name__)

DEVICES = {"cpu": PROVIDERS, "cuda": ("CUDAExecutionProvider", *PROVIDERS)}


@dataclass(frozen=True)
class Loaded:
    """A bundle, the model of its family that was made of it, and the options of inference.

    Attributes:
        parts: Names of the bundle's components, and roles of its files and of those that were given instead.
        unopened: Functions that open the other graphs, those that inference with these options does not run, by name.
    """

    bundle: Bundle
    model: Any
    options: Any
    parts: Collection[str]
    unopened: Mapping[str, Callable[[], Graph]]


def load(
    bundle: str | Path | Bundle,
    family: Family,
    entry: str,
    options: Mapping[str, Any],
    *,
    quantized: bool = False,
    num_threads: int | None = None,
    providers: Sequence[str] = PROVIDERS,
    files: Mapping[str, str | Path | None] | None = None,
    verify: bool = False,
    mapped: bool = False,
    **of_model: Any,
) -> Loaded:
    """The model in a bundle.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        family: The family that the bundle has to be of.
        entry: The component that signals go into.
        options: Of inference, and `device`, `cpu` or `cuda`, instead of providers.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of graphs (default: all cores that the process may use); of steps, see `threads_of`.
        providers: Execution providers of onnxruntime, most wanted first.
        files: Files by role, instead of the bundle's.
        verify: Read all files of the bundle for their checksums, also those that were found unchanged before.
        mapped: See `OnnxGraph`.
        of_model: Further arguments of `Family.model`.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed, or that the bundle cannot satisfy.
    """
    keywords = dict(options)
    providers = _providers_of(keywords.pop("device", None), providers)
    read_options = family.read_options(keywords)
    others = {role: Path(path) for role, path in (files or {}).items() if path is not None}

    def read() -> Loaded:
        loaded = bundle if isinstance(bundle, Bundle) else Bundle.read(bundle)
        loaded.require_family(family)
        try:
            family.require_entry(loaded.components, entry)
            family.require_usable(loaded.components, loaded.section)
        except BundleError as error:
            raise BundleError(f"{loaded.path}: {error}") from error
        batched = getattr(read_options, "batch_size", 1) != 1
        openings = _openings(loaded, quantized, threads_of(num_threads, batched), providers, mapped)
        used = family.graphs_used(loaded.components, read_options)
        jobs = {name: opening for name, opening in openings.items() if name in used}
        checked = isinstance(bundle, Bundle) and not verify
        graphs = open_checked(loaded.path, [], jobs) if checked else loaded.check(jobs, verify)
        _log.info("loaded %s: %s", loaded.path, ", ".join(graphs))
        all_files = {**loaded.files, **others}
        model = family.model(graphs, loaded.section, all_files, read_options, **of_model)
        unopened = {name: opening for name, opening in openings.items() if name not in used}
        return Loaded(loaded, model, read_options, [*loaded.components, *all_files], unopened)

    return read() if isinstance(bundle, Bundle) else read_as_one(bundle, read)


def find_bundle(tag: str | Path) -> Path:
    """The directory of a bundle: `tag` itself, or that of a repository on the Hugging Face hub, which is downloaded."""
    if Path(tag).exists():
        return Path(tag)
    from espnet2.fileio.hub import download

    return download(str(tag))


def _providers_of(device: Any, providers: Sequence[str]) -> Sequence[str]:
    """Execution providers of a device as PyTorch names it; those that are given where it is None."""
    if device is None:
        return providers
    kind = str(device).partition(":")[0]
    if kind not in DEVICES:
        raise OptionError(f"device: expected one of {', '.join(DEVICES)}, found {str(device)!r}")
    return providers if kind == "cpu" else DEVICES[kind]


def _openings(
    bundle: Bundle, quantized: bool, threads: Threads, providers: Sequence[str], mapped: bool
) -> dict[str, Callable[[], Graph]]:
    """Functions that open the graphs of a bundle, by name."""
    if quantized and not bundle.manifest.quantized:
        raise OptionError(f"quantized: expected a bundle with int8 graphs, found none in {bundle.path}")
    small = {name for name in bundle.components if name.endswith("_step") and name not in bundle.family.entries}
    return {
        name: functools.partial(
            bundle.graph,
            name,
            quantized,
            num_threads=threads.steps if name in small else threads.whole,
            providers=providers,
            mapped=mapped,
        )
        for name in bundle.components
    }
