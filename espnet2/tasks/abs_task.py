"""What tasks share: from a config.yaml and a checkpoint to a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError
from espnet2.tasks.choices import Choices
from espnet2.tasks.commands import TaskCommands
from espnet2.tasks.config import TextConfig, check_config, read_config, read_yaml
from espnet2.tasks.size_limit import bounded
from espnet2.torch_utils.checkpoint import load_checkpoint, load_state
from espnet2.torch_utils.to_device import to_device
from espnet2.train.abs_espnet_model import AbsESPnetModel


class AbsTask(TaskCommands, ABC):
    """A task knows the keys of its configs (`schema`), its registries (`choices`), and how its parts fit together.

    A user's own task may have another model: it overrides `build_model`, and has no `schema`.
    """

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
        return cls._assemble_bounded(check_config(data, cls.schema, "config", (Path.cwd(),)))

    @classmethod
    def _assemble_bounded(cls, config: Namespace) -> AbsESPnetModel:
        with bounded():
            return cls.assemble(config)

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
        model, config = cls._model_of(config_file)
        if model_file is not None:
            load_state(model, load_checkpoint(model_file), model_file)
        to_device(model, device)
        return model.eval(), config

    @classmethod
    def _model_of(cls, config_file: str | Path) -> tuple[AbsESPnetModel, Namespace]:
        """The model of a config.yaml with fresh weights; a `build_model` of one's own gets its keys as they are."""
        own = cls.build_model.__func__ is not AbsTask.build_model.__func__  # type: ignore[attr-defined]
        config = Namespace(**read_yaml(config_file)) if own else read_config(config_file, cls.schema)
        try:
            return (cls.build_model(config) if own else cls._assemble_bounded(config)), config
        except ConfigError as error:
            raise ConfigError(f"{config_file}: {error}") from error
