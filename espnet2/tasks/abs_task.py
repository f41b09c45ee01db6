"""What tasks share: from a config.yaml and a checkpoint to a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.runtime.errors import ConfigError
from espnet2.tasks.checkpoint import load_checkpoint, load_state
from espnet2.tasks.choices import Choices
from espnet2.tasks.config import TextConfig, check_config, read_config
from espnet2.torch_utils.to_device import to_device
from espnet2.train.abs_espnet_model import AbsESPnetModel


class AbsTask(ABC):
    """A task knows the keys of its configs (`schema`), its registries (`choices`), and how its parts fit together."""

    schema: ClassVar[type[TextConfig]]
    choices: ClassVar[tuple[Choices, ...]]

    @classmethod
    @abstractmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the model that a checked configuration describes."""

    @classmethod
    def build_model(cls, args: Namespace | Mapping[str, Any]) -> AbsESPnetModel:
        """Build the model, with fresh weights, from the keys of a config.yaml; raises `ConfigError`."""
        data = vars(args) if isinstance(args, Namespace) else args
        return cls.assemble(check_config(data, cls.schema, "config", (Path.cwd(),)))

    @classmethod
    def build_model_from_file(
        cls,
        config_file: str | Path | None = None,
        model_file: str | Path | None = None,
        device: str = "cpu",
    ) -> tuple[AbsESPnetModel, Namespace]:
        """Build the model of `config_file` (by default config.yaml beside the weights) and load `model_file` into it.

        Returns the model in evaluation mode, and its configuration with defaults filled in and paths found. Without
        `model_file` the weights are random. Raises `ConfigError`, `CheckpointError`, or `OptionError` for the device.
        """
        if config_file is None:
            if model_file is None:
                raise ConfigError("expected a config file or a model file, found neither")
            config_file = Path(model_file).parent / "config.yaml"
        config = read_config(config_file, cls.schema)
        try:
            model = cls.assemble(config)
        except ConfigError as error:
            raise ConfigError(f"{config_file}: {error}") from error
        if model_file is not None:
            load_state(model, load_checkpoint(model_file), model_file)
        to_device(model, device)
        return model.eval(), config
