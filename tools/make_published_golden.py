"""Make test/golden/published.json with upstream ESPnet: n-best lists of the configurations in test/published.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_published_golden.py [configuration ...]      # all by default
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import published_models as published  # noqa: E402

# Upstream's recurrent encoders apply dropout in decoding, too, so that its results are random.
WITHOUT_DROPOUT = {"rnn", "vgg_rnn"}
COMMANDS = {"asr": "espnet2.bin.asr_inference", "asr_transducer": "espnet2.bin.asr_transducer_inference"}


def build(task: str, config: Path) -> torch.nn.Module:
    module, name = task.split(":")
    task_class = getattr(importlib.import_module(module), name)
    defaults = task_class.get_default_config()
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    if written.get("encoder") in WITHOUT_DROPOUT:
        written["encoder_conf"]["dropout"] = 0.0
    config.write_text(yaml.safe_dump({**defaults, **written}, allow_unicode=True), encoding="utf-8")
    return task_class.build_model_from_file(str(config))[0]


def decode(name: str) -> list[Any]:
    """[token indices, score] of each hypothesis; of several speakers, a list of such lists."""
    found = published.read(name)
    with tempfile.TemporaryDirectory() as directory:
        files = published.write(name, Path(directory), build)
        command = importlib.import_module(COMMANDS[found.task])
        recognise = command.Speech2Text(**files, nbest=published.NBEST, **found.decode)
        for part in (recognise.beam_search, getattr(recognise, "beam_search_transducer", None)):
            if getattr(part, "lm", None) is not None:
                part.lm.eval()
        results = recognise(published.speech(found))
    if found.decode.get("multi_asr"):
        return [nbest_of(speaker) for speaker in results]
    if isinstance(results, tuple):  # with texts of intermediate layers
        results = results[0]
    if found.decode.get("hugging_face_decoder"):  # upstream's texts of transformers have no scores
        return [(list(map(int, token_int)), None) for _, _, token_int, _ in results[: published.NBEST]]
    to_results = getattr(recognise, "hypotheses_to_results", None)
    return nbest_of(results if to_results is None else to_results(results))


def nbest_of(results: list[tuple]) -> list[tuple[list[int], float]]:
    return [
        (list(map(int, token_int)), round(float(hypothesis.score), 5))
        for _, _, token_int, hypothesis in results[: published.NBEST]
    ]


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    goldens = json.loads(published.GOLDEN.read_text()) if published.GOLDEN.exists() else {}
    for name in names or published.names():
        goldens[name] = decode(name)
        print(name, len(goldens[name]), flush=True)
    lines = (f"{json.dumps(name)}: {json.dumps(goldens[name])}" for name in sorted(goldens))
    published.GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
