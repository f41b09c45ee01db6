"""Learning rates are upstream's, step by step."""

import json

import pytest
import torch

from espnet2.interface.errors import ConfigError
from espnet2.tasks.optimisation import OPTIM, SCHEDULER
from espnet2.train.training_module import AFTER_STEPS, READS_VALUE


@pytest.fixture(scope="module")
def golden(repo_dir):
    return json.loads((repo_dir / "test" / "golden" / "trainer.json").read_text())


def make_optimizer(**options):
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.002}]
    return torch.optim.SGD(groups, lr=0.5, **options)


@pytest.mark.parametrize("row", range(11))
def test_rates_are_upstreams(golden, row):
    wanted = golden["schedules"][row]
    optimizer = make_optimizer()
    scheduler = SCHEDULER.build(wanted["name"], wanted["conf"], optimizer=optimizer)
    for step, rates in enumerate(wanted["rates"]):
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(rates, rel=1e-9, abs=1e-15)
        optimizer.step()
        scheduler.step()
        if wanted["reads"] and step % 3 == 2:
            scheduler.step(max(10 - step, 0))


def test_every_schedule_is_compared(golden):
    assert len(golden["schedules"]) == 11
    own = {name for name, target in SCHEDULER.classes.items() if target.startswith("espnet2.")}
    assert own == {row["name"] for row in golden["schedules"]}


def test_names_and_kinds_are_upstreams(golden):
    assert list(OPTIM.classes) == golden["optimizers"]
    # A function of the step cannot be written in YAML.
    assert set(SCHEDULER.classes) == set(golden["schedulers"]) - {"lambdalr"}
    for name, target in SCHEDULER.classes.items():
        after_steps, reads = golden["schedulers"][name]
        assert (target.split(":")[1] in AFTER_STEPS, target.split(":")[1] in READS_VALUE) == (after_steps, reads)


CONFS = {
    "steplr": {"step_size": 3},
    "multisteplr": {"milestones": [1]},
    "exponentiallr": {"gamma": 0.9},
    "cosineannealinglr": {"T_max": 3},
    "cosineannealingwarmrestarts": {"T_0": 3},
    "cycliclr": {"base_lr": 0.1, "max_lr": 0.2},
    "onecyclelr": {"max_lr": 0.1, "total_steps": 5},
    "reducelronplateau": {},
}


@pytest.mark.parametrize("name", CONFS)
def test_pytorchs_schedules_are_built(name):
    assert SCHEDULER.build(name, CONFS[name], optimizer=make_optimizer(momentum=0.9)) is not None


@pytest.mark.parametrize("name", OPTIM.classes)
def test_optimisers_are_built(name):
    assert OPTIM.build(name, {"lr": 0.5}, params=[torch.nn.Parameter(torch.zeros(1))]).param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    ("name", "conf", "message"),
    [
        ("warmuplr", {"warmup_steps": 0}, "warmup_steps: expected a number above 0, found 0"),
        ("noamlr", {"warmup_steps": -1}, "warmup_steps: expected a number above 0"),
        ("piecewiselinearwarmuplr", {"warmup_steps_list": [5, 1]}, "expected rising steps, one for each rate"),
        ("cosineannealingwarmuprestarts", {"first_cycle_steps": 5, "warmup_steps": 5}, "more than warmup_steps"),
        ("tristagelr", {"warmup_ratio": 0.9}, "expected a sum of 1"),
        ("exponentialdecaywarmup", {"max_lr": 1.0, "min_lr": 0.1, "total_steps": 0}, "more than warmup_steps"),
        ("warmuplr", {"steps": 3}, "scheduler_conf.steps: expected an option of WarmupLR"),
        ("fastest", {}, "scheduler: expected one of reducelronplateau.*, found 'fastest'"),
    ],
)
def test_bad_options_are_named(name, conf, message):
    with pytest.raises(ConfigError, match=message):
        SCHEDULER.build(name, conf, optimizer=make_optimizer())


def test_numbers_that_yaml_reads_as_text_are_named():
    with pytest.raises(ConfigError, match=r"optim_conf.lr: expected float or tensor, found str '1e-3'"):
        OPTIM.build("adam", {"lr": "1e-3"}, params=[torch.nn.Parameter(torch.zeros(1))])
