"""Read config.yaml: plain YAML in, a checked configuration with its defaults out.

Configurations of upstream releases from 0.7 (2020) to 202611 are read. Keys that only training uses are known by name
and left out, keys that a release did not have yet get their defaults, and any other key is refused.
"""

from __future__ import annotations

import difflib
import logging
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError, shortened
from espnet2.tasks.choices import SHOWN, Choices, check_value
from espnet2.tasks.declaration import TaskDeclaration
from espnet2.tasks.detect import task_of
from espnet2.tasks.files import Places
from espnet2.tasks.options import MAPPING, WRITTEN, Option
from espnet2.tasks.rows import options_of
from espnet2.tasks.shared import TRAINING_ONLY
from espnet2.utils.yaml_file import read_mapping

# Of releases before 202511, and of 202611.
OTHER_TRAINING_KEYS = ("pretrain_key", "use_lora", "lora_conf", "save_lora_only", "wandb_allow_val_change")
MERGED_ADAPTERS = ("lora",)  # which trained weights have in them already; those of other kinds are layers
# Defaults that upstream has changed: the first release with it, the section, its choice, and the options.
DEFAULTS_SINCE = ((202609, "encoder", "beats", {"fbank_mean": 15.2913, "fbank_std": 5.90532}),)


def read_config(path: str | Path, task: type[TaskDeclaration]) -> Namespace:
    """Read, check and complete a config.yaml of a task; raises `ConfigError`."""
    data = read_mapping(path)
    largest = data.get("speech_volume_normalize")
    if largest is not None:
        logging.warning(
            "%s: speech_volume_normalize: recordings are taken as they are; scale them to %s, as training did",
            path,
            largest,
        )
    return check_config(data, task, Places.around(path))


def model_keys(task: type[TaskDeclaration]) -> dict[str, Option]:
    """Return the options that a model of the task is built from, by name."""
    return {option.name: option for option in options_of(task.rows) if option.key.read}


def training_keys(task: type[TaskDeclaration]) -> set[str]:
    """Return the keys of a config.yaml that only training uses."""
    options = options_of((*task.common_rows(), *TRAINING_ONLY, *task.rows))
    return {option.name for option in options} - set(model_keys(task)) | {*WRITTEN, *OTHER_TRAINING_KEYS}


def check_config(data: Mapping[str, Any], task: type[TaskDeclaration], places: Places) -> Namespace:
    """Check the keys of a config, and return those of the model with defaults for what is missing or null.

    Files that it names are looked for in `places`, whose `source` is named in errors. Raises `ConfigError`.
    """
    source = places.source
    if task.name:
        task_of(data, (task.name,), source)
    _require_merged_adapters(data, source)
    keys, ignored = model_keys(task), training_keys(task)
    for key in data:
        if key not in keys and key not in ignored:
            near = difflib.get_close_matches(str(key), keys, n=1)
            found = shortened(repr(key), SHOWN)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{source}: expected known keys, found the unknown key {found}{advice}")
    values: dict[str, Any] = {}
    for name, option in keys.items():
        value = _value_of(option, data)
        values[name] = option.key.resolve(places, name, value, values) if option.key.resolve else value
        check_value(f"{source}: {name}", values[name], option.hint)
    _fill_defaults(values, str(data.get("version")))
    for row in task.rows:
        if isinstance(row, Choices):
            _find_files(values[f"{row.section}_conf"], row, places)
    return Namespace(**values)


def _value_of(option: Option, data: Mapping[str, Any]) -> Any:
    """Return the value of a key, or its default; null is an empty mapping where that is the default."""
    found = data.get(option.name)
    if option.kind is MAPPING:
        return {} if found is None and option.default is not None else _copied(found)
    return found if option.name in data else option.default


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def _require_merged_adapters(data: Mapping[str, Any], source: str) -> None:
    kind = data.get("adapter") or MERGED_ADAPTERS[0]
    if data.get("use_adapter") and kind not in MERGED_ADAPTERS:
        raise ConfigError(f"{source}: use_adapter: expected false, since {kind} adapters are not built, found true")


def _fill_defaults(values: dict[str, Any], version: str) -> None:
    """Set options that the release which wrote the config left at a default that differs from ours."""
    release = int(version[:6]) if version[:6].isdecimal() else 0
    for since, section, choice, options in DEFAULTS_SINCE:
        if release >= since and str(values.get(section)).lower() == choice:
            values[f"{section}_conf"] = {**options, **values[f"{section}_conf"]}


def _find_files(conf: dict[str, Any], row: Choices, places: Places) -> None:
    """Replace the files that the options of a chosen class name by their paths."""
    for name in row.files:
        if isinstance(conf.get(name), str):
            conf[name] = str(places.required_file(f"{row.section}_conf.{name}", conf[name]))
