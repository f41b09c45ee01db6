"""Options of training: read from a command line and a YAML file, checked, and written to config.yaml."""

from __future__ import annotations

import argparse
import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from espnet2.interface.errors import OptionError, listed
from espnet2.tasks.choices import Choices
from espnet2.tasks.declaration import TaskDeclaration
from espnet2.tasks.options import MAPPING, WRITTEN, Option
from espnet2.tasks.rows import add_options, conf_defaults
from espnet2.utils.config_argparse import ArgumentParser, read_yaml_mapping
from espnet2.utils.nested_dict_action import merge, parse_mapping
from espnet2.utils.types import converted
from espnet2.utils.upstream_options import plain_value
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

VERSION = "202511"  # of upstream, whose keys config.yaml has
NOT_PRINTED = ("config", "print_config", "ngpu")
LEAST = {  # smallest value -> options
    1: ("max_epoch", "accum_grad", "batch_size", "valid_batch_size", "batch_bins", "valid_batch_bins",
        "min_batch_size", "num_iters_per_epoch"),
    0: ("seed", "ngpu", "num_workers", "num_att_plot", "patience", "nbest_averaging_interval"),
}  # fmt: skip
LARGEST_SEED = 2**31  # numpy's end at 2**32, and the number of an epoch is added


class TrainingParser(ArgumentParser):
    """Parser of the options of a task's training; those of a YAML file may have any of YAML's values."""

    def __init__(self, task: type[TaskDeclaration], **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)
        self.add_argument("--print_config", action="store_true", help="print the whole configuration and stop")
        self.options = {option.name: option for option in task.options()}
        add_options(self, task.common_rows())
        task.add_task_arguments(self)

    def _set_from(self, path: str) -> dict[str, list[Any]]:
        """Set the file's values as defaults; return those of options that append, to which argparse would append."""
        lists: dict[str, list[Any]] = {}
        for name, value in read_yaml_mapping(path).items():
            if name in WRITTEN:
                continue
            if name not in self.options:
                lists |= self._set_other(path, name, value)
                continue
            option = self.options[name]
            found = from_yaml(option, value, path)
            if option.kind is MAPPING and isinstance(found, dict):
                found = _merged(option.default, found)
            if option.append:
                lists[name] = found
            else:
                self.set_defaults(**{name: found})
        return lists

    def _set_other(self, path: str, name: str, value: Any) -> dict[str, list[Any]]:
        """Set an option that a user's own task has added as the base class does."""
        others = {action.dest for action in self._actions} - set(self.options) - {"help"}
        if name not in others:
            near = difflib.get_close_matches(str(name), [*self.options, *others], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"{path}: expected options of training, found {name!r}{hint}")
        return self.set_option(path, name, value)

    def parse_known_args(self, args=None, namespace=None):
        """Parse as the base class does; appending options that are not given are empty lists."""
        found, rest = super().parse_known_args(args, namespace)
        for name, option in self.options.items():
            if option.append and getattr(found, name) is None:
                setattr(found, name, [])
        return found, rest


def from_yaml(option: Option, value: Any, source: str) -> Any:
    """Convert a value of a YAML file to the option's kind; raises `OptionError` where it is of another kind."""
    if value is None:
        if option.may_be_none:
            return None
        if option.kind is MAPPING or option.append:
            return {} if option.kind is MAPPING else []
        raise OptionError(f"{source}: {option.name}: expected a value, such as {option.default!r}, found null")
    if option.kind is plain_value:
        return value
    many = option.append or option.nargs is not None
    try:
        if option.kind is MAPPING:
            return dict(value) if isinstance(value, Mapping) else parse_mapping(str(value))
        if many:
            values = value if isinstance(value, list) else [value]
            return [_read_item(option, item) for item in values]
        if isinstance(value, list | dict):
            raise ValueError("expected one value, found several")
        return converted(option.kind, str(value))
    except (TypeError, ValueError, AttributeError) as error:
        raise OptionError(f"{source}: {option.name}: {error or 'found ' + repr(value)}") from error


def _read_item(option: Option, item: Any) -> Any:
    """Convert one value of several; a list in YAML is `PATH,NAME,TYPE` or a criterion."""
    if isinstance(item, list):
        item = ",".join(str(part) for part in item)
    return converted(option.kind, str(item))


def _merged(default: Any, changes: Any) -> Any:
    found = copy.deepcopy(default) or {}
    merge(found, changes or {})
    return found


def check(task: type[TaskDeclaration], args: argparse.Namespace) -> None:
    """Normalise criteria, and raise `OptionError` for values that are not allowed or not supported."""
    for option in task.options():
        value = getattr(args, option.name)
        if option.fixed and value != option.default:
            raise OptionError(f"{option.name}: expected {option.default!r}, the only value known here, found {value!r}")
        if option.choices and value is not None:
            spelled = {choice.lower(): choice for choice in option.choices}
            if value.lower() not in spelled:
                raise OptionError(f"{option.name}: expected one of {listed(option.choices, value)}, found {value!r}")
            setattr(args, option.name, spelled[value.lower()])
    args.best_model_criterion = [criterion(item) for item in args.best_model_criterion]
    criterion(args.early_stopping_criterion)
    phase_and_statistic(args.val_scheduler_criterion)
    args.keep_nbest_models = sorted(set(args.keep_nbest_models or [1]))
    for least, names in LEAST.items():
        for name in names:
            _require(name, getattr(args, name), least)
    if args.seed > LARGEST_SEED:
        raise OptionError(f"seed: expected {LARGEST_SEED} or less, found {args.seed}")
    _require("keep_nbest_models", args.keep_nbest_models[0], 1)
    if not args.grad_clip > 0:
        raise OptionError(f"grad_clip: expected a number above 0 (.inf for no limit), found {args.grad_clip}")


def _require(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise OptionError(f"{name}: expected {least} or more, found {value}")


def criterion(value: str | Sequence[str]) -> list[str]:
    """Split `valid,acc,max` into a list of three; raises `OptionError` for anything else."""
    found = [part.strip() for part in (value.split(",") if isinstance(value, str) else value)]
    if len(found) != 3 or found[2] not in ("min", "max"):
        raise OptionError(f"criterion: expected a phase, a statistic, and min or max, as valid,acc,max; found {value}")
    phase_and_statistic(found[:2])
    return found


def phase_and_statistic(value: Sequence[str]) -> None:
    """Raise `OptionError` unless these are a phase and the name of a statistic."""
    if len(value) != 2 or value[0] not in ("train", "valid"):
        raise OptionError(f"criterion: expected train or valid, and a statistic, found {' '.join(value)}")


def full_config(task: type[TaskDeclaration], args: argparse.Namespace) -> dict[str, Any]:
    """Return every option with the defaults of the chosen classes, as `--print_config` shows them."""
    found = {option.name: getattr(args, option.name) for option in task.options()}
    for row in task.all_rows():
        if isinstance(row, Choices):
            choice = found[row.section]
            if choice is not None and choice.lower() in row.classes:
                name = f"{row.section}_conf"
                given = task.given_to_preprocessor() if row.section == task.preprocessor.section else ()
                found[name] = _merged(conf_defaults(row.classes[choice.lower()], given), found[name])
    return {name: value for name, value in (found | _others(found, args)).items() if name not in NOT_PRINTED}


def config_of(task: type[TaskDeclaration], args: argparse.Namespace, distributed: bool = False) -> dict[str, Any]:
    """Return the content of config.yaml: upstream's keys, so that upstream can read it."""
    start = {"config": args.config, "print_config": False}
    found = {option.name: getattr(args, option.name) for option in task.options()}
    found |= _others(found, args)
    return {**start, **found, "required": list(task.required), "version": VERSION, "distributed": distributed}


def _others(found: Mapping[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a user's own task has added."""
    return {name: value for name, value in vars(args).items() if name not in found and name not in WRITTEN}


def to_yaml(config: Mapping[str, Any]) -> str:
    """Format a configuration as YAML, with keys in order."""
    return yaml_no_alias_safe_dump(dict(config), indent=4, sort_keys=False, allow_unicode=True)
