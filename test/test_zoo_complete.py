"""Whatever a config may name has a row in the zoo, and every row has a golden."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zoo

import espnet2.tasks
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices

TRAINING_ONLY = {"specaug"}  # sections whose classes do nothing at inference


def _tasks() -> Iterator[type[AbsTask]]:
    for module in pkgutil.iter_modules(espnet2.tasks.__path__, "espnet2.tasks."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, AbsTask) and value.__module__ == module.name:
                yield value


def _registered() -> list:
    return [
        pytest.param(task, choices, name, id=f"{task.__name__}-{choices.section}-{name}")
        for task in _tasks()
        for choices in task.choices()
        if choices.section not in TRAINING_ONLY
        for name in choices.classes
    ]


@pytest.mark.parametrize(("task", "choices", "name"), _registered())
def test_registered_name_has_a_row(task: type[AbsTask], choices: Choices, name: str):
    path = f"{task.__module__}:{task.__name__}"
    alone = [row for row in zoo.ROWS.values() if row.target == choices.classes[name]]
    configured = [row for row in zoo.ROWS.values() if row.target == path and row.make.keys.get(choices.section) == name]
    unavailable = [target for target, *_ in zoo.UNAVAILABLE if target == choices.classes[name]]
    assert alone or configured or unavailable, (
        f"test/zoo.py has no row for {choices.section}: {name} ({choices.classes[name]})"
    )


def test_tasks_are_found():
    assert {"ASRTask", "ASRTransducerTask", "LMTask"} <= {task.__name__ for task in _tasks()}


def test_every_row_has_a_golden_and_every_golden_a_row():
    assert {path.stem for path in Path(__file__).with_name("golden").glob("*.npz")} == set(zoo.ROWS)


def test_page_of_architectures_is_up_to_date(repo_dir):
    command = [sys.executable, "tools/architecture_table.py", "--check"]
    run = subprocess.run(command, cwd=repo_dir, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_goldens_are_small():
    sizes = [path.stat().st_size for path in Path(__file__).with_name("golden").glob("*.npz")]
    assert sum(sizes) < 4_000_000  # bytes
