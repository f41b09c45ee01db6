"""A trained model as the exporter sees it: modules with their components, and what a bundle has to know beside them."""

from __future__ import annotations

import argparse
import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import torch

from espnet2.export.torch_graph import TorchGraph
from espnet2.main_funcs.pretrained import find_model
from espnet2.runtime.errors import OptionError
from espnet2.runtime.spec import Component
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

Part = tuple[torch.nn.Module, Component]


@dataclass(frozen=True)
class Trained:
    """The parts of a recogniser (and of its language model), its configuration, and the files it came from."""

    parts: tuple[Part, ...]
    config: argparse.Namespace
    files: dict[str, Path]
    ngram_file: Path | None = None
    n_parameters: int = 0
    checksums: dict[str, str] = field(default_factory=dict)

    @property
    def graphs(self) -> dict[str, TorchGraph]:
        """Each component, run by PyTorch."""
        return {component.name: TorchGraph(module, component) for module, component in self.parts}


def load_trained(
    asr_train_config: str | Path | None = None,
    asr_model_file: str | Path | None = None,
    lm_train_config: str | Path | None = None,
    lm_file: str | Path | None = None,
    ngram_file: str | Path | None = None,
    model_file: str | Path | None = None,
    model_tag: str | None = None,
) -> Trained:
    """Build and load a recogniser from its files, from a packed model, or from the hub; options given win.

    Raises `OptionError` when no recogniser is named, and what reading its files raises.
    """
    files = find_model(model_file=model_file, model_tag=model_tag) if model_file or model_tag else {}
    given = {
        "asr_train_config": asr_train_config,
        "asr_model_file": asr_model_file,
        "lm_train_config": lm_train_config,
        "lm_file": lm_file,
        "ngram_file": ngram_file,
    }
    files = {**files, **{name: value for name, value in given.items() if value is not None}}
    for name in ("asr_train_config", "asr_model_file"):
        if name not in files:
            raise OptionError(f"--{name}: expected a file (or --model_file, --model_tag for a packed model), found none")
    if ("lm_train_config" in files) != ("lm_file" in files):
        raise OptionError("--lm_train_config and --lm_file: expected both or neither, found one")
    paths = {name: Path(value) for name, value in files.items() if name in given}
    return _load(paths)


def _load(files: dict[str, Path]) -> Trained:
    model, config = ASRTask.build_model_from_file(files["asr_train_config"], files["asr_model_file"])
    parts, models = list(model.parts()), [model]
    logging.info("loaded %s", files["asr_model_file"])
    if "lm_file" in files:
        lm, _ = LMTask.build_model_from_file(files["lm_train_config"], files["lm_file"])
        parts += lm.parts()
        models.append(lm)
        logging.info("loaded %s", files["lm_file"])
    return Trained(
        parts=tuple(parts),
        config=config,
        files=files,
        ngram_file=files.get("ngram_file"),
        n_parameters=sum(p.numel() for m in models for p in m.parameters()),
        checksums={name: sha256(path) for name, path in files.items()},
    )


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()
