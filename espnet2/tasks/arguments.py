"""From a command line and a YAML file to the options of a training, checked, and back to a config.yaml."""

from __future__ import annotations

import argparse
import copy
import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from espnet2.interface.errors import OptionError, listed
from espnet2.tasks.choices import Choices, load_class
from espnet2.tasks.options import MAPPING, Option
from espnet2.tasks.task_options import Conf, Row, TrainingTask
from espnet2.utils.config_argparse import ArgumentParser, read_yaml_mapping
from espnet2.utils.nested_dict_action import NestedDictAction, merge, parse_mapping
from espnet2.utils.types import converted, str2bool, str_or_none
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

VERSION = "202511"  # of upstream, whose keys config.yaml has
WRITTEN = ("config", "print_config", "required", "version", "distributed")  # keys of a config.yaml, and no options
NOT_PRINTED = ("config", "print_config", "ngpu")
LEAST = {  # numbers, and options that are not smaller
    1: ("max_epoch", "accum_grad", "batch_size", "valid_batch_size", "batch_bins", "valid_batch_bins",
        "min_batch_size", "num_iters_per_epoch"),
    0: ("seed", "ngpu", "num_workers", "num_att_plot", "patience", "nbest_averaging_interval"),
}  # fmt: skip
LARGEST_SEED = 2**31  # numpy's end at 2**32, and the number of an epoch is added
# What a task gives to a class itself, so that it is not an option of the configuration.
GIVEN = frozenset({
    "train", "use_lang_prompt", "use_nlp_prompt", "token_type", "token_list", "bpemodel", "text_cleaner", "g2p_type",
    "non_linguistic_symbols", "rir_scp", "rir_apply_prob", "noise_scp", "noise_apply_prob", "noise_db_range",
    "short_noise_thres", "aux_task_names", "speech_volume_normalize",
    "frontend_conf",  # of enhancement, which upstream's defaults leave out
})  # fmt: skip


class TrainingParser(ArgumentParser):
    """A parser of the options of `training`; those of a YAML file may have any of YAML's values."""

    def __init__(self, training: TrainingTask, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)
        self.training = training
        self.add_argument("--print_config", action="store_true", help="print the whole configuration and stop")
        self.options = {option.name: option for option in options_of(training)}
        add_options(self, options_of(training, training.common_rows()))
        training.task.add_task_arguments(self)

    def _set_from(self, path: str) -> dict[str, list[Any]]:
        """Make the file's values defaults; return those of options that append, which argparse would append to."""
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
        """As the base class does it, for options that a user's own task has added."""
        others = {action.dest for action in self._actions} - set(self.options) - {"help"}
        if name not in others:
            near = difflib.get_close_matches(str(name), [*self.options, *others], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"{path}: expected options of training, found {name!r}{hint}")
        return self.set_option(path, name, value)

    def parse_known_args(self, args=None, namespace=None):
        """As the base class's; lists that nothing was added to are empty."""
        found, rest = super().parse_known_args(args, namespace)
        for name, option in self.options.items():
            if option.append and getattr(found, name) is None:
                setattr(found, name, [])
        return found, rest


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Add options to a parser."""
    for option in options:
        parser.add_argument(f"--{option.name}", help=option.help, **_argument(option))


def options_of(training: TrainingTask, rows: Iterable[Row] | None = None) -> Iterator[Option]:
    """Options in the order of config.yaml (default: every one), with those of choices and their classes."""
    for row in training.all_rows() if rows is None else rows:
        if isinstance(row, Option):
            yield row
        elif isinstance(row, Conf):
            default = conf_defaults(row.target) if row.written else row.default
            yield Option(row.name, MAPPING, default, f"options of {row.target.partition(':')[2]}")
        else:
            choice = training.defaults.get(row.section)
            kind = str_or_none if row.optional else str
            yield Option(row.section, kind, choice, "one of " + ", ".join(row.classes), tuple(row.classes))
            yield Option(f"{row.section}_conf", MAPPING, {}, f"options of the {row.section}")


def _argument(option: Option) -> dict[str, Any]:
    """How `argparse` reads the option."""
    if option.kind is MAPPING:
        return {"action": NestedDictAction, "default": copy.deepcopy(option.default)}
    read: dict[str, Any] = {"type": option.kind, "default": copy.deepcopy(option.default), "nargs": option.nargs}
    if option.append:
        return {"type": option.kind, "default": None, "action": "append"}
    if option.kind is str2bool:
        read["metavar"] = "{true,false}"
    return read


def from_yaml(option: Option, value: Any, source: str) -> Any:
    """A value of a YAML file as the option's; raises `OptionError` for one of another kind."""
    if value is None:
        if option.may_be_none:
            return None
        if option.kind is MAPPING or option.append:
            return {} if option.kind is MAPPING else []
        raise OptionError(f"{source}: {option.name}: expected a value, such as {option.default!r}, found null")
    many = option.append or option.nargs is not None
    try:
        if option.kind is MAPPING:
            return dict(value) if isinstance(value, Mapping) else parse_mapping(value)
        if many:
            values = value if isinstance(value, list) else [value]
            return [_read_item(option, item) for item in values]
        if isinstance(value, list | dict):
            raise ValueError("expected one value, found several")
        return converted(option.kind, str(value))
    except (TypeError, ValueError, AttributeError) as error:
        raise OptionError(f"{source}: {option.name}: {error or 'found ' + repr(value)}") from error


def _read_item(option: Option, item: Any) -> Any:
    """One value of several; what YAML holds as a list is `PATH,NAME,TYPE` or a criterion."""
    if isinstance(item, list):
        item = ",".join(str(part) for part in item)
    return converted(option.kind, str(item))


def conf_defaults(target: str) -> dict[str, Any]:
    """The options of class `target` that have defaults which YAML can hold."""
    found = {}
    for name, parameter in inspect.signature(load_class(target)).parameters.items():
        default = parameter.default
        if parameter.kind is inspect.Parameter.VAR_KEYWORD or name in GIVEN or default is inspect.Parameter.empty:
            continue
        found[name] = _plain(default)
    return found


def _plain(value: Any) -> Any:
    """A default as YAML holds it: tuples are lists."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def _merged(default: Any, changes: Any) -> Any:
    found = copy.deepcopy(default) or {}
    merge(found, changes or {})
    return found


def check(training: TrainingTask, args: argparse.Namespace) -> None:
    """Bring criteria into one form, and raise `OptionError` for values that are not allowed or not supported."""
    for option in options_of(training):
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
    """`valid,acc,max` as a list of three; raises `OptionError` for anything else."""
    found = [part.strip() for part in (value.split(",") if isinstance(value, str) else value)]
    if len(found) != 3 or found[2] not in ("min", "max"):
        raise OptionError(f"criterion: expected a phase, a statistic, and min or max, as valid,acc,max; found {value}")
    phase_and_statistic(found[:2])
    return found


def phase_and_statistic(value: Sequence[str]) -> None:
    """Raise `OptionError` unless these are a phase and the name of a statistic."""
    if len(value) != 2 or value[0] not in ("train", "valid"):
        raise OptionError(f"criterion: expected train or valid, and a statistic, found {' '.join(value)}")


def full_config(training: TrainingTask, args: argparse.Namespace) -> dict[str, Any]:
    """Every option with the defaults of the chosen classes, as `--print_config` shows it."""
    found = {option.name: getattr(args, option.name) for option in options_of(training)}
    for row in training.all_rows():
        if isinstance(row, Choices):
            choice = found[row.section]
            if choice is not None and choice.lower() in row.classes:
                name = f"{row.section}_conf"
                found[name] = _merged(conf_defaults(row.classes[choice.lower()]), found[name])
    return {name: value for name, value in (found | _others(found, args)).items() if name not in NOT_PRINTED}


def config_of(training: TrainingTask, args: argparse.Namespace, distributed: bool = False) -> dict[str, Any]:
    """What config.yaml holds: upstream's keys, so that upstream reads it too."""
    start = {"config": args.config, "print_config": False}
    found = {option.name: getattr(args, option.name) for option in options_of(training)}
    found |= _others(found, args)
    return {**start, **found, "required": list(training.required), "version": VERSION, "distributed": distributed}


def _others(found: Mapping[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Options that a user's own task has added."""
    return {name: value for name, value in vars(args).items() if name not in found and name not in WRITTEN}


def to_yaml(config: Mapping[str, Any]) -> str:
    """A configuration as YAML, keys in order."""
    return yaml_no_alias_safe_dump(dict(config), indent=4, sort_keys=False, allow_unicode=True)
