"""Time of a training step, forward and backward, in one environment or side by side in several, on one thread.

    python tools/bench/training_step.py CONFIG [--python .venv/bin/python ORACLE/bin/python] [--rounds 3] [--steps 5]

CONFIG is the config.yaml of a trained model, whose weights and data are not needed. The batch is 8 utterances of noise,
2 to 3 seconds long. Interpreters take turns; the shortest time of each counts, and ratios are to the last one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

SECONDS = (3.0, 2.9, 2.8, 2.6, 2.5, 2.3, 2.2, 2.0)  # 8 utterances
RATE = 16000  # samples per second
LETTERS = 12  # tokens of the longest text


def step_time(config: Path, task: str, steps: int) -> float:
    """Milliseconds of the fastest of some steps, in this environment."""
    import importlib

    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.chdir(config.parent)
    module, name = task.split(":")
    model, _ = getattr(importlib.import_module(module), name).build_model_from_file(config.name)
    model.train()
    lengths = torch.tensor([int(seconds * RATE) for seconds in SECONDS])
    text_lengths = torch.tensor([max(1, LETTERS - index) for index in range(len(SECONDS))])
    text = torch.randint(2, model.vocab_size - 1, (len(SECONDS), LETTERS))
    text[torch.arange(LETTERS) >= text_lengths[:, None]] = -1
    batch = {"speech": torch.randn(len(SECONDS), int(lengths.max())) * 0.1, "speech_lengths": lengths}
    times = []
    for _ in range(steps + 1):
        given = {name: value.clone() for name, value in {**batch, "text": text, "text_lengths": text_lengths}.items()}
        began = time.perf_counter()
        model.zero_grad()
        loss, _, _ = model(**given)
        loss.backward()
        times.append(time.perf_counter() - began)
    return min(times[1:]) * 1e3


def elsewhere(python: str, options: argparse.Namespace) -> float:
    """The same under another interpreter, which finds its own packages; the project's where it is the project's."""
    command = [python, __file__, str(options.config), "--task", options.task, "--steps", str(options.steps)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=options.config.parent)
    if run.returncode:
        raise SystemExit(f"{python}: {run.stderr.strip().splitlines()[-1]}")
    return json.loads(run.stdout.strip().splitlines()[-1])["ms"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=lambda given: Path(given).resolve())
    parser.add_argument("--python", nargs="+", default=[])
    parser.add_argument("--task", default="espnet2.tasks.asr:ASRTask")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    if not options.python:
        print(json.dumps({"ms": step_time(options.config, options.task, options.steps)}))
        return
    found: dict[str, float] = {}
    for _ in range(options.rounds):
        for python in options.python:
            found[python] = min(found.get(python, float("inf")), elsewhere(python, options))
    for python, milliseconds in found.items():
        print(f"{python}: {milliseconds:.1f} ms, ratio {milliseconds / found[options.python[-1]]:.3f}")


if __name__ == "__main__":
    main()
