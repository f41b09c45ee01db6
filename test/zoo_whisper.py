"""Rows of Whisper: encoder, decoder, front end, with sizes from a small file in place of a published one."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row
from zoo_rows import MEMORY, SAMPLES, SPEECH, TEXT, VOCABULARY, family
from zoo_whisper_files import WhisperFile

WAVEFORM = (Array("xs", ("n",)),)
_FILE = {"whisper_model": "tiny", "download_dir": WhisperFile()}
ENCODERS: dict[str, dict[str, Any]] = {
    "default": {},
    "specaug": {"use_specaug": True, "specaug_conf": {"apply_time_warp": True, "time_mask_width_range": [0, 4]}},
    "short-table": {"download_dir": WhisperFile(n_audio_ctx=6)},  # 1801 samples fill it
    "dropout": {"dropout_rate": 0.3},
}
_DECODER = {**_FILE, "vocab_size": VOCABULARY, "encoder_output_size": 16}
DECODERS: dict[str, dict[str, Any]] = {
    "default": {},
    "own-tokens": {"download_dir": WhisperFile(n_vocab=20)},
    "added-tokens": {"download_dir": WhisperFile(n_vocab=7), "load_origin_token_embedding": True},
    "no-added-tokens": {"load_origin_token_embedding": True},
    "dropout": {"dropout_rate": 0.3},
}


def _rows() -> list[Row]:
    encoder = "espnet2.asr.encoder.whisper_encoder:OpenAIWhisperEncoder"
    decoder = "espnet2.asr.decoder.whisper_decoder:OpenAIWhisperDecoder"
    frontend = "espnet2.asr.frontend.whisper:WhisperFrontend"
    rows = family("whisper", "encoder", encoder, WAVEFORM, ENCODERS, _FILE, SAMPLES)
    window = New(encoder, {**_FILE, "do_pad_trim": True})
    rows.append(Row("whisper-do_pad_trim", "whole_window", window, WAVEFORM, SAMPLES, keep=100))
    rows += family("whisper-decoder", "decoder", decoder, (MEMORY, *TEXT), DECODERS, _DECODER)
    rows += family("whisper-frontend", "frontend", frontend, SPEECH, {"default": {}}, _FILE, SAMPLES)
    return rows


ROWS = _rows()
# The exported ones have a table that utterances fill, and an embedding of two parts.
SAME_GRAPH = {
    *(f"whisper-{name}" for name in ("default", "specaug", "dropout")),
    *(f"whisper-decoder-{name}" for name in ("default", "own-tokens", "no-added-tokens", "dropout")),
}
LONG = {"whisper-short-table"}
REFUSED = [
    ("whisper-default", {"whisper_model": "huge"}, "whisper_model.*huge.*large-v2"),
    ("whisper-decoder-default", {"whisper_model": "huge"}, "whisper_model.*huge.*large-v2"),
    ("whisper-decoder-default", {"encoder_output_size": 12}, "encoder_output_size.*16.*12"),
    ("whisper-decoder-no-added-tokens", {"vocab_size": 9}, "load_origin_token_embedding.*11.*9"),
    ("whisper-frontend-default", {"fs": 8000}, "fs.*16000.*8000"),
]
