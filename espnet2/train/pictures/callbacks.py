"""Callback of PyTorch Lightning that draws attention weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from espnet2.train.pictures.attention import plot_attention
from espnet2.utils.figure import as_image

Batch = tuple[Sequence[str], Mapping[str, Tensor]]


class AttentionPlots(Callback):
    """Draws attention weights after each validation, and adds them to TensorBoard where there is such a logger.

    The model is the module's attribute `model` or, where it has none, the module itself.

    Args:
        batches: A few batches of the validation set, as `(utterances, fields)`.
        token_list: Tokens by index.
        output_dir: Where pictures go: `OUTPUT_DIR/UTTERANCE/MODULE.EPOCHep.png`.
    """

    def __init__(self, batches: Sequence[Batch], token_list: Sequence[str], output_dir: Path | str) -> None:
        self.batches = batches
        self.token_list = token_list
        self.output_dir = Path(output_dir)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, in the first of several processes, and not for Lightning's trial before the training."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        epoch = trainer.current_epoch + 1
        model = getattr(pl_module, "model", pl_module)
        for uids, fields in self.batches:
            batch = {name: values.to(pl_module.device) for name, values in fields.items()}
            for uid, drawn in plot_attention(model, uids, batch, self.token_list, self.output_dir, epoch).items():
                for name, figure in drawn.items():
                    log_image(trainer, f"att_ws/{uid}/{name}", figure, epoch)


def log_image(trainer: Trainer, tag: str, figure: Any, epoch: int) -> None:
    """Add a figure to every logger of the trainer whose experiment takes images as TensorBoard's does."""
    for logger in trainer.loggers:
        add_image = getattr(getattr(logger, "experiment", None), "add_image", None)
        if add_image is not None:
            add_image(tag, as_image(figure), epoch, dataformats="HWC")
