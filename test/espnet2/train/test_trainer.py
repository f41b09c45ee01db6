"""Which process is the first, and which devices a process has."""

import pytest
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from espnet2.interface.errors import EspnetError
from espnet2.tasks.arguments import TrainingParser
from espnet2.tasks.lm import LMTask
from espnet2.train.trainer import build_trainer, is_distributed, is_first_process

SLURM = {"SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "2", "SLURM_LOCALID": "1"}
SLURM |= {"SLURM_NODEID": "1", "SLURM_PROCID": "3", "SLURM_JOB_NAME": "train"}


def options(*arguments):
    return TrainingParser(LMTask).parse_args([*arguments, "--use_tensorboard", "false"])


@pytest.mark.parametrize(
    ("arguments", "environment", "several", "first"),
    [
        ([], {}, False, True),
        (["--dist_world_size", "2", "--dist_rank", "0"], {}, True, True),
        (["--dist_world_size", "2", "--dist_rank", "1", "--local_rank", "0"], {}, True, False),
        (["--dist_world_size", "2", "--dist_rank", "0", "--local_rank", "1"], {}, True, True),
        (["--multiprocessing_distributed", "true"], {"LOCAL_RANK": "1"}, True, False),
        (["--dist_launcher", "slurm"], SLURM, True, False),
        (["--dist_launcher", "slurm"], SLURM | {"SLURM_PROCID": "0"}, True, True),
        (["--dist_launcher", "slurm"], {"SLURM_NTASKS": "1", **dict.fromkeys(list(SLURM)[3:], "0")}, False, True),
    ],
)
def test_the_first_process_is_known_before_training(monkeypatch, arguments, environment, several, first):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    args = options(*arguments)
    assert (is_distributed(args), is_first_process(args)) == (several, first)


def test_slurm_says_which_processes_there_are(monkeypatch, tmp_path):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 0)  # Lightning keeps it for the whole process
    trainer = build_trainer(options("--dist_launcher", "slurm"), tmp_path, [])
    assert (trainer.world_size, trainer.global_rank, trainer.num_nodes, trainer.num_devices) == (4, 3, 2, 2)
    assert trainer.strategy.cluster_environment.auto_requeue is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dist_launcher", "slurm"], "dist_launcher: expected a process that slurm has started, found no 'SLURM_"),
        (["--ngpu", "64"], "ngpu: expected at most the"),
        (["--ngpu", "1", "--local_rank", "64"], "(local_rank|ngpu): expected"),
    ],
)
def test_processes_that_cannot_be_are_refused(tmp_path, arguments, message):
    with pytest.raises(EspnetError, match=message):
        build_trainer(options(*arguments), tmp_path, [])
