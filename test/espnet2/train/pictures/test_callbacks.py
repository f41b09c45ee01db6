"""A training with PyTorch Lightning draws where attentions look, in files and for TensorBoard."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("tensorboard")
pytest.importorskip("pytorch_lightning")

import attention_tables
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from espnet2.train.pictures.callbacks import AttentionPlots

TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]


class Training(LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def validation_step(self, batch):
        pass


def trainer_with(plots, root, *loggers):
    options = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    return Trainer(accelerator="cpu", logger=list(loggers), callbacks=[plots], default_root_dir=root, **options)


# What Lightning itself says of a validation by one process, and of packages that it imports.
@pytest.mark.filterwarnings("ignore")
def test_validation(tmp_path):
    row = attention_tables.ROWS["ctc"]
    model, batch = attention_tables.model_of(row, tmp_path).train(), attention_tables.batch_of(row)
    plots = AttentionPlots([(["u1", "u2", "u3"], batch)], TOKENS, tmp_path / "att_ws")
    board = TensorBoardLogger(tmp_path, name="", version="tensorboard")
    trainer = trainer_with(plots, tmp_path, board, CSVLogger(tmp_path))
    trainer.validate(Training(model), [0], verbose=False)
    modules = [f"encoder.encoders.{index}.self_attn" for index in (0, 1)]
    found = sorted(str(path.relative_to(tmp_path / "att_ws")) for path in (tmp_path / "att_ws").rglob("*.png"))
    assert found == [f"{uid}/{module}.1ep.png" for uid in ("u1", "u2", "u3") for module in modules]
    board.experiment.flush()
    images = events(tmp_path / "tensorboard")
    assert sorted(images) == [f"att_ws/{uid}/{module}" for uid in ("u1", "u2", "u3") for module in modules]
    assert {event.step for shown in images.values() for event in shown} == {1}
    from PIL import Image

    with Image.open(tmp_path / "att_ws" / "u1" / f"{modules[0]}.1ep.png") as picture:
        shown = images[f"att_ws/u1/{modules[0]}"][0]
        assert (shown.width, shown.height) == picture.size and np.asarray(picture).any()


def events(directory):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(directory))
    found.Reload()
    return {tag: found.Images(tag) for tag in found.Tags()["images"]}


@pytest.mark.parametrize("state", [{"sanity_checking": True}, {"is_global_zero": False}])
def test_not_drawn(state, tmp_path):
    class Other:
        sanity_checking, is_global_zero, current_epoch, loggers = False, True, 0, ()

    trainer = Other()
    vars(trainer).update(state)
    AttentionPlots([(["u"], {})], TOKENS, tmp_path / "att_ws").on_validation_epoch_end(trainer, None)
    assert not (tmp_path / "att_ws").exists()
