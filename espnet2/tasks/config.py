"""Reading config.yaml: plain YAML in, a checked and typed configuration out.

Configurations of upstream releases from 0.7 (2020) to 202611 are read. What only training uses is known by name and
left out, sections that a release did not have yet get their defaults, and any other key is refused. Relative paths are
looked for beside the file, in the directories above it (a packed model's paths are relative to the archive's root, a
recipe's to the recipe), and in the working directory.
"""

from __future__ import annotations

import difflib
import logging
import os
import typing
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError, DataError, shortened
from espnet2.tasks.choices import SHOWN, check_value
from espnet2.text.build_tokenizer import PRETRAINED
from espnet2.text.token_id_converter import read_token_list
from espnet2.utils.yaml_file import read_yaml as read_any_yaml

S2T = "speech to text of many tasks, as OWSM (S2T)"
META = "meta.yaml"  # of a packed model, with the files' names in these sections
META_SECTIONS = ("yaml_files", "files")

# fmt: off
TRAINING_KEYS = frozenset({
    # general
    "config", "print_config", "log_level", "dry_run", "output_dir", "ngpu", "seed", "num_workers", "num_att_plot",
    "required", "version", "distributed", "drop_last_iter", "collect_stats", "write_collected_feats", "init",
    # distributed training
    "dist_backend", "dist_init_method", "dist_world_size", "dist_rank", "local_rank", "dist_master_addr",
    "dist_master_port", "dist_launcher", "multiprocessing_distributed", "unused_parameters", "sharded_ddp",
    "use_deepspeed", "deepspeed_config", "gradient_as_bucket_view", "ddp_comm_hook",
    # arithmetic
    "cudnn_enabled", "cudnn_benchmark", "cudnn_deterministic", "use_tf32", "train_dtype", "use_amp", "detect_anomaly",
    # the training loop
    "max_epoch", "patience", "val_scheduler_criterion", "early_stopping_criterion", "best_model_criterion",
    "keep_nbest_models", "nbest_averaging_interval", "grad_clip", "grad_clip_type", "grad_noise", "accum_grad",
    "no_forward_run", "resume", "log_interval", "num_iters_per_epoch",
    "optim", "optim_conf", "scheduler", "scheduler_conf", "exclude_weight_decay", "exclude_weight_decay_conf",
    # logging services
    "use_matplotlib", "use_tensorboard", "create_graph_in_tensorboard", "use_wandb", "wandb_project", "wandb_id",
    "wandb_entity", "wandb_name", "wandb_model_log_interval", "wandb_allow_val_change",
    # starting points
    "pretrain_path", "pretrain_key", "init_param", "ignore_init_mismatch", "freeze_param",
    "use_adapter", "adapter", "adapter_conf", "use_lora", "lora_conf", "save_lora_only", "save_strategy",
    # batches
    "iterator_type", "valid_iterator_type", "batch_size", "valid_batch_size", "batch_bins", "valid_batch_bins",
    "batch_type", "valid_batch_type", "max_batch_size", "min_batch_size", "category_sample_size",
    "upsampling_factor", "category_upsampling_factor", "dataset_upsampling_factor", "dataset_scaling_factor",
    "train_shape_file", "valid_shape_file", "fold_length", "sort_in_batch", "shuffle_within_batch", "sort_batch",
    "multiple_iterator", "chunk_length", "chunk_shift_ratio", "num_cache_chunks", "chunk_excluded_key_prefixes",
    "chunk_default_fs", "chunk_max_abs_length", "chunk_discard_short_samples",
    # data
    "train_data_path_and_name_and_type", "valid_data_path_and_name_and_type", "multi_task_dataset",
    "allow_variable_data_keys", "allow_multi_rates", "max_cache_size", "max_cache_fd", "valid_max_cache_size",
    "speech_volume_normalize", "rir_scp", "rir_apply_prob", "noise_scp", "noise_apply_prob", "noise_db_range",
    "short_noise_thres", "use_preprocessor", "aux_ctc_tasks",
})
# fmt: on

MERGED_ADAPTERS = ("lora",)  # which trained weights have in them already; those of other kinds are layers
# Defaults that upstream has changed: the first release with it, the section, its choice, and the options.
DEFAULTS_SINCE = ((202609, "encoder", "beats", {"fbank_mean": 15.2913, "fbank_std": 5.90532}),)

# A key that only configs of that task (of the tasks below it in the table) have, or KEY=VALUE; the first that is there
# tells.
TASK_MARKS = {
    "codec": "a neural codec",
    "svs": "singing voice synthesis (SVS)",
    "tts": "text-to-speech (TTS)",
    "s2st_type": "speech-to-speech translation (S2ST)",
    "subtask_series": "speech enhancement with recognition (ENH_S2T)",
    "extractor": "target speaker extraction (TSE)",
    "separator": "speech enhancement (ENH)",
    "label_aggregator": "speaker diarisation (DIAR)",
    "transcript_token_list": "spoken language understanding (SLU)",
    "promptencoder": S2T,
    "model_conf.sym_na": S2T,
    "preprocessor=s2t": S2T,
    "preprocessor=s2t_ctc": S2T,
    "model=espnet_ctc": S2T,
    "model_name": "speech-to-text of a language model (PS2ST)",
    "universa": "audio quality (AQA)",
    "quantizer": "a speech tokenizer",
    "ssl_encoder": "speech restoration (RST)",
    "vocoder_type": "speech restoration (RST)",
    "waveform_input": "self-supervised pre-training (BEATs)",
    "segmenter": "unsupervised recognition (UASR)",
    "pooling": "speaker or language identification (SPK, LID)",
    "extra_asr_decoder": "speech translation (ST)",
    "src_token_list": "machine translation (MT)",
    "losses": "detection of spoofed speech (ASVSPOOF)",
    "enh": "speech enhancement (ENH)",
    "joint_network_conf": "a stand-alone transducer (ASR_TRANSDUCER)",
    "num_classes": "self-supervised pre-training (SSL)",
    "pred_masked_weight": "self-supervised pre-training (SSL)",
    "decoder=linear": "classification (CLS)",
    "lm": "a language model (LM)",
    "ctc_conf": "speech recognition (ASR)",
}


@dataclass(frozen=True)
class TextConfig:
    """What configs of all tasks with a vocabulary say about text."""

    mark: ClassVar[str]
    paths: ClassVar[tuple[str, ...]] = ("bpemodel", "non_linguistic_symbols")
    required_paths: ClassVar[tuple[str, ...]] = ()

    token_list: list[str]
    token_type: str | None = "bpe"
    bpemodel: str | None = None
    non_linguistic_symbols: str | list[str] | None = None
    cleaner: str | list[str] | None = None
    g2p: str | None = None
    model: str | None = None
    model_conf: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ASRConfig(TextConfig):
    """The sections of a recogniser: each is a choice and its options."""

    mark = "ctc_conf"
    required_paths = ("normalize_conf.stats_file",)

    model: str | None = "espnet"
    input_size: int | None = None
    frontend: str | None = "default"
    frontend_conf: dict[str, Any] = field(default_factory=dict)
    specaug: str | None = None
    specaug_conf: dict[str, Any] = field(default_factory=dict)
    normalize: str | None = "utterance_mvn"
    normalize_conf: dict[str, Any] = field(default_factory=dict)
    preencoder: str | None = None
    preencoder_conf: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = "rnn"
    encoder_conf: dict[str, Any] = field(default_factory=dict)
    postencoder: str | None = None
    postencoder_conf: dict[str, Any] = field(default_factory=dict)
    decoder: str | None = None
    decoder_conf: dict[str, Any] = field(default_factory=dict)
    ctc_conf: dict[str, Any] = field(default_factory=dict)
    joint_net_conf: dict[str, Any] | None = None
    preprocessor: str | None = "default"
    preprocessor_conf: dict[str, Any] = field(default_factory=dict)
    use_lang_prompt: bool = False
    use_nlp_prompt: bool = False


@dataclass(frozen=True)
class ASRTransducerConfig(TextConfig):
    """The sections of a stand-alone transducer, whose encoder has no name but a list of blocks."""

    mark = "joint_network_conf"
    required_paths = ("normalize_conf.stats_file",)

    input_size: int | None = None
    frontend: str | None = "default"
    frontend_conf: dict[str, Any] = field(default_factory=dict)
    specaug: str | None = None
    specaug_conf: dict[str, Any] = field(default_factory=dict)
    normalize: str | None = "utterance_mvn"
    normalize_conf: dict[str, Any] = field(default_factory=dict)
    encoder_conf: dict[str, Any] = field(default_factory=dict)
    decoder: str | None = "rnn"
    decoder_conf: dict[str, Any] = field(default_factory=dict)
    joint_network_conf: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LMConfig(TextConfig):
    """The sections of a language model."""

    mark = "lm"

    model: str | None = "lm"
    lm: str | None = "seq_rnn"
    lm_conf: dict[str, Any] = field(default_factory=dict)


def read_yaml(path: str | Path, shown: str | None = None) -> dict[str, Any]:
    """Read a mapping of plain YAML; raises `ConfigError` for a missing file, other content, or Python tags.

    `shown` names the file in errors, where `path` is one that nobody knows.
    """
    data = read_any_yaml(path, "keys and values in YAML", ConfigError, shown)
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise ConfigError(f"{path if shown is None else shown}: expected keys and values in YAML, found {found}")
    return data


def read_config(path: str | Path, schema: type[TextConfig]) -> Namespace:
    """Read, check and complete a config.yaml; raises `ConfigError`."""
    data = read_yaml(path)
    if data.get("speech_volume_normalize") is not None:
        largest = data["speech_volume_normalize"]
        logging.warning(
            "%s: speech_volume_normalize: recordings are taken as they are; scale them to %s, as training did",
            path,
            largest,
        )
    directory = Path(os.path.abspath(path)).parent  # not resolved: a hub's client keeps files elsewhere and links them
    bases = dict.fromkeys([directory, *directory.parents, Path.cwd()])
    return check_config(data, schema, str(path), tuple(bases), packed_root(path))


def packed_root(path: str | Path) -> Path | None:
    """The directory of the packed model whose `meta.yaml` names the file `path`, or None."""
    file = Path(os.path.abspath(path))
    return next((root for root in file.parents if file in _named_files(root)), None)


def _named_files(root: Path) -> list[Path]:
    """What `root/meta.yaml` names; nothing where it is another program's."""
    try:
        meta = read_yaml(root / META) if (root / META).is_file() else {}
    except ConfigError:
        return []
    sections = [meta.get(section) for section in META_SECTIONS]
    return [root / str(name) for section in sections if isinstance(section, dict) for name in section.values()]


def check_config(
    data: Mapping[str, Any], schema: type[TextConfig], source: str, bases: Sequence[Path], root: Path | None = None
) -> Namespace:
    """Turn a config's keys into the fields of `schema`, with defaults for what is missing or null.

    `source` is named in errors; relative paths are looked for under `bases`, in order, and those of a packed model
    inside its `root` only. Raises `ConfigError`.
    """
    _check_task(data, schema, source)
    _check_unbuilt(data, source)
    known = {item.name: item for item in fields(schema)}
    for key in data:
        if key not in known and key not in TRAINING_KEYS:
            near = difflib.get_close_matches(str(key), known, n=1)
            found = shortened(repr(key), SHOWN)
            raise ConfigError(f"{source}: unknown key {found}" + (f"; did you mean {near[0]!r}?" if near else ""))
    values = {}
    hints = typing.get_type_hints(schema)
    for name, item in known.items():
        values[name] = data.get(name)
        if values[name] is None and item.default_factory is not MISSING:
            values[name] = item.default_factory()
        elif name not in data and item.default is not MISSING:
            values[name] = item.default
        if name == "token_list":
            values[name] = _tokens(values[name], source, bases, root)
        check_value(f"{source}: {name}", values[name], hints[name])
    _fill_defaults(values, str(data.get("version")))
    _resolve(values, schema, source, bases, root)
    return Namespace(**values)


def _check_task(data: Mapping[str, Any], schema: type[TextConfig], source: str) -> None:
    mark = next((mark for mark in TASK_MARKS if _has(data, mark)), schema.mark)
    if mark != schema.mark:
        raise ConfigError(f"{source}: expected a config of {TASK_MARKS[schema.mark]}, found one of {TASK_MARKS[mark]}")


def _has(data: Mapping[str, Any], mark: str) -> bool:
    """Whether a config has a key, one of a section, or a key with a value."""
    key, _, value = mark.partition("=")
    section, _, inner = key.partition(".")
    if inner:
        return inner in (data[section] if isinstance(data.get(section), Mapping) else ())
    return str(data.get(key)).lower() == value if value else key in data


def _check_unbuilt(data: Mapping[str, Any], source: str) -> None:
    kind = data.get("adapter") or MERGED_ADAPTERS[0]
    if data.get("use_adapter") and kind not in MERGED_ADAPTERS:
        raise ConfigError(f"{source}: use_adapter: expected false, since {kind} adapters are not built, found true")


def _fill_defaults(values: dict[str, Any], version: str) -> None:
    """Set options that the release which wrote the config left at a default that differs from ours."""
    release = int(version[:6]) if version[:6].isdigit() else 0
    for since, section, choice, options in DEFAULTS_SINCE:
        if release >= since and str(values.get(section)).lower() == choice:
            values[f"{section}_conf"] = {**options, **values[f"{section}_conf"]}


def _tokens(value: Any, source: str, bases: Sequence[Path], root: Path | None) -> Any:
    """A token list as it is, or read from the file that it names, one token in a line."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    path = find_file(value, bases, root)
    if path is None:
        raise ConfigError(f"{source}: token_list: no file {value!r} {_places(root)}")
    try:
        return read_token_list(path)
    except DataError as error:
        raise ConfigError(str(error)) from error


def _resolve(
    values: dict[str, Any], schema: type[TextConfig], source: str, bases: Sequence[Path], root: Path | None
) -> None:
    """Replace paths by those of the files found; one that building the model needs has to exist."""
    for name, where, key in _paths(values, schema):
        if name == "bpemodel" and values["token_type"] in PRETRAINED:
            where[key] = find_model(where[key], bases, root)
            continue
        path = find_file(where[key], bases, root)
        if path is None and name in schema.required_paths:
            raise ConfigError(f"{source}: {name}: no file {where[key]!r} {_places(root)}")
        if path is None and root is not None:
            path = _by_name(where[key], bases)  # does not exist, whereas the path as it is might, outside
        where[key] = where[key] if path is None else str(path)


def _places(root: Path | None) -> str:
    return "beside the config, above it or here" if root is None else "in the packed model"


def _paths(values: dict[str, Any], schema: type[TextConfig]) -> Iterator[tuple[str, dict[str, Any], str]]:
    for name in (*schema.paths, *schema.required_paths):
        section, _, key = name.rpartition(".")
        if section:
            values[section] = dict(values[section])
        where = values[section] if section else values
        if isinstance(where.get(key), str):
            yield name, where, key


def find_model(name: str, bases: Sequence[Path], root: Path | None = None) -> str:
    """The first directory or file called `name` under `bases`, inside `root` where it is given; else the name, which
    may be one of the hub, or in the first of `bases` where it is a path that leads out of `root`."""
    candidates = (Path(os.path.normpath(base / name)) for base in bases)
    inside = (path for path in candidates if root is None or path.is_relative_to(root))
    leads_out = root is not None and (Path(name).is_absolute() or ".." in Path(name).parts)
    return next(
        (str(path) for path in inside if os.path.exists(path)), str(_by_name(name, bases)) if leads_out else name
    )


def _by_name(name: str, bases: Sequence[Path]) -> Path:
    """A file or directory called as the last part of a path, in the first of `bases`."""
    return bases[0] / Path(os.path.normpath(f"/{name}")).name


def find_file(name: str, bases: Sequence[Path], root: Path | None = None) -> Path | None:
    """The first file called `name` under `bases`, else one of that name alone in the first of them, else None.

    Files outside of `root`, where it is given, do not count.
    """
    candidates = [base / name for base in bases]
    candidates += [_by_name(name, bases)] if bases else []
    if root is not None:
        candidates = [path for path in candidates if Path(os.path.normpath(path)).is_relative_to(root)]
    return next((path for path in candidates if os.path.isfile(path)), None)  # False for names that are too long
