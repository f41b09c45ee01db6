"""The class methods of tasks that training commands, scripts and notebooks call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import OptionError
from espnet2.iterators.sequence_iter_factory import EpochIterator, SequenceIterFactory
from espnet2.samplers.batching import require_at_least_one
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.dataset import ESPnetDataset
from espnet2.utils.cli import run

if TYPE_CHECKING:  # these modules import the tasks
    import torch

    from espnet2.iterators.abs_iter_factory import AbsIterFactory
    from espnet2.tasks.arguments import TrainingParser

# Options of a preprocessor, and the options of training that they come from.
TEXT_OPTIONS = {
    "token_type": "token_type",
    "token_list": "token_list",
    "bpemodel": "bpemodel",
    "non_linguistic_symbols": "non_linguistic_symbols",
    "text_cleaner": "cleaner",
    "g2p_type": "g2p",
    "aux_task_names": "aux_ctc_tasks",
    "use_lang_prompt": "use_lang_prompt",
    "use_nlp_prompt": "use_nlp_prompt",
}
SPEECH_OPTIONS = (
    "rir_scp",
    "rir_apply_prob",
    "noise_scp",
    "noise_apply_prob",
    "noise_db_range",
    "short_noise_thres",
    "speech_volume_normalize",
)


class TaskCommands:
    """Class methods of a task, with upstream's names and arguments; a task may override each of them.

    Attributes:
        num_optimizers: how many optimisers train a model.
    """

    num_optimizers: int = 1

    @classmethod
    def get_parser(cls) -> TrainingParser:
        """Return the parser of the options of training."""
        from espnet2.tasks.arguments import TrainingParser
        from espnet2.tasks.task_options import training_of

        return TrainingParser(training_of(cls))

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options that this task has beside those of all tasks."""
        from espnet2.tasks.arguments import add_options, options_of
        from espnet2.tasks.task_options import training_of

        training = training_of(cls)
        add_options(parser, options_of(training, training.rows))

    @classmethod
    def exclude_opts(cls) -> tuple[str, ...]:
        """Return the names of options that `print_config` leaves out."""
        return ("required", "print_config", "config", "ngpu")

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        """Return every option with its default, those of the default classes included."""
        from espnet2.tasks.arguments import full_config
        from espnet2.tasks.task_options import training_of

        return full_config(training_of(cls), cls.get_parser().parse_args([]))

    @classmethod
    def print_config(cls, file: TextIO | None = None) -> None:
        """Write the default configuration as YAML, which `--config` reads, to `file` (default: standard output)."""
        from espnet2.tasks.arguments import to_yaml

        (file or sys.stdout).write(to_yaml(cls.get_default_config()))

    @classmethod
    def check_required_command_args(cls, args: argparse.Namespace) -> None:
        """Print what is missing and raise `SystemExit` with status 2 where a required option has no value."""
        from espnet2.tasks.task_options import training_of

        missing = [name for name in training_of(cls).required if getattr(args, name, None) is None]
        if missing:
            options = ", ".join(f"--{name}" for name in missing)
            cls.get_parser().error(f"expected the required options, found no {options}")

    @classmethod
    def main(cls, args: argparse.Namespace | None = None, cmd: Sequence[str] | None = None) -> None:
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

        def command(parsed: argparse.Namespace) -> int:
            cls.main_worker(parsed)
            return 0

        status = run(cls.get_parser, command, cmd)
        if status:
            raise SystemExit(status)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Do what the options ask for; with `--print_config` raise `SystemExit` after it, as `--help` does."""
        from espnet2.main_funcs.train import train
        from espnet2.tasks.task_options import training_of

        train(training_of(cls), args)
        if args.print_config:
            raise SystemExit(0)

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """Return the names of the data's fields that have to be there; texts are not needed in inference."""
        from espnet2.tasks.task_options import training_of

        training = training_of(cls)
        return training.inputs if inference else training.fields[0]

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """Return the names of the data's fields that may be there."""
        from espnet2.tasks.task_options import training_of

        return training_of(cls).fields[1]

    @classmethod
    def check_task_requirements(
        cls, dataset: Any, allow_variable_data_keys: bool, train: bool, inference: bool = False
    ) -> None:
        """Raise `OptionError` where a data set lacks a field, or has one that the task does not know."""
        required, optional = cls.required_data_names(train, inference), cls.optional_data_names(train, inference)
        require_fields("data_path_and_name_and_type", dataset.names(), required, optional, allow_variable_data_keys)

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> Callable[..., dict[str, Any]] | None:
        """Build the function from an utterance and the values of its files to arrays; None without preprocessor.

        Raises:
            ConfigError: an option cannot be used.
        """
        from espnet2.tasks.task_options import PREPROCESSOR

        options = vars(args)
        if not options.get("use_preprocessor", True):
            return None
        given = {name: options[option] for name, option in TEXT_OPTIONS.items() if option in options}
        given |= {name: options[name] for name in SPEECH_OPTIONS if name in options}
        if isinstance(given.get("text_cleaner"), str):
            given["text_cleaner"] = [given["text_cleaner"]]
        choice, conf = options.get("preprocessor") or "default", options.get("preprocessor_conf")
        return PREPROCESSOR.build(choice, conf, train=train, **given)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable[..., Any]:
        """Build the function from utterances to a batch."""
        from espnet2.tasks.task_options import training_of

        return CommonCollateFn(float_pad_value=0.0, int_pad_value=training_of(cls).int_pad_value)

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: torch.nn.Module) -> list[torch.optim.Optimizer]:
        """Build the optimiser of a model; raises `ConfigError` for options that it does not take."""
        from espnet2.tasks.optimisation import optimizer_of

        return [optimizer_of(args, model)]

    @classmethod
    def build_iter_factory(
        cls, args: argparse.Namespace, distributed_option: Any, mode: str, kwargs: dict[str, Any] | None = None
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
        from espnet2.tasks.task_options import training_of
        from espnet2.tasks.training_data import TrainingData

        data = TrainingData(training_of(cls), argparse.Namespace(**{**vars(args), **(kwargs or {})}))
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


def require_fields(
    option: str, names: Collection[str], required: Sequence[str], optional: Sequence[str], allow_others: bool
) -> None:
    """Raise `OptionError` where a required field is not among `names`, or one of those is not known."""
    for name in required:
        if name not in names:
            raise OptionError(f"{option}: expected a file named {name}, found {list(names)}")
    for name in names:
        if name not in (*required, *optional) and not allow_others:
            known = ", ".join((*required, *optional))
            raise OptionError(
                f"{option}: expected names of {known}, found {name!r} (--allow_variable_data_keys true allows it)"
            )
