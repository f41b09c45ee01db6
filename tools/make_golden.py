"""Store what upstream ESPnet computes for the rows of `test/zoo.py`, under `test/golden/`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_golden.py [row ...]      # all rows by default; prints each with its largest value

Each utterance is run alone, because upstream's padded batches let padding leak into valid frames. A second run writes
the same bytes, on the same machine.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import upstream_names  # noqa: F401 - before its directory leaves the path

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "test" / "golden"
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
import zoo_data  # noqa: E402


def without_a_gpu() -> None:
    """Make upstream's RWKV process labels one by one; its batched form needs a CUDA kernel that is compiled at build
    time."""
    upstream = "espnet2.asr_transducer.decoder."
    decoder = zoo_calls.attribute(f"{upstream}rwkv_decoder:RWKVDecoder")
    importlib.import_module(f"{upstream}modules.rwkv.attention").load_wkv_kernel = lambda *_: None

    def forward(self: torch.nn.Module, labels: torch.Tensor) -> torch.Tensor:
        states, read = self.init_state(len(labels)), []
        for position in range(labels.shape[1]):
            out, states = self.inference(labels[:, position : position + 1], states)
            read.append(out.view(len(labels), 1, -1))
        return torch.cat(read, 1)

    decoder.forward = forward


def with_a_linear_layer() -> None:
    """Take a classifier of one class for upstream's decoder of spoofed speech, which has no layer yet."""
    classifier = zoo_calls.attribute("espnet2.cls.decoder.linear_decoder:LinearDecoder")
    module = importlib.import_module("espnet2.asvspoof.decoder.linear_decoder")
    module.LinearDecoder = lambda encoder_output_size: classifier(1, encoder_output_size)


def golden(row: zoo_data.Row) -> dict[str, np.ndarray]:
    """The row's state dict as JSON under "state", and `index.name` for each output of each utterance."""
    with tempfile.TemporaryDirectory() as directory:
        module = zoo_calls.module_for(row, Path(directory))
        arrays = {"state": np.array(json.dumps(zoo_calls.state_of(module)))}
        for index in range(len(row.lengths)):
            (outputs,) = zoo_calls.outputs_of(row, module, [index])
            arrays.update({f"{index}.{name}": value for name, value in outputs.items()})
    return arrays


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    without_a_gpu()
    with_a_linear_layer()
    unknown = sorted(set(names) - set(zoo.ROWS))
    if unknown:
        raise SystemExit(f"unknown rows: {', '.join(unknown)}; known: {', '.join(zoo.ROWS)}")
    GOLDEN.mkdir(exist_ok=True)
    for name in names or zoo.ROWS:
        arrays = golden(zoo.ROWS[name])
        np.savez_compressed(GOLDEN / f"{name}.npz", **arrays)
        shapes = {key: value.shape for key, value in arrays.items() if key != "state"}
        largest = max(float(np.abs(value).max()) for key, value in arrays.items() if key != "state")
        print(f"{name:40s} {largest:8.3f} {shapes}")


if __name__ == "__main__":
    main(sys.argv[1:])
