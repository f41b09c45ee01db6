"""Hooks of a task whose models are exported: content of a bundle, and inference on PyTorch."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from espnet2.interface.check import Check
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.family import Family
from espnet2.runtime.section import Section
from espnet2.text.abs_tokenizer import AbsTokenizer

Part = tuple[torch.nn.Module, Component]
BundledFile = tuple[str, Path | bytes]  # its name in the bundle, and the file that is copied, or the contents


class ExportedTask:
    """Base of tasks; by default there are no tokenizer, no files and no streams."""

    @classmethod
    def tokenizer(cls, model: Any, config: Namespace, source: Path | None = None) -> AbsTokenizer | None:
        """Build the tokenizer of a model's configuration; errors name the file `source`."""
        return None

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> Section:
        """Return the section of `bundle.yaml`, with `streams` that of a bundle for streams."""
        raise ConfigError(f"{cls.__name__}: expected section() of a task that is exported, found none")

    @classmethod
    def further_files(cls, config: Namespace) -> dict[str, Path]:
        """Return files beside those of the options that a model's configuration names, by role."""
        return {}

    @classmethod
    def bundled_files(cls, tokenizer: AbsTokenizer | None, files: Mapping[str, Path]) -> dict[str, BundledFile]:
        """Return files of the bundle by role; `files` are those of the trained model by option, and further ones."""
        return {}

    @classmethod
    def files_of(cls, model: Any) -> dict[str, BundledFile]:
        """Return further files of the bundle by role, those that come with a part of the model."""
        return {}

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: Any
    ) -> Any:
        """Return the family's model with these graphs, which were made from `trained`."""
        return family.model(graphs, section, {}, options)

    @classmethod
    def stream_parts(cls, model: Any, chunks: Mapping[str, int | None]) -> tuple[tuple[Part, ...], dict[str, int]]:
        """Return the parts of a model for streams, and the sizes of their chunks; `chunks` are the requested sizes.

        Raises:
            OptionError: The model needs whole utterances, or takes no such chunks.
        """
        raise OptionError(f"streaming: expected False, since {type(model).__name__} needs whole inputs, found True")

    @classmethod
    def read_files(cls, config: Namespace, files: Mapping[str, Path]) -> None:
        """Set in `config` what other files of the model, by option, state instead; by default nothing is."""

    @classmethod
    def companion_parts(cls, name: str, config: Namespace, companion: Any) -> Sequence[Part]:
        """Return the parts of a model, of the task `name`, that goes with one of this configuration."""
        parts: Sequence[Part] = companion.parts()
        return parts

    @classmethod
    def require_companion(cls, name: str, config: Namespace, companion: Namespace, source: Path) -> None:
        """Raise `ConfigError` for a model of task `name`, whose config is the file `source`, that does not fit; set in
        `config` what the section states of it."""

    @classmethod
    def further_checks(cls, trained: Any, graphs: Mapping[str, Graph], signals: Mapping[str, Any]) -> list[Check]:
        """Return checks of `graphs` in addition to those of each component and of the results."""
        return []
