"""Training of a task's model, from options to an experiment's directory."""

from __future__ import annotations

import logging
import signal
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from espnet2.interface.errors import CheckpointError, EspnetError, OptionError, TrainingError, reason_of
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.main_funcs.collect_stats import collect_stats
from espnet2.tasks import files
from espnet2.tasks.arguments import check, config_of, full_config, to_yaml
from espnet2.tasks.config import model_keys
from espnet2.tasks.declaration import TaskDeclaration
from espnet2.tasks.optimisation import scheduler_of
from espnet2.tasks.training_data import TrainingData
from espnet2.text.token_id_converter import read_token_list
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.checkpoint_io import CHECKPOINT, read_checkpoint
from espnet2.train.data_module import Batches
from espnet2.train.experiment import Experiment, ExperimentOptions
from espnet2.train.gan_training_module import GANTrainingModule, TurnOptions
from espnet2.train.history import History
from espnet2.train.trainer import build_trainer, devices_of, is_distributed, is_first_process, quiet_lightning
from espnet2.train.training_module import StepOptions, TrainingModule
from espnet2.utils.atomic import remove_partial, write_atomically
from espnet2.utils.lock import only_one
from espnet2.utils.yaml_file import read_mapping

CONFIG = "config.yaml"
LOG = "train.log"
OF_THE_OPTIMISER = (
    *("optim", "optim_conf", "scheduler", "scheduler_conf"),
    *("optim2", "optim2_conf", "scheduler2", "scheduler2_conf", "generator_first"),
    *("exclude_weight_decay", "exclude_weight_decay_conf"),
)


def train(task: type[TaskDeclaration], args: Namespace) -> int:
    """Train, or collect statistics, or print the configuration; return the exit status.

    Raises:
        EspnetError: one sentence that names the option or file, before anything is overwritten.
    """
    if args.print_config:
        print(to_yaml(full_config(task, args)), end="")
        return 0
    check(task, args)
    for option in task.options():
        named = option.name in task.required or getattr(args, option.name) is not None
        if option.key.resolve is files.tokens and named:
            setattr(args, option.name, _tokens(task, args, option.name))
    if args.output_dir is None:
        raise OptionError("output_dir: expected the experiment's directory, found none")
    directory = Path(args.output_dir)
    set_all_random_seed(args.seed)
    model = build_model(task, args)
    data = TrainingData(task, args)
    if args.collect_stats:
        return _collect(task, args, model, data, directory)
    checkpoint = _checkpoint_of(task, args, directory)
    module = build_module(task, args, model)
    if checkpoint is None:
        _start_from(args, model)
    if not args.dry_run or data.given():
        data.check()
    if not args.dry_run:
        devices_of(args)
    is_first = is_first_process(args)
    with only_one(directory, "training") if is_first else nullcontext():
        _write_config(task, args, directory)
        if args.dry_run:
            return 0
        with _logging_to(directory / LOG if is_first else None):
            _fit(args, directory, module, data, checkpoint)
    return 0


def _tokens(task: type[TaskDeclaration], args: Namespace, name: str) -> list[str]:
    """Read the token list from the file that option `name` names.

    Raises:
        OptionError: it lacks a symbol that begins or ends the model's sentences.
    """
    given = getattr(args, name)
    if given is None:
        raise OptionError(f"{name}: expected a file of tokens, one in a line, found none")
    source, tokens = (given, read_token_list(given)) if isinstance(given, str) else (name, list(given))
    conf = full_config(task, args).get("model_conf", {}) if name == "token_list" else {}
    for key in ("sym_sos", "sym_eos"):
        if key in conf and conf[key] not in tokens:  # a model would take the last token, whatever it is
            raise OptionError(f"{source}: expected a line with {conf[key]!r}, the {key} of model_conf, found none")
    return tokens


def build_model(task: type[TaskDeclaration], args: Namespace) -> AbsESPnetModel:
    """Build the model with fresh weights."""
    model = task.build_model(Namespace(**config_of(task, args)))
    if getattr(args, "init", None) is not None:
        from espnet2.torch_utils.initialize import initialize

        initialize(model, args.init)
    return model


def build_module(task: type[TaskDeclaration], args: Namespace, model: AbsESPnetModel) -> TrainingModule:
    """Build the model's optimiser and schedule; raises `ConfigError`."""
    for name in args.freeze_param:
        frozen = [part for key, part in model.named_parameters() if key == name or key.startswith(f"{name}.")]
        if not frozen:
            raise OptionError(f"freeze_param: expected names of parameters, or beginnings of them, found {name!r}")
        for parameter in frozen:
            parameter.requires_grad = False
    optimizers = task.build_optimizers(args, model)
    if len(optimizers) != task.num_optimizers or task.num_optimizers not in (1, 2):
        expected = "one optimiser, or two of which num_optimizers tells,"
        raise OptionError(f"{task.__name__}.build_optimizers: expected {expected} found {len(optimizers)}")
    schedulers = [scheduler_of(args, optimizer, number) for number, optimizer in enumerate(optimizers, 1)]
    options = _options(StepOptions, args)
    count = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    logging.info("%s: %d parameters, %d of them trained", type(model).__name__, count, trained)
    if task.num_optimizers == 1:
        return TrainingModule(model, optimizers[0], schedulers[0], options)
    return GANTrainingModule(model, optimizers, schedulers, options, _options(TurnOptions, args))


def _options(cls: type[Any], args: Namespace) -> Any:
    """Return the options whose names are those of the fields of `cls`."""
    return cls(**{item.name: getattr(args, item.name) for item in fields(cls)})


def _start_from(args: Namespace, model: AbsESPnetModel) -> None:
    """Load the weights that `init_param` names."""
    from espnet2.torch_utils.load_pretrained_model import load_pretrained_model

    for item in args.init_param:
        load_pretrained_model(item, model, args.ignore_init_mismatch)


def _collect(
    task: type[TaskDeclaration], args: Namespace, model: AbsESPnetModel, data: TrainingData, directory: Path
) -> int:
    """Write statistics of the data of both phases; raises `OptionError` for a training directory."""
    if (directory / CHECKPOINT).exists():
        raise OptionError(f"{directory / CHECKPOINT}: expected no training where --collect_stats writes, found one")
    train_iter, valid_iter = (data.statistics_batches(phase) for phase in ("train", "valid"))
    with only_one(directory, "collection of statistics"):
        collect_stats(model, train_iter, valid_iter, directory, write_collected_feats=args.write_collected_feats)
        _write_config(task, args, directory)
    return 0


def _checkpoint_of(task: type[TaskDeclaration], args: Namespace, directory: Path) -> Path | None:
    """Return the checkpoint to resume from, if there is one; it has to be of this configuration.

    Raises:
        OptionError: there is one, without `resume`.
        TrainingError: it is of another configuration.
    """
    path = directory / CHECKPOINT
    if not path.exists():
        return None
    if not args.resume:
        raise OptionError(f"{path}: expected no training here unless --resume true goes on with it, found one")
    if (directory / CONFIG).is_file():
        _require_same(task, read_mapping(directory / CONFIG), config_of(task, args), directory / CONFIG)
    read_checkpoint(path)
    return path


def _require_same(task: type[TaskDeclaration], before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Raise `TrainingError` where keys that determine the weights have changed."""
    keys = [name for name in model_keys(task) if name != "bpemodel"]
    for key in (*keys, *OF_THE_OPTIMISER):
        if before.get(key) != now.get(key):
            began, found = _unlike(before.get(key), now.get(key))
            raise TrainingError(
                f"{path}: expected {key} to be as when training began, {began}, found {found}; use another output_dir"
            )


def _unlike(before: Any, now: Any) -> tuple[str, str]:
    """Describe two values in an error: entries of mappings that differ; the first that differs of lists, or lengths."""
    if isinstance(before, dict) and isinstance(now, dict):
        same = {key for key in before.keys() & now.keys() if before[key] == now[key]}
        before, now = ({key: value[key] for key in value if key not in same} for value in (before, now))
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return f"{len(before)} entries", f"{len(now)}"
        index = next(index for index, value in enumerate(before) if value != now[index])
        return f"{before[index]!r} as entry {index}", repr(now[index])
    return repr(before), repr(now)


def _write_config(task: type[TaskDeclaration], args: Namespace, directory: Path) -> None:
    if not is_first_process(args):
        return
    remove_partial(directory)
    with write_atomically(directory / CONFIG, "w") as file:
        file.write(to_yaml(config_of(task, args, is_distributed(args))))


@contextmanager
def _logging_to(path: Path | None) -> Iterator[None]:
    """Append log messages to a file, unless it is None."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _fit(args: Namespace, directory: Path, module: TrainingModule, data: TrainingData, checkpoint: Path | None) -> None:
    """Train to the end, from the checkpoint where there is one, and average the best models."""
    options = _options(ExperimentOptions, args)
    criteria, sizes = args.best_model_criterion, args.keep_nbest_models

    experiment = Experiment(directory, options, _listeners(args, directory))
    if checkpoint is not None:
        experiment.history = History(read_checkpoint(checkpoint)["reporter"]["stats"])
        logging.info("%s: going on after epoch %d", checkpoint, experiment.history.epoch)
    ended = experiment.history.stalled(args.patience, args.early_stopping_criterion)
    if experiment.history.epoch < args.max_epoch and not ended:
        batches = Batches(data.factory, args.seed)
        with quiet_lightning(), _signals_as_status():
            trainer = build_trainer(args, directory, [experiment, *_attention_plots(args, directory, data)])
            data.set_rank(trainer)
            try:
                trainer.fit(module, datamodule=batches, ckpt_path=None if checkpoint is None else str(checkpoint))
            except (ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
                if checkpoint is None or not experiment.restoring or isinstance(error, EspnetError):
                    raise
                # Python's own words say nothing of the file.
                reason = f": {reason_of(error)}" if isinstance(error, ValueError | RuntimeError) else ""
                raise CheckpointError(
                    f"{checkpoint}: expected a checkpoint of this training, found one that does not fit it{reason}"
                ) from error
        if not trainer.is_global_zero:
            return
    experiment.prune()  # as the last epoch would have, had the training not been killed before
    logging.info("The training was finished at %d epochs", experiment.history.epoch)
    average_nbest_models(directory, experiment.history, criteria, sizes)
    if args.use_matplotlib:
        from espnet2.train.pictures.curves import plot_curves

        plot_curves(_drawn(experiment.history), directory / "images")


@contextmanager
def _signals_as_status() -> Iterator[None]:
    """Make Ctrl-C `KeyboardInterrupt` and SIGTERM status 143; from Lightning they come as statuses 1 and 0."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    try:
        yield
    except SIGTERMException as error:
        logging.warning("Terminated; --resume true goes on from the last epoch")
        raise SystemExit(128 + signal.SIGTERM) from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def _listeners(args: Namespace, directory: Path) -> list[Callable[[History], None]]:
    """Return the functions that are called after each epoch: averages, curves."""
    found: list[Callable[[History], None]] = []
    criteria, sizes, interval = args.best_model_criterion, args.keep_nbest_models, args.nbest_averaging_interval

    def average(history: History) -> None:
        if history.epoch % interval == 0:
            average_nbest_models(directory, history, criteria, sizes, f"till{history.epoch}epoch")

    if interval:
        found.append(average)
    if args.use_matplotlib:
        from espnet2.train.pictures.curves import CurvePlots

        plots = CurvePlots(directory / "images")
        found.append(lambda history: plots(_drawn(history)))
    return found


def _drawn(history: History) -> dict[int, dict[str, dict[str, float]]]:
    """Return the statistics for curves: those of the model, gradients and rates, without times and counts."""
    left_out = ("time", "total_count", "loss_scale")
    return {
        epoch: {
            phase: {name: value for name, value in stats.items() if not name.endswith(left_out)}
            for phase, stats in phases.items()
        }
        for epoch, phases in history.stats.items()
    }


def _attention_plots(args: Namespace, directory: Path, data: TrainingData) -> list[Any]:
    """Return the callbacks that draw attention weights after each validation."""
    if not args.num_att_plot or not hasattr(args, "token_list"):
        return []
    from espnet2.train.pictures.callbacks import AttentionPlots

    batches = data.first_batches("valid", args.num_att_plot)
    return [AttentionPlots(batches, args.token_list, directory / "att_ws")]
