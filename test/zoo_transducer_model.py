"""Rows of stand-alone transducers as a whole, which a task builds from their configs."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, Row, Stats
from zoo_rows import FEATURES, LENGTHS, MODEL, SAMPLES, SPEECH

TASK = "espnet2.tasks.asr_transducer:ASRTransducerTask"
CONFORMER = {
    "block_type": "conformer",
    "hidden_size": MODEL,
    "linear_size": 24,
    "heads": 2,
    "conv_mod_kernel_size": 5,
}
BRANCHFORMER = {**CONFORMER, "block_type": "branchformer", "conv_mod_kernel_size": 7}
E_BRANCHFORMER = {**CONFORMER, "block_type": "ebranchformer", "depth_conv_kernel_size": 3}
CONV1D = {"block_type": "conv1d", "output_size": MODEL, "kernel_size": 3}
INPUT = {"vgg_like": False, "conv_size": 8}
WHOLE: dict[str, Any] = {
    "token_list": ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"],
    "frontend": "default",
    "frontend_conf": {"fs": "16k", "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder_conf": {"body_conf": [{**CONFORMER, "num_blocks": 2}], "input_conf": INPUT},
    "decoder": "rnn",
    "decoder_conf": {"embed_size": 10, "hidden_size": 12},
    "joint_network_conf": {"joint_space_size": 10},
    "model_conf": {},
}
_FROM_FEATURES = {"frontend": None, "frontend_conf": {}, "normalize": None, "input_size": FEATURES}
_FEATURES = (Array("speech", ("n", FEATURES)),)
MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "global-mvn": {"normalize": "global_mvn", "normalize_conf": {"stats_file": Stats(FEATURES)}},
    "auxiliary": {"model_conf": {"auxiliary_ctc_weight": 0.3, "auxiliary_lm_loss_weight": 0.2, "warmup_steps": 3}},
    "pruned": {
        "decoder": "stateless",
        "decoder_conf": {"embed_size": 12},
        "model_conf": {"use_k2_pruned_loss": True, "k2_pruned_loss_args": {"prune_range": 4}, "fastemit_lambda": 0.1},
    },
}
BODIES: dict[str, list[dict[str, Any]]] = {
    "all-blocks": [CONFORMER, BRANCHFORMER, E_BRANCHFORMER],
    "conv1d": [CONV1D, CONFORMER],
}
ROWS: list[Row] = [
    *(
        Row(f"standalone-{name}", "encode", Config(TASK, {**WHOLE, **keys}), SPEECH, SAMPLES)
        for name, keys in MODELS.items()
    ),
    *(
        Row(
            f"standalone-{name}",
            "encode",
            Config(TASK, {**WHOLE, **_FROM_FEATURES, "encoder_conf": {"body_conf": body, "input_conf": INPUT}}),
            _FEATURES,
            LENGTHS,
        )
        for name, body in BODIES.items()
    ),
]
SAME_GRAPH = {f"standalone-{name}" for name in (*MODELS, *BODIES) if name != "default"}
_SMALL = {
    "encoder_conf": {"body_conf": [CONV1D], "input_conf": INPUT},
    "decoder": "stateless",
    "decoder_conf": {"embed_size": 12},
    "token_type": "char",
}
ROUND_TRIP = {"asr_transducer": Config(TASK, {**WHOLE, **_SMALL})}
