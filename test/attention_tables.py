"""Tiny models of which upstream said where their attentions look, and the batches that they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import zoo_calls
from zoo_data import Array, Config, Row, tokens_for
from zoo_rows import FEATURES, MODEL, VOCABULARY

GOLDEN = Path(__file__).with_name("golden") / "attention"
LENGTHS = (43, 29, 17)  # frames
# An utterance that is shorter than a block is a block here; upstream reads it without context vectors.
LONGER = {"blocks": (43, 39)}
_TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]
_SMALL = {"attention_heads": 2, "linear_units": 24, "num_blocks": 2}
_ENCODER = {**_SMALL, "output_size": MODEL, "input_layer": "conv2d"}
_CONFORMER = {**_ENCODER, "macaron_style": True, "use_cnn_module": True, "cnn_module_kernel": 5}
_BLOCKS = {"block_size": 8, "hop_size": 4, "look_ahead": 2}
_MODEL: dict[str, Any] = {
    "input_size": FEATURES,
    "token_list": _TOKENS,
    "frontend": None,
    "frontend_conf": {},
    "model": "espnet",
    "normalize": None,
    "normalize_conf": {},
    "encoder": "transformer",
    "encoder_conf": _ENCODER,
    "decoder": "transformer",
    "decoder_conf": _SMALL,
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3},
}


def _recurrent(atype: str, **options: int) -> dict[str, Any]:
    attention = {"atype": atype, "adim": 10, "aheads": 3, "aconv_chans": 3, "aconv_filts": 5, "awin": 4, **options}
    return {"decoder": "rnn", "decoder_conf": {"hidden_size": 12, "att_conf": attention}}


MODELS: dict[str, dict[str, Any]] = {
    "transformer": {},
    "conformer": {"encoder": "conformer", "encoder_conf": {**_CONFORMER, "rel_pos_type": "latest"}},
    "conformer-legacy": {"encoder": "conformer", "encoder_conf": {**_CONFORMER, "rel_pos_type": "legacy"}},
    "blocks": {"encoder": "contextual_block_transformer", "encoder_conf": {**_ENCODER, **_BLOCKS}},
    "language": {"model_conf": {"ctc_weight": 0.3, "lang_token_id": 5}},
    "ctc": {"decoder": None, "decoder_conf": {}, "model_conf": {"ctc_weight": 1.0}},
    "location": _recurrent("location"),
    "noatt": _recurrent("noatt"),
    "multi_head_loc": _recurrent("multi_head_loc"),
}
_INPUTS = (Array("speech", ("n", FEATURES)), Array("text", ("u",), below=VOCABULARY - 1))
ROWS = {
    name: Row(
        name, "encode", Config("espnet2.tasks.asr:ASRTask", {**_MODEL, **keys}), _INPUTS, LONGER.get(name, LENGTHS)
    )
    for name, keys in MODELS.items()
}


def model_of(row: Row, directory: Path) -> torch.nn.Module:
    """The row's model in evaluation mode; files that it needs are written to `directory`."""
    return zoo_calls.module_for(row, directory)


def batch_of(row: Row) -> dict[str, torch.Tensor]:
    """All utterances of the row as a batch of the training."""
    inputs, lengths = zoo_calls.batch_of(row, range(len(row.lengths)))
    tokens = torch.tensor([tokens_for(length) for length in row.lengths])
    return {**inputs, "speech_lengths": lengths, "text_lengths": tokens}
