"""Pictures of attention weights: for each head, a map of the weights from queries (down) to keys (right)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from espnet2.train.pictures.attention_weights import attention_weights, text_of
from espnet2.utils.attention_picture import Attended, Side, draw
from espnet2.utils.figure import file_name, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn

START, END = "<sos>", "<eos>"
# Names of the attention modules of decoders that attend to the encoder output.
SOURCE = ("src_attn", "cross_attn", "encoder_attn", "att_list")


def attended(model: nn.Module, batch: Mapping[str, Tensor], token_list: Sequence[str]) -> list[dict[str, Attended]]:
    """Return for each utterance of a batch the weights of each attention, by its module's name."""
    weights = attention_weights(model, batch)
    count = max(map(len, weights.values()), default=0)
    texts = [text_of(batch, index, token_list) for index in range(count)]
    return [
        {name: _described(name, rows[index].numpy(), text) for name, rows in weights.items()}
        for index, text in enumerate(texts)
    ]


def _described(name: str, weights: np.ndarray, text: Sequence[str]) -> Attended:
    queries, keys = weights.shape[-2:]
    frames = Side("encoder frame")
    if name.split(".")[0] != "decoder":
        return Attended(weights, frames, frames)
    to_source = any(part in SOURCE for part in name.split("."))
    outputs = Side("output token", _fitted([*text, END], queries))
    return Attended(weights, outputs, frames if to_source else Side("input token", _fitted([START, *text], keys)))


def _fitted(labels: list[str], count: int) -> list[str] | None:
    """Return labels of the last positions, since a prefix such as a language has none; None: too many labels."""
    return [""] * (count - len(labels)) + labels if 1 < len(labels) <= count else None


def plot_attention(
    model: nn.Module,
    uids: Sequence[str],
    batch: Mapping[str, Tensor],
    token_list: Sequence[str],
    output_dir: Path | str,
    epoch: int,
) -> dict[str, dict[str, Figure]]:
    """Write `OUTPUT_DIR/UTTERANCE/MODULE.EPOCHep.png` for each utterance and attention of a model.

    Args:
        model: Called with the batch's fields by name.
        uids: Utterance ids of the batch.
        batch: Tensors (B, ...) with their lengths, as `attention_weights` takes them.
        token_list: Tokens by index.
        output_dir: The experiment's `att_ws`.
        epoch: Number, from 1.

    Returns:
        The figures, by utterance and module.
    """
    drawn: dict[str, dict[str, Figure]] = {}
    for uid, modules in zip(uids, attended(model, batch, token_list), strict=False):
        drawn[uid] = {name: draw(found, f"{uid}\n{name}, epoch {epoch}") for name, found in modules.items()}
        for name, figure in drawn[uid].items():
            save(figure, Path(output_dir) / file_name(uid) / f"{name}.{epoch}ep.png")
    return drawn
