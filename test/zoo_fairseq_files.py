"""Files in fairseq's format, and what upstream's encoders ask of fairseq, which the Python here cannot install.

The models behind it are s3prl's copies of fairseq's own.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = "tiny.pt"


@dataclass(frozen=True)
class FairseqFile:
    """A directory with the file of a model, "wav2vec2" or "hubert", with these options; as `args` in old files."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    old: bool = False
    classes: int = 0

    def write(self, directory: Path) -> Path:
        """Make the file."""
        import argparse

        import torch

        config = {"args": argparse.Namespace(**self.options)} if self.old else {"cfg": {"model": dict(self.options)}}
        weights = {"label_embs_concat": torch.zeros(self.classes, 1)} if self.classes else {}
        torch.save({**config, "model": weights}, directory / NAME)
        if importlib.util.find_spec("espnet2.runtime") is None:
            _prepare_upstream(self)
        return directory


@dataclass(frozen=True)
class Dictionary:
    """A file of this many classes."""

    classes: int

    def write(self, directory: Path) -> Path:
        """Make the file."""
        path = directory / "dict.txt"
        path.write_text("".join(f"{index} 1\n" for index in range(self.classes)))
        if importlib.util.find_spec("espnet2.runtime") is None:
            _prepare_upstream(FairseqFile("hubert"))
        return path


def _prepare_upstream(file: FairseqFile) -> None:
    """Stand in for fairseq."""
    from s3prl.upstream.hubert import hubert_model
    from s3prl.upstream.wav2vec2 import wav2vec2_model

    def load(*_: Any, **__: Any) -> tuple[list, Any, Any]:
        options = dict(file.options)
        if file.kind == "wav2vec2":
            model = wav2vec2_model.Wav2Vec2Model(wav2vec2_model.Wav2Vec2Config(**options))
        else:
            config = hubert_model.HubertConfig(label_rate=50, **options)
            pretraining = hubert_model.HubertPretrainingConfig()
            model = hubert_model.HubertModel(config, pretraining, [list(range(file.classes))])
        size = types.SimpleNamespace(encoder_embed_dim=options["encoder_embed_dim"])
        return [model], types.SimpleNamespace(model=size), types.SimpleNamespace()

    _module("fairseq")
    for name in ("models", "models.wav2vec", "models.hubert", "data", "tasks"):
        _module(f"fairseq.{name}")
    _module("fairseq.checkpoint_utils", load_model_ensemble_and_task=load)
    _module("fairseq.models.wav2vec.wav2vec2", Wav2Vec2Model=wav2vec2_model.Wav2Vec2Model)
    _module(
        "fairseq.models.hubert.hubert",
        HubertModel=hubert_model.HubertModel,
        HubertConfig=lambda: hubert_model.HubertConfig(label_rate=50),
        HubertPretrainingConfig=hubert_model.HubertPretrainingConfig,
    )
    _module("fairseq.data.dictionary", Dictionary=_Symbols)


class _Symbols:
    """fairseq's dictionary: four symbols of its own, and those of a file or added one by one."""

    def __init__(self) -> None:
        self.symbols = ["<s>", "<pad>", "</s>", "<unk>"]

    def add_from_file(self, path: str) -> None:
        self.symbols += Path(path).read_text().splitlines()

    def add_symbol(self, symbol: str) -> None:
        self.symbols.append(symbol)

    def __len__(self) -> int:
        return len(self.symbols)


def _module(name: str, **content: Any) -> None:
    sys.modules[name] = module = types.ModuleType(name)
    vars(module).update(content)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
