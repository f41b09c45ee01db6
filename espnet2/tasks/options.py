"""Options of training that every task has: one row each, with upstream's names, order and defaults.

A row that is `fixed` is known, and only its default can be had: another value is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from espnet2.tasks.files import Places
from espnet2.utils.types import float_or_none, int_or_none, str2bool, str2triple_str, str_or_none

MAPPING = cast(Callable[[str], Any], dict)  # the kind of an option that is a mapping; see `NestedDictAction`
WRITTEN = ("config", "print_config", "required", "version", "distributed")  # keys of a config.yaml, and no options
HINTS: dict[Any, Any] = {
    str: str,
    str_or_none: str | None,
    int: int,
    int_or_none: int | None,
    float: float,
    float_or_none: float | None,
    str2bool: bool,
    MAPPING: dict[str, Any],
}


@dataclass(frozen=True)
class Key:
    """Reader of an option's value in the config.yaml of a trained model.

    Attributes:
        hint: Type of the value; None: that which the option's kind gives.
        resolve: Returns the value by the places of files, the key, the value found and those of the keys before it.
        read: False for what training alone uses.
        offered: False for a key that is read, and is no option of training.
    """

    hint: Any = None
    resolve: Callable[[Places, str, Any, Mapping[str, Any]], Any] | None = None
    read: bool = True
    offered: bool = True


UNREAD = Key(read=False)


@dataclass(frozen=True)
class Option:
    """Option of a training command, and key of its config.yaml.

    Attributes:
        name: Of both.
        kind: Reads a value from the command line.
        default: Value where none is given; None may be given too.
        help: What it is for.
        choices: Values that are allowed; null beside them where the default is None or `kind` gives None.
        nargs: How many values it takes, as `argparse` says it.
        append: Each use of the option adds a value to a list.
        fixed: Another value than the default is not supported.
        key: How a trained model's config.yaml is read.
    """

    name: str
    kind: Callable[[str], Any]
    default: Any
    help: str = ""
    choices: Sequence[str] = ()
    nargs: str | int | None = None
    append: bool = False
    fixed: bool = False
    key: Key = Key()

    @property
    def may_be_none(self) -> bool:
        """Whether null is a value of it."""
        return self.default is None or self.kind in (str_or_none, int_or_none, float_or_none)

    @property
    def hint(self) -> Any:
        """Type of its value in a config.yaml."""
        if self.key.hint is not None:
            return self.key.hint
        one: Any = HINTS.get(self.kind, Any)
        if self.append or self.nargs is not None:
            return list[one]
        return one | None if self.kind is MAPPING and self.default is None else one


def fixed(name: str, kind: Callable[[str], Any], default: Any, nargs: str | None = None) -> Option:
    """Return an option of upstream that has one value here."""
    return Option(name, kind, default, "known with its default only", nargs=nargs, fixed=True)


BATCH_TYPES = ("unsorted", "sorted", "folded", "length", "numel")
CRITERIA = [["train", "loss", "min"], ["valid", "loss", "min"], ["train", "acc", "max"], ["valid", "acc", "max"]]
ORDERS = ("descending", "ascending")
DATA = "PATH,NAME,TYPE of a field of the data, such as data/train/wav.scp,speech,sound; repeatable"
SHAPE = "utterances and their lengths, of one field of the data; repeatable, in the order of --fold_length"


def paths(text: str) -> list[str]:
    """Return PATH,NAME,TYPE as a list, which YAML can hold."""
    return list(str2triple_str(text))


GENERAL = (
    Option("log_level", str, "INFO", "level of log messages", ("ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")),
    Option("drop_last_iter", str2bool, False, "leave out the last batch of an epoch, which may be small"),
    Option("dry_run", str2bool, False, "build everything, write config.yaml, and stop"),
    fixed("iterator_type", str, "sequence"),
    fixed("valid_iterator_type", str_or_none, None),
    Option("output_dir", str_or_none, None, "directory of the experiment"),
    Option("ngpu", int, 0, "GPUs of this machine to train on; 0 trains on the CPU"),
    Option("seed", int, 0, "seed of all random numbers"),
    Option("num_workers", int, 1, "processes that read data"),
    Option("num_att_plot", int, 3, "utterances whose attention is drawn after each epoch"),
    Option("dist_backend", str, "nccl", "backend of distributed training; on the CPU always gloo"),
    Option("dist_init_method", str, "env://", "how processes find each other: by environment variables", ("env://",)),
    Option("dist_world_size", int_or_none, None, "number of starts of this command that train together"),
    Option("dist_rank", int_or_none, None, "number of this start, from 0"),
    Option("local_rank", int_or_none, None, "GPU of this process on its machine, with ngpu 1"),
    Option("dist_master_addr", str_or_none, None, "address of the machine of rank 0"),
    Option("dist_master_port", int_or_none, None, "port on the machine of rank 0"),
    Option("dist_launcher", str_or_none, None, "program that starts the processes", ("slurm", "mpi")),
    Option("multiprocessing_distributed", str2bool, False, "start a process for each GPU"),
    Option("unused_parameters", str2bool, False, "allow parameters without gradient in distributed training"),
    fixed("sharded_ddp", str2bool, False),
    fixed("use_deepspeed", str2bool, False),
    fixed("deepspeed_config", str_or_none, None),
    Option("gradient_as_bucket_view", str2bool, True, "option of PyTorch's DistributedDataParallel"),
    fixed("ddp_comm_hook", str_or_none, None),
    Option("cudnn_enabled", str2bool, True, "use cuDNN"),
    Option("cudnn_benchmark", str2bool, False, "let cuDNN find the fastest algorithms"),
    Option("cudnn_deterministic", str2bool, True, "let cuDNN use deterministic algorithms only"),
    Option("use_tf32", str2bool, False, "multiply matrices in TensorFloat32 on GPUs"),
    Option("collect_stats", str2bool, False, "write shapes and statistics of the data, and do not train"),
    Option("write_collected_feats", str2bool, False, "write the features of --collect_stats, too"),
)
LOOP = (
    Option("max_epoch", int, 40, "epochs to train"),
    Option("patience", int_or_none, None, "epochs without an improvement after which training stops"),
    Option("val_scheduler_criterion", str, ["valid", "loss"], "PHASE STATISTIC read by a scheduler", nargs=2),
    Option("early_stopping_criterion", str, ["valid", "loss", "min"], "PHASE STATISTIC MODE of --patience", nargs=3),
    Option("best_model_criterion", str, CRITERIA, "PHASE,STATISTIC,MODE that rank models", nargs="+"),
    Option("keep_nbest_models", int, [10], "models to keep for each criterion, and to average", nargs="+"),
    Option("nbest_averaging_interval", int, 0, "average the models every so many epochs; 0: at the end only"),
    Option("grad_clip", float, 5.0, "largest norm of the gradient"),
    Option("grad_clip_type", float, 2.0, "p of the gradient's norm; inf for the largest element"),
    Option("grad_noise", str2bool, False, "add noise to gradients (Neelakantan et al. 2015)"),
    Option("accum_grad", int, 1, "batches of one step of the optimiser"),
    fixed("no_forward_run", str2bool, False),
    Option("resume", str2bool, False, "resume from output_dir/checkpoint.pth, if it exists"),
    Option("train_dtype", str, "float32", "type of parameters", ("float16", "float32", "float64")),
    Option("use_amp", str2bool, False, "mixed precision with float16, on GPUs"),
    Option("log_interval", int_or_none, None, "batches between log lines; default: about 20 lines an epoch"),
    Option("use_matplotlib", str2bool, True, "draw curves into output_dir/images"),
    Option("use_tensorboard", str2bool, True, "write output_dir/tensorboard"),
    fixed("create_graph_in_tensorboard", str2bool, False),
    fixed("use_wandb", str2bool, False),
    fixed("wandb_project", str_or_none, None),
    fixed("wandb_id", str_or_none, None),
    fixed("wandb_entity", str_or_none, None),
    fixed("wandb_name", str_or_none, None),
    fixed("wandb_model_log_interval", int, -1),
    Option("detect_anomaly", str2bool, False, "find the operation that produced a NaN; slow"),
    fixed("use_adapter", str2bool, False),
    fixed("adapter", str, "lora"),
    fixed("save_strategy", str, "all"),
    fixed("adapter_conf", MAPPING, {}),
    fixed("pretrain_path", str_or_none, None),
    Option("init_param", str, [], "FILE:SOURCE:DESTINATION:EXCLUDED weights to start from", nargs="*"),
    Option("ignore_init_mismatch", str2bool, False, "skip tensors of --init_param of another shape"),
    Option("freeze_param", str, [], "names of parameters, or beginnings of them, that are not trained", nargs="*"),
)
BATCHES = (
    Option("num_iters_per_epoch", int_or_none, None, "batches of an epoch"),
    Option("batch_size", int, 20, "utterances of a batch: unsorted, sorted, folded"),
    Option("valid_batch_size", int_or_none, None, "batch_size of validation"),
    Option("batch_bins", int, 1000000, "elements of a padded batch: length, numel"),
    Option("valid_batch_bins", int_or_none, None, "batch_bins of validation"),
    fixed("category_sample_size", int, 10),
    fixed("upsampling_factor", float, 0.5),
    fixed("category_upsampling_factor", float, 0.5),
    fixed("dataset_upsampling_factor", float, 0.5),
    fixed("dataset_scaling_factor", float, 1.2),
    fixed("max_batch_size", int_or_none, None),
    Option("min_batch_size", int, 1, "fewest utterances of a batch"),
    Option("train_shape_file", str, [], SHAPE, append=True),
    Option("valid_shape_file", str, [], SHAPE, append=True),
    Option("batch_type", str, "folded", "how utterances are put into batches", BATCH_TYPES),
    Option("valid_batch_type", str_or_none, None, "batch_type of validation", BATCH_TYPES),
    Option("fold_length", int, [], "length from which batches have fewer utterances; repeatable", append=True),
    Option("sort_in_batch", str, "descending", "order of utterances in a batch", ORDERS),
    fixed("shuffle_within_batch", str2bool, False),
    Option("sort_batch", str, "descending", "order of batches, which training shuffles", ORDERS),
    fixed("multiple_iterator", str2bool, False),
    fixed("chunk_length", int, 500),
    fixed("chunk_shift_ratio", float, 0.5),
    fixed("num_cache_chunks", int, 1024),
    fixed("chunk_excluded_key_prefixes", str, [], nargs="+"),
    fixed("chunk_default_fs", int_or_none, None),
    fixed("chunk_max_abs_length", int_or_none, None),
    fixed("chunk_discard_short_samples", str2bool, True),
    Option("train_data_path_and_name_and_type", paths, [], DATA, append=True),
    Option("valid_data_path_and_name_and_type", paths, [], DATA, append=True),
    fixed("multi_task_dataset", str2bool, False),
    Option("allow_variable_data_keys", str2bool, False, "allow fields that the task does not know"),
    fixed("max_cache_size", float, 0.0),
    fixed("max_cache_fd", int, 32),
    Option("allow_multi_rates", str2bool, False, "allow recordings of several sampling rates"),
    fixed("valid_max_cache_size", float_or_none, None),
)
OPTIMISATION = (
    Option("exclude_weight_decay", str2bool, False, "no weight decay of biases and normalisation"),
    Option("exclude_weight_decay_conf", MAPPING, {}, "bias_weight_decay, normalization_weight_decay: true for decay"),
)
COMMON = (*GENERAL, *LOOP, *BATCHES, *OPTIMISATION)
