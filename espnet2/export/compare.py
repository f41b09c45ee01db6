"""A trained model against graphs made from it: component by component, then by the results of whole signals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from espnet2.export.verify import verify_component
from espnet2.inference.trained import Trained
from espnet2.interface.check import Check
from espnet2.interface.errors import AudioError
from espnet2.interface.graph import Graph

Signals = Mapping[str, Any]


def compare_all(trained: Trained, graphs: Mapping[str, Graph], signals: Signals, bounded: bool) -> list[Check]:
    """Every comparison; `bounded`: signals are drawn, so that their results need not be complete."""
    return [
        *compare_components(trained, graphs),
        *trained.task_class.further_checks(trained, graphs, signals),
        *compare_results(trained, graphs, signals, bounded),
    ]


def require_runnable(trained: Trained, signals: Signals, bounded: bool) -> None:
    """Raise what loading the model's other files and checking the signals raises, before its graphs are made."""
    for options in _checked_options(trained, trained.graphs, bounded):
        model = trained.runtime_model(options)
        for signal in signals.values():
            trained.family.check_signal(model, signal)


def compare_components(trained: Trained, graphs: Mapping[str, Graph]) -> list[Check]:
    """Every component over all cases of `verify`."""
    checks = []
    references = trained.graphs
    for _, component in tqdm(trained.parts, desc="verify", unit="graph"):
        checks += verify_component(component, references[component.name], graphs[component.name])
    return checks


def compare_results(trained: Trained, graphs: Mapping[str, Graph], signals: Signals, bounded: bool) -> list[Check]:
    """Results of PyTorch and of `graphs` for each signal."""
    family = trained.family
    theirs, ours = _checked_options(trained, graphs, bounded)
    reference, candidate = trained.run(theirs), trained.run(ours, graphs)
    checks = []
    for name, signal in tqdm(signals.items(), desc="compare", unit="signal"):
        try:
            expected = reference(signal)
            checks += family.compare(expected, candidate(family.following(signal, expected)), name)
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from error
    return checks


def deviation(
    trained: Trained, graphs: Mapping[str, Graph], others: Mapping[str, Graph], signals: Signals, bounded: bool
) -> float:
    """Measure the difference of results of `others` from those of `graphs`, in the family's terms."""
    _, options = _checked_options(trained, graphs, bounded)
    expected, found = (list(map(trained.run(options, given), signals.values())) for given in (graphs, others))
    return trained.family.deviation(expected, found)


def _checked_options(trained: Trained, graphs: Mapping[str, Graph], bounded: bool) -> tuple[Any, Any]:
    components = {name: graph.component for name, graph in graphs.items()}
    return trained.family.checked_options(components, trained.section, bounded)
