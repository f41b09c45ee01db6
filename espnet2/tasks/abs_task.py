"""Base of the tasks: from a config.yaml and a checkpoint to a model, and the class methods of upstream's tasks."""

from __future__ import annotations

import sys
from abc import abstractmethod
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.iterators.sequence_iter_factory import EpochIterator, SequenceIterFactory
from espnet2.samplers.batching import require_at_least_one
from espnet2.tasks.arguments import TrainingParser, full_config, to_yaml
from espnet2.tasks.config import check_config, read_config
from espnet2.tasks.declaration import TaskDeclaration
from espnet2.tasks.exported import ExportedTask
from espnet2.tasks.files import Places
from espnet2.tasks.training_data import TrainingData
from espnet2.torch_utils.checkpoint import load_checkpoint, load_state
from espnet2.torch_utils.size_limit import bounded
from espnet2.torch_utils.to_device import to_device
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.dataset import ESPnetDataset
from espnet2.utils.cli import run
from espnet2.utils.yaml_file import read_mapping


class AbsTask(TaskDeclaration, ExportedTask):
    """A task declares the keys of its configurations (`rows`), and builds a model from them (`assemble`).

    A user's own task may have another model: it overrides `build_model`, and needs no `rows`.
    """

    @classmethod
    @abstractmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the model that a checked configuration describes."""

    @classmethod
    def build_model(cls, args: Namespace | Mapping[str, Any]) -> AbsESPnetModel:
        """Build the model, with fresh weights, from the keys of a config.yaml; raises `ConfigError`."""
        data = vars(args) if isinstance(args, Namespace) else args
        return cls._assemble_bounded(check_config(data, cls, Places("config", (Path.cwd(),))))

    @classmethod
    def _assemble_bounded(cls, config: Namespace, weights: str | Path | None = None) -> AbsESPnetModel:
        with bounded(weights):
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
        model, config = cls._model_of(config_file, model_file)
        if model_file is not None:
            load_state(model, load_checkpoint(model_file), model_file)
        to_device(model, device)
        return model.eval(), config

    @classmethod
    def _model_of(cls, config_file: str | Path, weights: str | Path | None) -> tuple[AbsESPnetModel, Namespace]:
        """Build the model of a config.yaml, which `weights` are to fill; a task's own `build_model` gets its keys as
        they are."""
        own = cls.build_model.__func__ is not AbsTask.build_model.__func__  # type: ignore[attr-defined]
        config = Namespace(**read_mapping(config_file)) if own else read_config(config_file, cls)
        try:
            return (cls.build_model(config) if own else cls._assemble_bounded(config, weights)), config
        except ConfigError as error:
            raise ConfigError(f"{config_file}: {error}") from error

    @classmethod
    def get_parser(cls) -> TrainingParser:
        """Return the parser of the options of training."""
        return TrainingParser(cls)

    @classmethod
    def exclude_opts(cls) -> tuple[str, ...]:
        """Return the names of options that `print_config` leaves out."""
        return ("required", "print_config", "config", "ngpu")

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        """Return every option with its default, those of the default classes included."""
        return full_config(cls, cls.get_parser().parse_args([]))

    @classmethod
    def print_config(cls, file: TextIO | None = None) -> None:
        """Write the default configuration as YAML, which `--config` reads, to `file` (default: standard output)."""
        (file or sys.stdout).write(to_yaml(cls.get_default_config()))

    @classmethod
    def check_required_command_args(cls, args: Namespace) -> None:
        """Print what is missing and raise `SystemExit` with status 2 where a required option has no value."""
        missing = [name for name in cls.required if getattr(args, name, None) is None]
        if missing:
            options = ", ".join(f"--{name}" for name in missing)
            cls.get_parser().error(f"expected the required options, found no {options}")

    @classmethod
    def main(cls, args: Namespace | None = None, cmd: Sequence[str] | None = None) -> None:
        """Train, collect statistics, or print the configuration.

        Args:
            args: Options as `get_parser` gives them.
            cmd: A command line, where there are no `args`; default: the process's.

        Raises:
            EspnetError: With `args`, an option or file cannot be used.
            SystemExit: Without, a message was printed, and this is the exit status.
        """
        if args is not None:
            cls.main_worker(args)
            return

        def command(parsed: Namespace) -> int:
            cls.main_worker(parsed)
            return 0

        status = run(cls.get_parser, command, cmd, alone=False)
        if status:
            raise SystemExit(status)

    @classmethod
    def main_worker(cls, args: Namespace) -> None:
        """Do what the options ask for; with `--print_config` raise `SystemExit` after it, as `--help` does."""
        from espnet2.tasks.training import train  # with Lightning, which takes seconds to import

        train(cls, args)
        if args.print_config:
            raise SystemExit(0)

    @classmethod
    def build_iter_factory(
        cls, args: Namespace, distributed_option: Any, mode: str, kwargs: dict[str, Any] | None = None
    ) -> AbsIterFactory:
        """Build what makes the batches of each epoch.

        Args:
            args: Options of training.
            distributed_option: None, or an object with `dist_rank` and `dist_world_size`, whose share is taken.
            mode: train or valid.
            kwargs: Options that replace those of `args`.

        Raises:
            EspnetError: an option or file cannot be used.
        """
        data = TrainingData(cls, Namespace(**{**vars(args), **(kwargs or {})}))
        data.rank = getattr(distributed_option, "dist_rank", None) or 0
        data.world_size = getattr(distributed_option, "dist_world_size", None) or 1
        return data.factory(mode)

    @classmethod
    def build_streaming_iterator(
        cls,
        data_path_and_name_and_type: Collection[tuple[str, str, str]],
        preprocess_fn: Callable[..., dict[str, Any]] | None,
        collate_fn: Callable[..., Any] | None,
        key_file: str | None = None,
        batch_size: int = 1,
        dtype: Any = np.float32,
        num_workers: int = 1,
        allow_variable_data_keys: bool = False,
        ngpu: int = 0,
        inference: bool = False,
        mode: str | None = None,
        multi_task_dataset: bool = False,
    ) -> EpochIterator:
        """Build an iterator over batches of every utterance once, in order, as inference scripts read their data.

        Args:
            data_path_and_name_and_type: Of each file its path, name and type.
            preprocess_fn: As of `build_preprocess_fn`.
            collate_fn: As of `build_collate_fn`; None: as of `SequenceIterFactory`.
            key_file: File of the utterances to read; default: those of the first file of the data.
            batch_size: Utterances of a batch.
            dtype: Of arrays of floating point numbers; None: float32.
            num_workers: Processes that read.
            allow_variable_data_keys: Allow fields that the task does not know.
            ngpu: Above 0, tensors are put where a GPU copies them faster from.
            inference: Ask for the fields of inference only.
            mode: Without effect.
            multi_task_dataset: Refused unless false.

        Raises:
            DataError: A file cannot be used, or lacks an utterance.
            OptionError: A field is missing or unknown, or an option has a value out of its range.
        """
        if multi_task_dataset:
            raise OptionError(f"multi_task_dataset: expected False, found {multi_task_dataset!r}")
        files = [(path, name, kind) for path, name, kind in data_path_and_name_and_type]
        dataset = ESPnetDataset(files, preprocess_fn, float_dtype=np.dtype(dtype or "float32").name)
        cls.check_task_requirements(dataset, allow_variable_data_keys, train=False, inference=inference)
        require_at_least_one(batch_size=batch_size)
        keys = list(dataset if key_file is None else read_2columns_text(key_file))
        factory = SequenceIterFactory(
            dataset,
            [keys[start : start + batch_size] for start in range(0, len(keys), batch_size)],
            num_workers=num_workers,
            collate_fn=collate_fn,
            pin_memory=ngpu > 0,
        )
        return factory.build_iter(1, shuffle=False)
