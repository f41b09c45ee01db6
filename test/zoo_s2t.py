"""Rows of models of many tasks, such as OWSM: whole models, whose parts have rows of their own."""

from __future__ import annotations

from typing import Any

from zoo_data import Config, Row, Stats
from zoo_rows import FEATURES, MODEL, SAMPLES, SPEECH

TASK = "espnet2.tasks.s2t:S2TTask"
RATE, SECONDS = 8000, 1  # sampling rate in Hz, and the window
TIMES = [f"<{place / 50:.2f}>" for place in range(50 * SECONDS + 1)]
LANGUAGES, TASKS = ["<abk>", "<deu>", "<eng>", "<zul>"], ["<asr>", "<st_deu>", "<st_eng>"]
SPECIAL = ["<blank>", "<unk>", "<na>", "<nospeech>", *LANGUAGES, *TASKS, "<notimestamps>", *TIMES]
TOKENS = [*SPECIAL, *"abcdef", "<space>", "<sos>", "<eos>", "<sop>"]
_BLOCKS = {
    "output_size": MODEL,
    "attention_heads": 2,
    "attention_layer_type": "selfattn",
    "pos_enc_layer_type": "abs_pos",
    "rel_pos_type": "latest",
    "cgmlp_linear_units": 24,
    "cgmlp_conv_kernel": 7,
    "use_ffn": True,
    "macaron_ffn": True,
    "linear_units": 24,
    "merge_conv_kernel": 7,
    "num_blocks": 1,
}
_OWSM: dict[str, Any] = {
    "model": "espnet",
    "token_list": TOKENS,
    "token_type": "char",
    "frontend": "default",
    "frontend_conf": {"fs": RATE, "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": Stats(FEATURES)},
    "encoder": "e_branchformer",
    "encoder_conf": _BLOCKS,
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1, "length_normalized_loss": False},
    "preprocessor": "s2t",
    "preprocessor_conf": {
        "fs": RATE,
        "speech_length": SECONDS,
        "speech_resolution": 0.02,
        "speech_init_silence": 0.2,
        "na_symbol": "<na>",
        "notime_symbol": "<notimestamps>",
        "first_time_symbol": TIMES[0],
        "last_time_symbol": TIMES[-1],
    },
}
_MELS = 128
MODELS: dict[str, dict[str, Any]] = {
    "v3": {},
    "v4": {  # with options that inference leaves aside
        "frontend_conf": {**_OWSM["frontend_conf"], "n_fft": 512, "hop_length": 40, "n_mels": _MELS},
        "normalize_conf": {"stats_file": Stats(_MELS)},
        "encoder_conf": {**_BLOCKS, "input_layer": "conv2d8", "use_flash_attn": True},
        "decoder_conf": {**_OWSM["decoder_conf"], "use_flash_attn": True, "gradient_checkpoint_layers": [0]},
    },
    "interctc": {
        "encoder_conf": {**_BLOCKS, "num_blocks": 2, "interctc_layer_idx": [1], "interctc_use_conditioning": True},
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.5},
    },
}
KEEP = {"v4": 4}  # of the outputs' frames
ROWS = [
    Row(f"s2t-{name}", "encode", Config(TASK, {**_OWSM, **keys}), SPEECH, SAMPLES, keep=KEEP.get(name, 1))
    for name, keys in MODELS.items()
]
SAME_GRAPH = {"s2t-interctc", "s2t-v4"}
ROUND_TRIP = {"s2t": Config(TASK, _OWSM)}
