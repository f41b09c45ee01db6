"""Store upstream ESPnet's training defaults, learning rates, averages and statistics.

    .oracle/bin/python tools/make_trainer_golden.py

writes `test/golden/trainer.json` and `test/golden/trainer/collected_stats.npz`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml

GOLDEN = Path(__file__).resolve().parents[1] / "test" / "golden"
COMMANDS = ("asr_train", "lm_train", "asr_transducer_train")
COLLECTED = ("feats_stats", "feats_lengths_stats")
STEPS = 50
SCHEDULES = [
    ("noamlr", {"model_size": 64, "warmup_steps": 10}),
    ("warmuplr", {"warmup_steps": 10}),
    ("warmuplr", {"warmup_steps": 7.5}),
    ("piecewiselinearwarmuplr", {"warmup_steps_list": [0, 10, 25], "warmup_lr_list": [0.0, 0.001, 0.01]}),
    ("warmupsteplr", {"warmup_steps": 10, "steps_per_epoch": 7, "step_size": 2, "gamma": 0.5}),
    ("warmupreducelronplateau", {"warmup_steps": 10, "patience": 2, "factor": 0.5}),
    ("cosineannealingwarmuprestarts", {"first_cycle_steps": 20, "warmup_steps": 5, "max_lr": 0.1, "min_lr": 0.001}),
    (
        "cosineannealingwarmuprestarts",
        {"first_cycle_steps": 8, "cycle_mult": 1.5, "warmup_steps": 3, "max_lr": 0.1, "min_lr": 0.001, "gamma": 0.7},
    ),
    ("tristagelr", {"max_steps": 40, "warmup_ratio": 0.2, "hold_ratio": 0.3, "decay_ratio": 0.5}),
    ("exponentialdecaywarmup", {"max_lr": 0.01, "min_lr": 0.0001, "total_steps": 40, "warmup_steps": 5}),
    (
        "exponentialdecaywarmup",
        {"max_lr": 0.01, "min_lr": 0.0001, "total_steps": 40, "warmup_steps": 5, "warm_from_zero": True},
    ),
]


def default_config(command: str) -> dict:
    """Output of `--print_config`."""
    arguments = [sys.executable, "-m", f"espnet2.bin.{command}", "--print_config"]
    with tempfile.TemporaryDirectory() as elsewhere:  # a directory in which espnet2 is upstream's
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=elsewhere)
    return yaml.safe_load(done.stdout[done.stdout.index("log_level:") :])


def learning_rates(name: str, conf: dict) -> dict:
    """Learning rates of two groups of parameters before each of the steps, and when steps are made."""
    from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler, AbsValEpochStepScheduler

    from espnet2.tasks.abs_task import scheduler_classes

    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.002}], lr=0.5)
    cls = scheduler_classes[name]
    scheduler = cls(optimizer, **conf)
    reads = issubclass(cls, AbsValEpochStepScheduler)
    rates = []
    for step in range(STEPS):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        # The monitored value stops improving after a while.
        if name == "warmupreducelronplateau":
            scheduler.step()
            if step % 3 == 2:
                scheduler.step(max(10 - step, 0))
        else:
            scheduler.step()
    return {"name": name, "conf": conf, "rates": rates, "batch": issubclass(cls, AbsBatchStepScheduler), "reads": reads}


def kinds() -> dict:
    """Whether each scheduler steps after batches, and whether it reads a value."""
    from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler, AbsValEpochStepScheduler

    from espnet2.tasks.abs_task import optim_classes, scheduler_classes

    found = {
        name: [issubclass(cls, AbsBatchStepScheduler), issubclass(cls, AbsValEpochStepScheduler)]
        for name, cls in scheduler_classes.items()
    }
    return {"schedulers": found, "optimizers": list(optim_classes)}


def log_lines() -> list:
    """Statistics of batches, and their log line."""
    from espnet2.train.reporter import Reporter

    reporter, batches = Reporter(), [(0.0, 1), (0.5, 3), (float("nan"), 2), (2.0, 5)]
    with reporter.observe("train", 1) as observed:
        for value, weight in batches:
            observed.register({"a": value, "b": value * 1e-4, "c": value * 1e6, "d": 0.0, "e": -value}, weight)
            observed.next()
    line = reporter.log_message()
    return [batches, line[: line.index(", time=")]]


def collected_stats() -> dict:
    """Sums that `--collect_stats true` writes of the tests' tiny corpus, an utterance at a time."""
    sys.path.append(str(GOLDEN.parent))
    from tiny_training import make_corpus

    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "espnet2.bin.asr_train", *make_corpus(Path(directory))]
        command += ["--collect_stats", "true", "--batch_size", "1", "--output_dir", "all"]
        subprocess.run(command, check=True, cwd=directory)
        files = {name: np.load(Path(directory) / "all" / "train" / f"{name}.npz") for name in COLLECTED}
        return {f"{name}.{key}": file[key] for name, file in files.items() for key in file.files}


def main() -> None:
    """Write the goldens."""
    np.savez_compressed(GOLDEN / "trainer" / "collected_stats.npz", **collected_stats())
    found = {
        "defaults": {command: default_config(command) for command in COMMANDS},
        "schedules": [learning_rates(name, conf) for name, conf in SCHEDULES],
        **kinds(),
        "log": log_lines(),
    }
    with tempfile.NamedTemporaryFile("w", dir=GOLDEN, delete=False) as file:
        json.dump(found, file, indent=1, default=lambda value: np.asarray(value).tolist())
    Path(file.name).chmod(0o644)
    Path(file.name).rename(GOLDEN / "trainer.json")


if __name__ == "__main__":
    main()
