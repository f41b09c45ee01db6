"""A trained model: modules with their components, and all that a bundle has to know beside them."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.interface.errors import OptionError
from espnet2.interface.families import FAMILIES, Row, family_of, rows_of, task_class, with_bundles
from espnet2.interface.graph import Graph
from espnet2.main_funcs.pretrained import find_model
from espnet2.runtime.family import Family
from espnet2.runtime.section import Section
from espnet2.tasks import detect
from espnet2.tasks.exported import BundledFile, Part
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.utils.yaml_file import read_mapping

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A model and its companions, the model's configuration, and the files that all came from, by option.

    With `streams` its parts are those of streams, which are cut as `chunks` says where that is a choice.
    """

    task: str
    model: Any
    parts: tuple[Part, ...]
    config: argparse.Namespace
    files: dict[str, Path]
    tokenizer: AbsTokenizer | None = None
    streams: bool = False
    chunks: Mapping[str, int] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        """The torch-free half of its family."""
        return family_of(self.task)

    @property
    def task_class(self) -> Any:
        """The half on PyTorch's side."""
        return task_class(self.task)

    @property
    def graphs(self) -> dict[str, TorchGraph]:
        """Each component, run by PyTorch."""
        return {component.name: TorchGraph(module.eval(), component) for module, component in self.parts}

    @functools.cached_property
    def section(self) -> Any:
        """The section of the bundle."""
        section: Section = self.task_class.section(self.model, self.config, self.tokenizer, self.streams)
        return section

    @property
    def bundled_files(self) -> dict[str, BundledFile]:
        """Files of the bundle by role."""
        task = self.task_class
        found: dict[str, BundledFile] = {
            **task.bundled_files(self.tokenizer, self.files),
            **task.files_of(self.model),
        }
        return found

    def runtime_model(self, options: Any, graphs: Mapping[str, Graph] | None = None) -> Any:
        """The model that the family runs, on PyTorch's graphs or on `graphs` in their place."""
        return self.task_class.runtime_model(self.family, graphs or self.graphs, self.section, self, options)

    def run(self, options: Any, graphs: Mapping[str, Graph] | None = None) -> Any:
        """The function from a signal to its result, on PyTorch's graphs or on `graphs` in their place."""
        return self.family.run(self.runtime_model(options, graphs), options)

    def signals(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Signals for verification by name: those of `files`, drawn ones where there are none."""
        whole = self.model.parts() if self.streams else self.parts
        components = {component.name: component for _, component in whole}
        return self.family.signals(components, self.section, files)

    def as_streams(self, chunks: Mapping[str, int | None]) -> Trained:
        """The same model for streams, whose chunks are of these sizes where that is a choice.

        Raises `OptionError` where the model needs whole inputs, or takes no such chunks.
        """
        parts, numbers = self.task_class.stream_parts(self.model, chunks)
        beside = self.parts[len(self.model.parts()) :]
        return dataclasses.replace(self, parts=(*parts, *beside), streams=True, chunks=numbers)


def load_trained(
    *,
    model_file: str | Path | None = None,
    model_tag: str | None = None,
    streaming: bool = False,
    chunks: Mapping[str, int | None] | None = None,
    untrained: bool = False,
    family: Family | None = None,
    **files: str | Path | None,
) -> Trained:
    """Build and load a model from its files, or from a packed model; files that are given win over packed ones.

    Args:
        model_file: A packed model.
        model_tag: Its name on the Hugging Face hub, or its file or directory.
        streaming: The model for streams.
        chunks: Sizes of its chunks, where they are a choice.
        untrained: A config whose weights are not named is a model of random weights.
        family: The family that the model has to be of.
        files: By the options of `espnet2.interface.families`. A config that is not named is `config.yaml` beside the
            weights.

    Raises:
        OptionError: No model is named, or models of several families are, or files that do not belong to the model,
            or it needs whole inputs.
        EspnetError: A file cannot be used.
    """
    packed = _options_of(find_model(model_file=model_file, model_tag=model_tag)) if model_file or model_tag else {}
    given = {name: value for name, value in files.items() if value is not None}
    paths = {name: Path(value) for name, value in {**packed, **given}.items()}
    _require_of_family(paths, given, family)
    _require_weights(paths)
    task = task_of(paths, untrained, family)
    rows = list(rows_of(task))
    known = _options(task)
    _require_known(known, given, rows[0].noun)
    paths = {name: path for name, path in paths.items() if name in known}
    for row in rows:
        _complete(row, paths, untrained)
    for name in known:
        if name in paths:
            _require_file(name, paths[name])
    trained = _load(task, paths)
    return trained.as_streams(chunks or {}) if streaming else trained


def _options_of(packed: Mapping[str, str]) -> dict[str, str]:
    """Files of a packed model by option; `train_config` is of any task whose packed models name it so."""
    tasks = [name for name, row in FAMILIES.items() if "train_config" in row.packed.values()]
    config = packed.get("train_config")
    if config is None:
        rows = [row for name, row in FAMILIES.items() if name not in tasks]
    else:
        rows = [FAMILIES[detect.task_of(read_mapping(config), tasks, config)]]
    names = {name: option for row in rows for option, name in row.packed.items()}
    return {names.get(name, name): path for name, path in packed.items()}


def _options(task: str) -> list[str]:
    """Options of the files of a task's models and of their companions."""
    return [name for row in rows_of(task) for name in (row.config, row.weights, *row.files)]


def _require_of_family(paths: Mapping[str, Path], given: Collection[str], family: Family | None) -> None:
    """Raise `OptionError` where files are named, but none of a model of the family; `given`: those not packed."""
    known = [name for task in with_bundles() if family in (None, family_of(task)) for name in _options(task)]
    if family is None or not paths or any(name in known for name in paths):
        return
    name = next(iter(name for name in paths if name in given), None)
    if name is None:
        files = ", ".join(map(str, paths.values()))
        raise OptionError(f"{files}: expected files of a model of {family.subject}, found others")
    raise OptionError(f"--{name}: expected none, since the model has to be of {family.subject}; found {paths[name]}")


def _require_weights(paths: Mapping[str, Path]) -> None:
    """Raise `OptionError` for weights that are not there, where a config is to be looked for beside them."""
    for name in dict.fromkeys(row.weights for row in FAMILIES.values() if row.config not in paths):
        if name in paths:
            _require_file(name, paths[name])


def _require_file(name: str, path: Path) -> None:
    if not path.is_file():
        raise OptionError(f"--{name}: expected a file, found no such file: {path}")


def _require_known(known: Collection[str], given: Mapping[str, Any], noun: str) -> None:
    """Raise `OptionError` where a file is given that does not belong to the model."""
    for name in given:
        if name not in known:
            raise OptionError(f"--{name}: expected none, since the model is a {noun}; found {given[name]}")


def _complete(row: Row, paths: dict[str, Path], untrained: bool) -> None:
    """Add the config beside weights; raise `OptionError` for a config without weights."""
    if row.weights in paths:
        paths.setdefault(row.config, paths[row.weights].with_name(row.config_name))
    elif row.config in paths and not untrained:
        raise OptionError(f"--{row.weights}: expected the weights of --{row.config}, found none")


def task_of(paths: Mapping[str, Path], untrained: bool = False, family: Family | None = None) -> str:
    """The task, of `family` if one is given, of the model whose files are named by options.

    Raises `OptionError` where none is named, or models of several families are.
    """
    tasks = {name: FAMILIES[name] for name in with_bundles() if family in (None, family_of(name))}
    asked = {name: row for name, row in tasks.items() if row.weights in paths or row.config in paths}
    named = [name for name, row in asked.items() if row.weights in paths or untrained]
    beside = {companion for name in named for companion in FAMILIES[name].companions}
    named = [name for name in named if name not in beside]
    if not named:
        options = " or ".join(dict.fromkeys(f"--{row.weights}" for row in (asked or tasks).values()))
        raise OptionError(f"{options}: expected a file (or --model_file, --model_tag: a packed model), found none")
    row = tasks[named[0]]
    if any(tasks[name].weights != row.weights for name in named):
        found = " and ".join(dict.fromkeys(f"--{tasks[name].weights}" for name in named))
        raise OptionError(f"{found}: expected one model, found several")
    config = paths.get(row.config) or paths[row.weights].with_name(row.config_name)
    return detect.task_of(read_mapping(config), named, str(config))


def _load(task: str, files: dict[str, Path]) -> Trained:
    row, own = FAMILIES[task], task_class(task)
    model, config = _build(row, task, files)
    own.read_files(config, files)
    parts = list(model.parts())
    for name in row.companions:
        companion = FAMILIES[name]
        if companion.config in files:
            other, other_config = _build(companion, name, files)
            own.require_companion(name, config, other_config, files[companion.config])
            parts += own.companion_parts(name, config, other)
    all_files = {**files, **own.further_files(config)}
    return Trained(task, model, tuple(parts), config, all_files, own.tokenizer(model, config, files[row.config]))


def _build(row: Row, task: str, files: Mapping[str, Path]) -> tuple[Any, argparse.Namespace]:
    config, weights = files[row.config], files.get(row.weights)
    model, built = task_class(task).build_model_from_file(config, weights)
    if weights is not None:
        _log.info("loaded the %s %s", row.noun, weights)
    else:
        _log.warning("%s: expected weights, %s, found none: those of the %s are random", config, row.weights, row.noun)
    return model, built
