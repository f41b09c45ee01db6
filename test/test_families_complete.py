"""Every family has rows in the zoo, a round trip from checkpoint to result, an import fence and a documented section.

A family that enters the table of `espnet2/interface/families.py` fails here until it has them.
"""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import zoo
import zoo_calls
import zoo_data
from test_imports import imported

import espnet2.runtime
import espnet2.tasks
from espnet2.export.make_bundle import make_bundle
from espnet2.inference.trained import load_trained
from espnet2.interface.families import FAMILIES, family_of, rows_of, task_class, with_bundles
from espnet2.runtime.loading import load
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices

TRAINING_ONLY = {"specaug"}  # sections whose classes do nothing at inference


def _tasks() -> Iterator[type[AbsTask]]:
    """Every task that is no base of others."""
    for module in pkgutil.iter_modules(espnet2.tasks.__path__, "espnet2.tasks."):
        for value in vars(importlib.import_module(module.name)).values():
            defined = isinstance(value, type) and value.__module__ == module.name
            if defined and issubclass(value, AbsTask) and not inspect.isabstract(value):
                yield value


def test_every_task_is_in_the_table():
    assert {f"{task.__module__}:{task.__name__}" for task in _tasks()} == {row.task for row in FAMILIES.values()}


def test_a_task_without_bundles_goes_with_one_that_has_them():
    companions = {name for row in FAMILIES.values() if row.family for name in row.companions}
    assert set(FAMILIES) == {*with_bundles(), *companions}


def _registered() -> list:
    return [
        pytest.param(task, choices, name, id=f"{task}-{choices.section}-{name}")
        for task in FAMILIES
        for choices in task_class(task).choices()
        if choices.section not in TRAINING_ONLY
        for name in choices.classes
    ]


@pytest.mark.parametrize(("task", "choices", "name"), _registered())
def test_registered_name_has_a_row(task: str, choices: Choices, name: str):
    path = FAMILIES[task].task
    alone = [row for row in zoo.ROWS.values() if row.target == choices.classes[name]]
    configured = [row for row in zoo.ROWS.values() if row.target == path and row.make.keys.get(choices.section) == name]
    unavailable = [target for target, *_ in zoo.UNAVAILABLE if target == choices.classes[name]]
    assert alone or configured or unavailable, (
        f"test/zoo.py has no row for {choices.section}: {name} ({choices.classes[name]})"
    )


def _saved(task: str, directory: Path, **keys: Any) -> dict[str, Path]:
    """Config, but for other `keys`, and weights of the task's model in `zoo.ROUND_TRIP`, by option."""
    assert task in zoo.ROUND_TRIP, f"test/zoo.py has no model of {task} in ROUND_TRIP"
    directory.mkdir()
    config = zoo.ROUND_TRIP[task]
    row = zoo_data.Row(f"round-trip-{task}", "", zoo_data.Config(config.task, {**config.keys, **keys}), (), ())
    assert row.target == FAMILIES[task].task
    torch.save(zoo_calls.module_for(row, directory).state_dict(), directory / "model.pth")
    return {FAMILIES[task].config: directory / "config.yaml", FAMILIES[task].weights: directory / "model.pth"}


def _files(task: str, directory: Path) -> dict[str, Path]:
    """Those of the task, and of its companions that have no bundles of their own."""
    names = [task, *(name for name in FAMILIES[task].companions if not FAMILIES[name].family)]
    own = zoo.ROUND_TRIP[task].keys
    found = {}
    for name in names:
        tokens = "src_token_list" if name.startswith("src_") else "token_list"
        keys = {"token_list": own[tokens]} if tokens in own else {}  # a language model has the same
        found |= _saved(name, directory / name, **keys)
    return found


@pytest.mark.parametrize("task", with_bundles())
def test_results_of_a_bundle_equal_those_of_its_checkpoint(task: str, tmp_path: Path):
    files, family = _files(task, tmp_path), family_of(task)
    bundle, trained = make_bundle(tmp_path / "bundle", **files), load_trained(**files)
    assert trained.family is family
    assert set(bundle.components) == {component.name for _, component in trained.parts}
    theirs, ours = family.checked_options(bundle.components, bundle.section, bounded=True)
    entry = next(name for name in family.entries if name in bundle.components)
    loaded = load(bundle.path, family, entry, dataclasses.asdict(ours), num_threads=1)
    reference, candidate = trained.run(theirs), family.run(loaded.model, loaded.options)
    signals = family.signals(bundle.components, bundle.section, [])
    assert signals
    for name, signal in signals.items():
        checks = family.compare(reference(signal), candidate(signal), name)
        assert checks
        assert all(check.passed for check in checks), checks


@pytest.mark.parametrize("task", with_bundles())
def test_the_runtime_half_imports_without_torch(task: str):
    """The family, and the classes that its bundles are for."""
    users = [getattr(espnet2.runtime, name) for name in family_of(task).entries.values()]
    modules = {FAMILIES[task].family.partition(":")[0], *(user.__module__ for user in users)}
    assert users
    assert modules <= imported(*sorted(modules))


def _sections(page: str) -> dict[str, str]:
    """Text of the page's sections by their titles."""
    return dict(section.partition("\n")[::2] for section in page.split("\n## ")[1:])


@pytest.mark.parametrize("task", FAMILIES)
def test_every_choice_is_on_the_page_of_architectures(task: str, repo_dir: Path):
    page, half = (repo_dir / "doc" / "architectures.md").read_text(encoding="utf-8"), task_class(task)
    (section,) = (text for title, text in _sections(page).items() if f"(`{half.__module__}`)" in title)
    listed: dict[str, Any] = {}
    for part in section.split("\n### ")[1:]:
        title, _, table = part.partition("\n")
        listed[title] = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    for choices in half.choices():
        if choices.section not in TRAINING_ONLY:
            assert listed[f"`{choices.section}`"] == list(choices.classes)


def test_options_of_files_have_one_meaning():
    for task in with_bundles():
        options = [option for row in rows_of(task) for option in (*row.options(), *row.files)]
        assert len(set(options)) == len(options)
