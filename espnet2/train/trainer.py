"""Lightning's trainer, set up by the options of training."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    MPIEnvironment,
    SLURMEnvironment,
)
from pytorch_lightning.strategies import DDPStrategy

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.train.checkpoint_io import AtomicCheckpointIO

PRECISIONS = {"float16": "16-true", "float32": "32-true", "float64": "64-true"}
# A job that Slurm starts again finds the checkpoint by --resume true; it need not be queued by the training itself.
LAUNCHERS: dict[str, Callable[[], ClusterEnvironment]] = {
    "slurm": partial(SLURMEnvironment, auto_requeue=False),
    "mpi": MPIEnvironment,
}


def build_trainer(args: Namespace, directory: Path, callbacks: Sequence[pl.Callback]) -> pl.Trainer:
    """Build the trainer.

    Raises:
        OptionError: fewer GPUs are available than requested, or options of distributed training do not fit together.
    """
    devices = devices_of(args)
    if args.use_amp and not args.ngpu:
        logging.warning("use_amp has an effect on GPUs only")
    torch.backends.cudnn.enabled = args.cudnn_enabled
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.use_tf32
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    shows_progress = sys.stderr.isatty()
    return pl.Trainer(
        accelerator="gpu" if args.ngpu else "cpu",
        devices=devices,
        precision="16-mixed" if args.use_amp and args.ngpu else PRECISIONS[args.train_dtype],  # type: ignore[arg-type]
        max_epochs=args.max_epoch,
        accumulate_grad_batches=args.accum_grad,
        benchmark=args.cudnn_benchmark,
        deterministic="warn" if args.cudnn_deterministic and args.ngpu else None,
        detect_anomaly=args.detect_anomaly,
        default_root_dir=str(directory),
        callbacks=[*callbacks, *([TQDMProgressBar(leave=False)] if shows_progress else [])],
        enable_progress_bar=shows_progress,
        enable_checkpointing=True,
        enable_model_summary=False,
        logger=TensorBoardLogger(str(directory), name="tensorboard", version="") if args.use_tensorboard else False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        inference_mode=False,  # what a model keeps from validation may be used in training
        log_every_n_steps=1,
        **_distribution(args),
    )


def devices_of(args: Namespace) -> int | list[int]:
    """Return the number of devices of this machine, one for each process, or the one that this process has.

    Raises:
        OptionError: they are not available.
    """
    found, needed = torch.cuda.device_count(), _processes(args)
    if args.ngpu and max(args.ngpu, needed) > found:
        raise OptionError(f"ngpu: expected at most the {found} that are here, found {max(args.ngpu, needed)}")
    if args.local_rank is None or args.dist_launcher is not None:
        return needed
    if args.ngpu > 1:
        raise OptionError(f"local_rank: expected ngpu 0 or 1, as each process is given its GPU, found {args.ngpu}")
    if args.ngpu and not 0 <= args.local_rank < found:
        raise OptionError(f"local_rank: expected one of the {found} GPUs that are here, found {args.local_rank}")
    return [args.local_rank] if args.ngpu else 1


def _processes(args: Namespace) -> int:
    """Return the number of processes on a machine: those started by Slurm, else one for each GPU."""
    started = os.environ.get("SLURM_NTASKS_PER_NODE", "1") if args.dist_launcher == "slurm" else args.ngpu
    return max(int(started), 1)


def is_distributed(args: Namespace) -> bool:
    """Whether several processes train together; raises `OptionError` as `launched` does."""
    if args.dist_launcher is not None:
        return launched(args.dist_launcher).world_size() > 1
    return args.ngpu > 1 or args.multiprocessing_distributed or (args.dist_world_size or 1) > 1


def is_first_process(args: Namespace) -> bool:
    """Whether this process writes files, by the options and the environment."""
    if args.dist_launcher is not None:
        return launched(args.dist_launcher).global_rank() == 0
    ranks = (args.dist_rank, *(os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "NODE_RANK")))
    return not any(int(rank or 0) for rank in ranks)


def launched(launcher: str) -> ClusterEnvironment:
    """Return the cluster environment of the processes that `launcher` has started.

    Raises:
        OptionError: it has not started this one.
        MissingPackageError: mpi4py is not installed.
    """
    try:
        environment = LAUNCHERS[launcher]()
        environment.world_size(), environment.global_rank(), environment.local_rank(), environment.node_rank()
    except RuntimeError as error:
        raise OptionError(f"dist_launcher: {' '.join(str(error).split())}") from error
    except KeyError as error:
        raise OptionError(f"dist_launcher: expected a process that {launcher} has started, found no {error}") from error
    except ImportError as error:
        raise MissingPackageError(f"dist_launcher: {launcher} needs the package mpi4py: {error}") from error
    return environment


def _distribution(args: Namespace) -> dict[str, Any]:
    """Return the trainer's arguments that describe the processes."""
    if not is_distributed(args):
        return {"plugins": [AtomicCheckpointIO()]}
    settings = {"MASTER_ADDR": args.dist_master_addr, "MASTER_PORT": args.dist_master_port}
    if args.dist_launcher is None:
        # Each start of the command is a machine to Lightning, which starts a process for each GPU of it. That there may
        # be several on a machine, each with its --local_rank, matters for the choice of the GPU alone.
        settings["NODE_RANK"] = args.dist_rank
        environment: ClusterEnvironment = LightningEnvironment()
        machines = args.dist_world_size or 1
    else:
        environment = launched(args.dist_launcher)
        machines = max(environment.world_size() // _processes(args), 1)
        if environment.local_rank() >= _processes(args):
            raise OptionError(
                f"ngpu: expected a GPU for each process on a machine, found {args.ngpu} for local rank "
                f"{environment.local_rank()}"
            )
    os.environ.update({name: str(value) for name, value in settings.items() if value is not None})
    strategy = DDPStrategy(
        process_group_backend=args.dist_backend if args.ngpu else "gloo",
        find_unused_parameters=args.unused_parameters,
        gradient_as_bucket_view=args.gradient_as_bucket_view,
    )
    return {"strategy": strategy, "num_nodes": machines, "plugins": [AtomicCheckpointIO(), environment]}


def quiet_lightning() -> warnings.catch_warnings:
    """Suppress Lightning's hints about hardware and settings that are chosen here."""
    caught = warnings.catch_warnings()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    return caught
