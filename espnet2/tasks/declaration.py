"""Declaration of a task: the keys of its configuration, the fields of its data, and what its training is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch

from espnet2.interface.errors import OptionError
from espnet2.tasks.choices import Choices
from espnet2.tasks.optimisation import OPTIM, SCHEDULER, optimizer_of
from espnet2.tasks.options import COMMON, Option
from espnet2.tasks.rows import Row, add_options, options_of
from espnet2.tasks.shared import PREPROCESSOR
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.collate_fn import CommonCollateFn

# Arguments of the preprocessor of text and speech, and the options that they come from.
TEXT_AND_SPEECH = {
    "token_type": "token_type",
    "token_list": "token_list",
    "bpemodel": "bpemodel",
    "non_linguistic_symbols": "non_linguistic_symbols",
    "text_cleaner": "cleaner",
    "g2p_type": "g2p",
    "aux_task_names": "aux_ctc_tasks",
    "use_lang_prompt": "use_lang_prompt",
    "use_nlp_prompt": "use_nlp_prompt",
    "rir_scp": "rir_scp",
    "rir_apply_prob": "rir_apply_prob",
    "noise_scp": "noise_scp",
    "noise_apply_prob": "noise_apply_prob",
    "noise_db_range": "noise_db_range",
    "short_noise_thres": "short_noise_thres",
    "speech_volume_normalize": "speech_volume_normalize",
}


class TaskDeclaration(ABC):
    """Base of `AbsTask`: everything about a task that reading a configuration and training are derived from.

    A task fills the attributes; methods have upstream's names and arguments, and may be overridden.

    Attributes:
        name: Of the task in `espnet2.interface.families`.
        rows: Keys of its configuration behind those of all tasks, in upstream's order.
        required: Options that have to be given.
        required_data: Fields of the data that have to be there.
        optional_data: Fields of the data that may be there.
        inference_data: Fields of the data that inference needs.
        int_pad_value: Padding of texts in a batch.
        preprocessor: Classes of preprocessors.
        preprocessor_options: Arguments of the preprocessor, and the options that they come from.
        num_optimizers: How many optimisers train a model.
    """

    name: ClassVar[str] = ""
    rows: ClassVar[tuple[Row, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ("output_dir",)
    required_data: ClassVar[tuple[str, ...]] = ()
    optional_data: ClassVar[tuple[str, ...]] = ()
    inference_data: ClassVar[tuple[str, ...]] = ()
    int_pad_value: ClassVar[int] = -1
    preprocessor: ClassVar[Choices] = PREPROCESSOR
    preprocessor_options: ClassVar[Mapping[str, str]] = TEXT_AND_SPEECH
    num_optimizers: int = 1

    @classmethod
    def common_rows(cls) -> tuple[Row, ...]:
        """Return the options that every task has."""
        return (*COMMON, OPTIM, SCHEDULER)

    @classmethod
    def all_rows(cls) -> tuple[Row, ...]:
        """Return every row in the order of config.yaml."""
        return (*cls.common_rows(), *cls.rows)

    @classmethod
    def options(cls) -> list[Option]:
        """Return the options of training in the order of config.yaml."""
        return [option for option in options_of(cls.all_rows()) if option.key.offered]

    @classmethod
    def choices(cls) -> tuple[Choices, ...]:
        """Return the choices of the parts of a model."""
        return tuple(row for row in cls.rows if isinstance(row, Choices) and row.part_of_model)

    @classmethod
    @abstractmethod
    def build_model(cls, args: Namespace | Mapping[str, Any]) -> AbsESPnetModel:
        """Build the model, with fresh weights, from the keys of a config.yaml; raises `ConfigError`."""

    @classmethod
    def add_task_arguments(cls, parser: ArgumentParser) -> None:
        """Add the options that this task has beside those of all tasks."""
        add_options(parser, cls.rows)

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """Return the names of the data's fields that have to be there; inference needs fewer."""
        return cls.inference_data if inference else cls.required_data

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """Return the names of the data's fields that may be there."""
        return cls.optional_data

    @classmethod
    def check_task_requirements(
        cls, dataset: Any, allow_variable_data_keys: bool, train: bool, inference: bool = False
    ) -> None:
        """Raise `OptionError` where a data set lacks a field, or has one that the task does not know."""
        required, optional = cls.required_data_names(train, inference), cls.optional_data_names(train, inference)
        require_fields("data_path_and_name_and_type", dataset.names(), required, optional, allow_variable_data_keys)

    @classmethod
    def build_preprocess_fn(cls, args: Namespace, train: bool) -> Callable[..., dict[str, Any]] | None:
        """Build the function from an utterance and the values of its files to arrays; None without preprocessor.

        Raises:
            ConfigError: An option cannot be used.
        """
        options = vars(args)
        if not options.get("use_preprocessor", True):
            return None
        given = cls.preprocessor_arguments(options)
        if isinstance(given.get("text_cleaner"), str):
            given["text_cleaner"] = [given["text_cleaner"]]
        choice = options.get("preprocessor") or cls.preprocessor.default
        return cls.preprocessor.build(choice, options.get("preprocessor_conf"), train=train, **given)

    @classmethod
    def preprocessor_arguments(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the preprocessor that options of training give."""
        return {name: options[option] for name, option in cls.preprocessor_options.items() if option in options}

    @classmethod
    def given_to_preprocessor(cls) -> Collection[str]:
        """Return the names of the preprocessor's arguments that are options of training, not of `preprocessor_conf`."""
        return cls.preprocessor_options

    @classmethod
    def build_collate_fn(cls, args: Namespace, train: bool) -> Callable[..., Any]:
        """Build the function from utterances to a batch."""
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=cls.int_pad_value)

    @classmethod
    def build_optimizers(cls, args: Namespace, model: torch.nn.Module) -> list[torch.optim.Optimizer]:
        """Build the optimisers of a model; raises `ConfigError` for options that they do not take."""
        return [optimizer_of(args, model)]


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
