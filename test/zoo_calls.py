"""Building the zoo's rows and calling what was built: the same few lines for upstream's modules and for ours."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_data
from zoo_kind import Batch, Kind, attribute

# Those of all modules called `zoo_*_kinds`.
KINDS: dict[str, Kind] = {}
for _path in sorted(Path(__file__).parent.glob("zoo_*_kinds.py")):
    _found = importlib.import_module(_path.stem).KINDS
    if twice := KINDS.keys() & _found.keys():
        raise ValueError(f"{_path.name}: expected names that no other kind has, found {', '.join(sorted(twice))}")
    KINDS |= _found


def build(spec: Any, directory: Path) -> Any:
    """The object that `spec` describes; files that it needs are written to `directory`."""
    if isinstance(spec, zoo_data.New):
        return attribute(spec.target)(**build(dict(spec.options), directory))
    if isinstance(spec, zoo_data.Config):
        return _from_task(spec, directory)
    if isinstance(spec, zoo_data.Stats):
        return str(_write_stats(spec, directory))
    if hasattr(spec, "write"):
        return str(spec.write(directory))
    if isinstance(spec, zoo_data.Pretrained):
        return attribute("zoo_huggingface_files:write")(spec, directory)
    if isinstance(spec, dict):
        return {key: build(value, directory) for key, value in spec.items()}
    return spec


def _from_task(spec: zoo_data.Config, directory: Path) -> torch.nn.Module:
    task = attribute(spec.task)
    keys = build(dict(spec.keys), directory)
    config = directory / "config.yaml"
    config.write_text(json.dumps({**_task_defaults(task), **keys}))  # JSON is YAML
    return task.build_model_from_file(str(config))[0]


def _task_defaults(task: Any) -> dict[str, Any]:
    """All keys of a training config, as upstream's own training writes them, where the task can tell."""
    return task.get_default_config() if hasattr(task, "get_default_config") else {}


def _write_stats(stats: zoo_data.Stats, directory: Path) -> Path:
    arrays = zoo_data.stats_arrays(stats)
    path = directory / f"stats.{stats.style}"
    if stats.style == "npz":
        np.savez(path, **arrays)
    else:  # Kaldi's: sums with the count behind them, sums of squares with a zero
        np.save(path, np.stack([np.append(arrays["sum"], arrays["count"]), np.append(arrays["sum_square"], 0.0)]))
    return path


def module_for(row: zoo_data.Row, directory: Path) -> torch.nn.Module:
    """The row's module in evaluation mode, with the zoo's weights, in the precision that training gives it."""
    module = build(row.make, directory).float().eval()
    state = {key: value.numpy() for key, value in module.state_dict().items()}
    weights = {key: torch.from_numpy(value) for key, value in zoo_data.filled(row, state).items()}
    module.load_state_dict(weights, strict=True)
    return module


def state_of(module: torch.nn.Module) -> dict[str, list]:
    """Shape and dtype of every state-dict entry."""
    return {
        key: [list(value.shape), str(value.dtype).removeprefix("torch.")] for key, value in module.state_dict().items()
    }


def batch_of(row: zoo_data.Row, indices: Sequence[int], padding: float = 0.0) -> tuple[Batch, torch.Tensor]:
    """The inputs of some of a row's utterances, padded behind their ends, and their lengths."""
    utterances = [zoo_data.utterance(row, index) for index in indices]
    tensors = {array.name: _padded([u[array.name] for u in utterances], array, padding) for array in row.inputs}
    return tensors, torch.tensor([row.lengths[index] for index in indices])


def _padded(items: Sequence[np.ndarray], array: zoo_data.Array, padding: float) -> torch.Tensor:
    longest = max(items, key=len)
    if array.centred:
        return torch.from_numpy(longest)[None]
    batch = np.full((len(items), *longest.shape), 0 if array.below else padding, longest.dtype)
    for row, item in zip(batch, items, strict=True):
        row[: len(item)] = item
    return torch.from_numpy(batch)


def outputs_of(row: zoo_data.Row, module: torch.nn.Module, indices: Sequence[int], padding: float = 0.0) -> list[dict]:
    """Run utterances as one batch; returns for each: name -> valid part of the output, as numpy arrays."""
    batch, lengths = batch_of(row, indices, padding)
    with torch.no_grad():
        outputs = KINDS[row.kind].call(module, batch, lengths)
    return [
        {name: value[i, : int(valid[i])].numpy()[:: row.keep] for name, (value, valid) in outputs.items()}
        for i in range(len(lengths))
    ]
