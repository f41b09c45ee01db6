"""Store upstream ESPnet's results for small data sets: batches, orders of epochs, values, under `test/golden/data/`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_data_golden.py

The inputs are made by `test/data_cases.py`, which the tests use, too. A second run writes the same bytes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "test" / "golden" / "data"
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import data_cases  # noqa: E402

from espnet2.iterators.sequence_iter_factory import SequenceIterFactory  # noqa: E402
from espnet2.samplers.build_batch_sampler import build_batch_sampler  # noqa: E402
from espnet2.train.collate_fn import CommonCollateFn  # noqa: E402
from espnet2.train.dataset import ESPnetDataset  # noqa: E402
from espnet2.train.preprocessor import CommonPreprocessor, detect_non_silence  # noqa: E402


def batches() -> list[list[list[int]]]:
    """For each case: batches of the numbers in the names of utterances."""
    cases = data_cases.sampler_cases()
    return [[[int(name[3:]) for name in batch] for batch in build_batch_sampler(**case)] for case in cases]


def orders() -> list[list[int]]:
    """For each case: batches of an epoch."""
    found = []
    for options, epoch in data_cases.EPOCHS:
        named = [(str(index),) for index in range(data_cases.BATCHES)]
        factory = SequenceIterFactory(data_cases.Echo(), named, collate_fn=list, **options)
        found.append([int(name) for (name,) in factory.build_iter(epoch)])
    return found


def values() -> dict[str, Any]:
    """For each type of file: the arrays of its utterances."""
    arrays = {}
    for path, kind in data_cases.FILES.items():
        dataset = ESPnetDataset([(path, "value", kind)])
        items = [dataset[name] for name in dataset]
        arrays[path] = {name: data_cases.plain(item["value"]) for name, item in items}
        _, batch = CommonCollateFn(float_pad_value=0.5, int_pad_value=-1)(items)
        arrays[f"{path} batch"] = {name: data_cases.plain(tensor.numpy()) for name, tensor in batch.items()}
    return arrays


def tokens() -> list[list[int]]:
    """For each case: the indices of each text."""
    found = []
    for options in data_cases.TOKENIZERS:
        preprocessor = CommonPreprocessor(train=True, **options)
        found.append([preprocessor("utt", {"text": text})["text"].tolist() for text in data_cases.TEXTS])
    return found


def speech() -> dict[str, Any]:
    """Speech with reverberation, with noise, scaled; and voice activity."""
    samples = data_cases.speech()
    found: dict[str, Any] = {"is_speech": np.flatnonzero(np.diff(detect_non_silence(samples).astype(int))).tolist()}
    for name, options in data_cases.SPEECH.items():
        changed = CommonPreprocessor(train=True, **options)("utt", {"speech": samples.copy()})["speech"]
        found[name] = [float(f"{value:.6g}") for value in changed.reshape(-1)[:: data_cases.STEP]]
    return found


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    makers = {"batches": batches, "orders": orders, "values": values, "tokens": tokens, "speech": speech}
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        data_cases.write_files()
        for name, maker in makers.items():
            (GOLDEN / f"{name}.json").write_text(json.dumps(maker(), separators=(",", ":")) + "\n")
            print(name, (GOLDEN / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    main()
