"""Rows of spoken language understanding: post-encoders, the post-decoder, and a model that reads transcripts."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo_data import Array, Config, New, Pretrained, Row
from zoo_rows import FEATURES, HIDDEN, MODEL, SAMPLES, SPEECH, family

TASK = "espnet2.tasks.slu:SLUTask"
_BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_LATEST = {"rel_pos_type": "latest", "macaron_style": True, "cnn_module_kernel": 7}
POSTENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "transformer": ("transformer_postencoder:TransformerPostEncoder", {"output_size": 12}),
    "conformer": ("conformer_postencoder:ConformerPostEncoder", {"cnn_module_kernel": 7}),
    "conformer-latest": ("conformer_postencoder:ConformerPostEncoder", _LATEST),
}
# Of `zoo_huggingface_files`, with positions for the lengths of all checks.
WORDS = 11
BERT = Pretrained(
    "AutoModel",
    "bert",
    {
        "vocab_size": WORDS,
        "max_position_embeddings": 1600,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "hidden_size": 12,
    },
    {"tokenizer": True},
)
TOKENS = ["<blank>", "<unk>", *"abcdef", "<space>", "<sos/eos>"]
TRANSCRIPT_TOKENS = ["<blank>", "<unk>", *"gfedcba", "play", "<sos/eos>"]
DECODER = {"attention_heads": 2, "linear_units": 24, "num_blocks": 1}
PLAIN: dict[str, Any] = {
    "token_list": TOKENS,
    "transcript_token_list": TRANSCRIPT_TOKENS,
    "token_type": "char",
    "frontend": "default",
    "frontend_conf": {"fs": 16000, "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "model": "espnet",
    "encoder": "transformer",
    "encoder_conf": _BLOCKS,
    "decoder": "transformer",
    "decoder_conf": DECODER,
    "model_conf": {"ctc_weight": 0.3},
    "ctc_conf": {},
}
DELIBERATION: dict[str, Any] = {
    **PLAIN,
    "postencoder": "conformer",
    "postencoder_conf": {**_BLOCKS, **_LATEST},
    "postdecoder": "hugging_face_transformers",
    "postdecoder_conf": {"model_name_or_path": BERT, "output_size": MODEL},
    "deliberationencoder": "transformer",
    "deliberationencoder_conf": {**_BLOCKS, "output_size": 12},
}
_SLU_MODULES = "espnet2.slu."
ROWS = [
    row
    for name, (target, options) in POSTENCODERS.items()
    for row in family(
        "slu-post", "postencoder", f"{_SLU_MODULES}postencoder.{target}", HIDDEN, {name: options},
        {"input_size": MODEL, **_BLOCKS},
    )
]  # fmt: skip
ROWS = [dataclasses.replace(row, keep=7) for row in ROWS]
_POSTDECODER = New(
    f"{_SLU_MODULES}postdecoder.hugging_face_transformers_postdecoder:HuggingFaceTransformersPostDecoder",
    {"model_name_or_path": BERT, "output_size": 8},
)
ROWS += [
    Row("slu-postdecoder", "postdecoder", _POSTDECODER, (Array("tokens", ("u",), below=WORDS),), (43, 29, 17), keep=2),
    Row(
        "slu-deliberation",
        "encode_transcript",
        Config(TASK, DELIBERATION),
        (*SPEECH, Array("transcript", (3,), below=len(TRANSCRIPT_TOKENS) - 1)),
        SAMPLES,
        keep=3,
    ),
]
SAME_GRAPH = {"slu-deliberation", *(f"slu-post-{name}" for name in POSTENCODERS)}  # the first is that of ROUND_TRIP
ROUND_TRIP = {"slu": Config(TASK, DELIBERATION)}
