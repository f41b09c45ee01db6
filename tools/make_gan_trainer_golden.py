"""Store what upstream's trainer with two optimisers makes of the model in `test/toy_gan.py`.

    .oracle/bin/python tools/make_gan_trainer_golden.py

writes `test/golden/trainer/gan.json`: parameters after an epoch, and statistics of training and validation.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import torch
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.gan_trainer import GANTrainer, GANTrainerOptions
from espnet2.train.reporter import Reporter

from espnet2.schedulers.warmup_lr import WarmupLR

GOLDEN = Path(__file__).resolve().parents[1] / "test" / "golden"
sys.path.append(str(GOLDEN.parent))

import toy_gan  # noqa: E402

PLAIN = {"train_dtype": "float32", "adapter": "lora", "save_strategy": "all", "output_dir": "."}
GIVEN = {
    **{"ngpu": 0, "seed": 0, "max_epoch": 1, "accum_grad": 1, "grad_clip": 5.0, "grad_clip_type": 2.0},
    **{"generator_first": False, "skip_discriminator_prob": 0.0},
}


def options_of(case: dict) -> GANTrainerOptions:
    """Options of the trainer: switches are off, and what does not matter is None."""
    switches = {field.name: False for field in dataclasses.fields(GANTrainerOptions) if field.type is bool}
    others = dict.fromkeys(field.name for field in dataclasses.fields(GANTrainerOptions))
    changed = {name: value for name, value in case.items() if name in GIVEN}
    return GANTrainerOptions(**{**others, **switches, **PLAIN, **GIVEN, **changed})


def trained(case: dict) -> dict:
    """One epoch of training and of validation."""
    model, options, reporter = toy_gan.ToyGAN(), options_of(case), Reporter()
    reporter.set_epoch(1)
    optimizers = toy_gan.optimizers(model)
    schedulers = [None, None]
    if case.get("schedules"):
        schedulers = [
            WarmupLR(optimizers[0], warmup_steps=3),
            torch.optim.lr_scheduler.ExponentialLR(optimizers[1], 0.5),
        ]
    common = {"model": model, "options": options, "distributed_option": DistributedOption()}
    with reporter.observe("train") as observed:
        GANTrainer.train_one_epoch(
            iterator=toy_gan.batches(case.get("bad_batch")),
            optimizers=optimizers,
            schedulers=schedulers,
            scaler=None,
            reporter=observed,
            summary_writer=None,
            **common,
        )
    with reporter.observe("valid") as observed:
        GANTrainer.validate_one_epoch(
            iterator=toy_gan.batches(), reporter=observed, **{**common, "model": model.eval()}
        )
    parameters = torch.cat([value.detach().flatten() for value in model.parameters()]).tolist()
    stats = {
        phase: {name: float(value) for name, value in found.items() if not name.endswith("time")}
        for phase, found in reporter.stats[1].items()
    }
    return {"parameters": parameters, **stats}


def main() -> None:
    """Write the golden."""
    found = {name: trained(case) for name, case in toy_gan.CASES.items()}
    (GOLDEN / "trainer" / "gan.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
