"""A generator and a discriminator, trained in turn, become what they become with upstream's trainer."""

import json
import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import toy_gan
from torch.utils.data import DataLoader

from espnet2.interface.errors import OptionError
from espnet2.schedulers.warmup_lr import WarmupLR
from espnet2.train.gan_training_module import GANTrainingModule, TurnOptions
from espnet2.train.training_module import StepOptions

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/trainer/gan.json").read_text(encoding="utf-8"))


class EndsBatches(pl.Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        module.end_batch()


def module_of(case):
    model = toy_gan.ToyGAN()
    optimizers, schedulers = toy_gan.optimizers(model), (None, None)
    if case.get("schedules"):
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizers[1], 0.5)
        schedulers = WarmupLR(optimizers[0], warmup_steps=3), schedule
    steps = {name: case[name] for name in ("grad_clip", "grad_clip_type", "accum_grad") if name in case}
    turns = {name: case[name] for name in ("generator_first", "skip_discriminator_prob") if name in case}
    return GANTrainingModule(model, optimizers, schedulers, StepOptions(**steps), TurnOptions(**turns))


def train(case, directory, epochs=1, **further):
    module = module_of(case)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=str(directory),
        callbacks=[EndsBatches()],
        inference_mode=False,
        num_sanity_val_steps=0,
    )
    data = toy_gan.batches(case.get("bad_batch")), toy_gan.batches()
    loaders = [DataLoader(batches, batch_size=None) for batches in data]
    trainer.fit(module, *loaders, **further)
    return trainer, module


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        yield


@pytest.mark.parametrize("name", toy_gan.CASES)
def test_parameters_and_statistics_are_those_of_upstream(name, tmp_path):
    _, module = train(toy_gan.CASES[name], tmp_path)
    expected = GOLDEN[name]
    parameters = torch.cat([value.detach().flatten() for value in module.model.parameters()])
    torch.testing.assert_close(parameters, torch.tensor(expected["parameters"]), rtol=1e-5, atol=1e-6)
    for phase, found in (("train", module.train_stats()), ("valid", module.valid_meter.mean())):
        known = {name: value for name, value in expected[phase].items() if name != "total_count"}
        ours = {name: value for name, value in found.items() if not name.endswith(("time", "loss_scale"))}
        assert ours == pytest.approx(known, rel=1e-5, nan_ok=True)


def test_each_turn_has_times_of_its_own(tmp_path):
    _, module = train({}, tmp_path)
    found = {name for name in module.train_stats() if name.endswith("time")}
    kinds = ("forward", "backward", "optim_step", "train")
    assert found == {"iter_time", "train_time"} | {
        f"{t}_{k}_time" for t in ("generator", "discriminator") for k in kinds
    }


def test_discriminator_may_be_left_out(tmp_path):
    initial = toy_gan.ToyGAN().discriminator.weight
    _, module = train({"skip_discriminator_prob": 0.999999}, tmp_path)
    assert torch.equal(module.model.discriminator.weight, initial)
    assert "discriminator_loss" not in module.train_stats()
    assert "discriminator_loss" in module.valid_meter.mean()


def test_both_optimisers_and_schedules_go_on_from_a_checkpoint(tmp_path):
    case = {"schedules": True}
    _, whole = train(case, tmp_path, epochs=2)
    trainer, _ = train(case, tmp_path)
    trainer.save_checkpoint(tmp_path / "checkpoint.pth")
    _, resumed = train(case, tmp_path, epochs=2, ckpt_path=str(tmp_path / "checkpoint.pth"))
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("case", "message"),
    [({"accum_grad": 2}, "accum_grad: expected 1 .* found 2"), ({"skip_discriminator_prob": 1.0}, "found 1.0")],
)
def test_options_that_cannot_be_used(case, message):
    with pytest.raises(OptionError, match=message):
        module_of(case)
