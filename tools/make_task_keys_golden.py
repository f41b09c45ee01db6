"""Store the keys of upstream's configs, task by task, in `test/golden/task_keys.json`.

Run it with the Python of an environment that holds a release of upstream ESPnet, from the repository's root:

    RELEASE/bin/python tools/make_task_keys_golden.py

It replaces the release's section of the file. Keys that every task has are left out; of a choice that tells the task,
the default is stored. Tasks that the environment cannot import are skipped.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from importlib.metadata import version
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "test" / "golden" / "task_keys.json"
import upstream_names  # noqa: E402, F401

SAME_NAME = {"espnet2.tasks.s2t_ctc": "S2TCTCTask"}  # tasks that are stored under another name than their class has
CHOICES = ("preprocessor", "model", "decoder")


def defaults_of(module: str) -> dict[str, dict]:
    """The defaults of the options of a module's tasks."""
    try:
        tasks = vars(importlib.import_module(module))
        found = [
            task
            for name, task in tasks.items()
            if name.endswith("Task") and isinstance(task, type) and task.__module__ == module
        ]
        names = [SAME_NAME.get(module, task.__name__) for task in found]
        keys = [{a.dest: a.default for a in task.get_parser()._actions} for task in found]
        return dict(zip(names, keys, strict=True))
    except Exception as error:  # what is missing is different for each task
        print(f"{module}: {type(error).__name__}", file=sys.stderr)
        return {}


def main() -> None:
    package = importlib.import_module("espnet2.tasks")
    tasks: dict[str, dict] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "abs_task":
            tasks = defaults_of(f"espnet2.tasks.{module.name}") | tasks  # enh_asr had another `ASRTask`
    shared = set.intersection(*(set(keys) for keys in tasks.values()))
    stored = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    stored[version("espnet")] = {
        name: {key: keys[key] if key in CHOICES else None for key in sorted(set(keys) - shared)}
        for name, keys in sorted(tasks.items())
    }
    releases = [
        f"{json.dumps(release)}: {{\n "
        + ",\n ".join(f"{json.dumps(task)}: {json.dumps(keys)}" for task, keys in tasks.items())
        + "\n}"
        for release, tasks in sorted(stored.items())
    ]
    GOLDEN.write_text("{\n" + ",\n".join(releases) + "\n}\n")


if __name__ == "__main__":
    main()
