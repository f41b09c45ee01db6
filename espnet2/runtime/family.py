"""The torch-free half of a family of models.

A family knows its section of `bundle.yaml`, the options of inference, how graphs, section and options become what a
user calls, example signals, and how two results of one signal are compared. Exporter, verification, benchmark and
command lines know families by this interface alone. The other half is on PyTorch's side, a class derived from
`espnet2.tasks.abs_task.AbsTask`; `espnet2.interface.families` names both.

Bases: `families.search` (recognition, translation), `families.synthesis` (speech from text), `families.map` (one call
and a post-processing).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from espnet2.interface.check import Check
from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.section import Section

Components = Mapping[str, Component]
Run = Callable[[Any], Any]  # from a signal to its result
Stages = Mapping[str, Callable[[Any], Any]]  # by name: from the signal to the last stage's result, one after the other


class Options(Protocol):
    """Options of inference: a dataclass."""

    @classmethod
    def from_keywords(cls, options: Mapping[str, Any]) -> Any:
        """The options of keyword arguments; raises `OptionError` for one that is not known."""


class Family(ABC):
    """One family of models.

    Attributes:
        subject: What its models are for, in messages: "speech recognition".
        section: Its section of `bundle.yaml`.
        options: Its options of inference.
        entries: Components that signals go into, and the class of `espnet2.runtime` that takes a bundle with it.
        quantized: Components that have int8 siblings.
        judged_by_recognizer: Further ones, of synthesisers, where a recogniser judges the speech.
        most_deviation: Largest `deviation` of int8 graphs that is accepted.
        deviation_unit: What `deviation` counts, in messages.
        benchmark_options: Options of inference in benchmarks, where none are given.
    """

    subject: ClassVar[str]
    section: ClassVar[type[Section]]
    options: ClassVar[type[Options]]
    entries: ClassVar[Mapping[str, str]]
    quantized: ClassVar[Collection[str]] = ()
    judged_by_recognizer: ClassVar[Collection[str]] = ()
    most_deviation: ClassVar[float] = 0.0
    deviation_unit: ClassVar[str] = "deviation"
    benchmark_options: ClassVar[Mapping[str, Any]] = {}

    def read_options(self, keywords: Mapping[str, Any]) -> Any:
        """The options of inference that keyword arguments give; raises `OptionError`."""
        return self.options.from_keywords(keywords)

    @abstractmethod
    def require_usable(self, components: Components, section: Any) -> None:
        """Raise `BundleError` where a component is missing, or reads or returns other tensors than it is fed."""

    @abstractmethod
    def model(self, graphs: Mapping[str, Graph], section: Any, files: Mapping[str, Path], options: Any) -> Any:
        """The model that `run` takes: graphs, section, and what is made of its files.

        Args:
            graphs: By the names of their components.
            section: Of the bundle, or of a trained model.
            files: By role, as in `bundle.yaml`.
            options: Of inference.
        """

    @abstractmethod
    def run(self, model: Any, options: Any) -> Run:
        """The function from one signal to its result."""

    def stages(self, model: Any, options: Any) -> Stages:
        """The parts of `run` whose times a benchmark shows, in their order; default: all in one."""
        return {"run": self.run(model, options)}

    def duration(self, components: Components, section: Any, signal: Any, result: Any) -> float | None:
        """Seconds of the audio of a signal or of its result; None: not known."""
        return None

    @abstractmethod
    def signals(self, components: Components, section: Any, recordings: Sequence[str | Path]) -> dict[str, Any]:
        """Signals by name for verification and benchmarks: those of the files, drawn ones where there are none.

        Raises:
            EspnetError: A file cannot be used.
        """

    def following(self, signal: Any, expected: Any) -> Any:
        """The signal as onnxruntime takes it after PyTorch gave `expected`; default: as it is.

        A family whose results have a size that rounding decides adds what PyTorch decided, and `compare` the decisions.
        """
        return signal

    def check_signal(self, model: Any, signal: Any) -> None:
        """Raise `EspnetError` for a signal that is known not to run, before a model is exported; default: none is."""
        return

    @abstractmethod
    def compare(self, expected: Any, found: Any, name: str) -> list[Check]:
        """Checks of two results of the signal `name`, by PyTorch and by onnxruntime."""

    def deviation(self, expected: Sequence[Any], found: Sequence[Any]) -> float:
        """Measure the difference of results of int8 graphs from those of fp32 graphs, for the same signals."""
        raise NotImplementedError(f"{self.subject}: int8 graphs are not compared")

    def spoken(self, signal: Any, result: Any) -> tuple[str, Any]:
        """Text of a signal, and samples (N,) of its result, of synthesisers."""
        raise NotImplementedError(f"{self.subject}: results are no speech")

    def graphs_used(self, components: Components, options: Any) -> Collection[str]:
        """Names of the components that inference with these options runs; default: all."""
        return list(components)

    def checked_options(self, components: Components, section: Any, bounded: bool) -> tuple[Any, Any]:
        """Options of PyTorch and of onnxruntime when they are compared; `bounded`: on drawn signals, not on speech."""
        return self.read_options({}), self.read_options({})

    def defaults(self, components: Components) -> dict[str, Any]:
        """Options of inference for clients in other languages, as `bundle.yaml` states them."""
        return {}

    def exported_with(self, section: Any, provenance: Mapping[str, Any]) -> dict[str, Any]:
        """Keywords of `espnet2.inference.trained.load_trained` with which a bundle was exported."""
        return {}

    def require_entry(self, components: Components, entry: str) -> None:
        """Raise `BundleError` unless the component `entry` is there, which signals go into."""
        if entry not in components:
            others = (f"; it is for {user}" for name, user in self.entries.items() if name in components)
            listed = ", ".join(components)
            raise BundleError(f"expected a component '{entry}', found {listed}{next(others, '')}")
