"""Lightning's trainer, set up by the options of training."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.environments import LightningEnvironment, MPIEnvironment, SLURMEnvironment
from pytorch_lightning.strategies import DDPStrategy

from espnet2.runtime.errors import OptionError
from espnet2.train.checkpoint_io import AtomicCheckpointIO

PRECISIONS = {"float16": "16-true", "float32": "32-true", "float64": "64-true"}
LAUNCHERS: dict[str | None, Any] = {None: LightningEnvironment, "slurm": SLURMEnvironment, "mpi": MPIEnvironment}


def build_trainer(args: Namespace, directory: Path, callbacks: Sequence[pl.Callback]) -> pl.Trainer:
    """The trainer of these options.

    Raises:
        OptionError: more GPUs are asked for than there are, or options of distributed training do not fit together.
    """
    found = torch.cuda.device_count()
    if args.ngpu > found:
        raise OptionError(f"ngpu: expected at most the {found} that are here, found {args.ngpu}")
    if args.use_amp and not args.ngpu:
        logging.warning("use_amp has an effect on GPUs only")
    torch.backends.cudnn.enabled = args.cudnn_enabled
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.use_tf32
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    shows_progress = sys.stderr.isatty()
    return pl.Trainer(
        accelerator="gpu" if args.ngpu else "cpu",
        devices=max(args.ngpu, 1),
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


def is_distributed(args: Namespace) -> bool:
    """Whether several processes train together."""
    return args.ngpu > 1 or args.multiprocessing_distributed or (args.dist_world_size or 1) > 1


def is_first_process(args: Namespace) -> bool:
    """Whether this is the process that writes files, as far as options and environment say."""
    ranks = (args.dist_rank, args.local_rank, *(os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "NODE_RANK")))
    return not any(int(rank or 0) for rank in ranks)


def _distribution(args: Namespace) -> dict[str, Any]:
    """The arguments of the trainer that say which processes there are."""
    if not is_distributed(args):
        return {"plugins": [AtomicCheckpointIO()]}
    # Machines are counted with a process for each GPU; processes where the launcher counts those.
    machines = args.dist_world_size or 1
    settings = {
        "MASTER_ADDR": args.dist_master_addr,
        "MASTER_PORT": args.dist_master_port,
        "NODE_RANK": args.dist_rank,
        "LOCAL_RANK": args.local_rank,
    }
    os.environ.update({name: str(value) for name, value in settings.items() if value is not None})
    strategy = DDPStrategy(
        process_group_backend=args.dist_backend if args.ngpu else "gloo",
        find_unused_parameters=args.unused_parameters,
        gradient_as_bucket_view=args.gradient_as_bucket_view,
    )
    environment = LAUNCHERS[args.dist_launcher]()
    return {"strategy": strategy, "num_nodes": machines, "plugins": [AtomicCheckpointIO(), environment]}


def quiet_lightning() -> warnings.catch_warnings:
    """Leave out Lightning's hints about hardware and settings that are chosen here."""
    caught = warnings.catch_warnings()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    return caught
