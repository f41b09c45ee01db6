"""Vocabularies of pretrained models in small, and what is compared with upstream over them. Needs no package."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# The characters that stand for bytes, in GPT-2's order: printable ones, then those above U+00FF.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = [*PRINTABLE, *(byte for byte in range(256) if byte not in PRINTABLE)]
CHARACTERS = [*map(chr, PRINTABLE), *(chr(256 + place) for place in range(256 - len(PRINTABLE)))]
MERGES = [
    *("h e", "l l", "ll o", "Ġ w", "o r", "l d", "Ġw or", "Ġwor ld", "Ã ¶", "Ġ t", "Ġt he", "t he", "' t", "Ġ Ġ"),
    *("æ Ĺ", "æĹ ¥", "1 2", "Ġ 1", "b a", "ba r", "he r", "Ġ <"),
]
SYMBOLS = ("<|endoftext|>", "<|startoftranscript|>")
FAMILIES = {"whisper_en": "gpt2", "whisper_multilingual": "multilingual"}
TEXTS = (
    "hello world",
    " the wörld  12 123\n\n\tx ",
    "don't I'LL \u3000日本 🎉",
    "a<|en|>b <|0.00|><sc> <foo>bar",
    "x² ½ Ⅳ _a_ é́",
    "",
)
ADDED = ("<foo>", "bar")
# Keywords of upstream's classes; of added_tokens_txt, whether there is such a file.
CLASSES: tuple[dict[str, Any], ...] = (
    {"model_type": "whisper_multilingual"},
    {"model_type": "whisper_multilingual", "language": "zh-TW"},
    {"model_type": "whisper_multilingual", "language": "de", "task": "translate"},
    {"model_type": "whisper_multilingual", "added_tokens_txt": True},
    {"model_type": "whisper_multilingual", "sot": True},
    {"model_type": "whisper_multilingual", "sot": True, "speaker_change_symbol": "<change>"},
    {"model_type": "whisper_en"},
    {"model_type": "whisper_en", "language": "zh", "sot": True, "added_tokens_txt": True},
)
# Kind of vocabulary, preprocessor_conf, options of Speech2Text.
DECODES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("whisper_multilingual", {}, {}),
    ("whisper_multilingual", {}, {"ctc_weight": 0.3}),
    ("whisper_multilingual", {}, {"normalize_length": True, "maxlenratio": 0.0}),
    ("whisper_multilingual", {}, {"minlenratio": 0.3, "maxlenratio": 0.6}),
    ("whisper_multilingual", {"whisper_language": "zh", "whisper_task": "translate"}, {}),
    ("whisper_multilingual", {"whisper_language": "zh"}, {"nlp_prompt_token": "hello"}),
    ("whisper_multilingual", {}, {"lang_prompt_token": "<|zh|>"}),
    ("whisper_multilingual", {}, {"lang_prompt_token": "<|zh|>", "nlp_prompt_token": "<|translate|>"}),
    ("whisper_multilingual", {}, {"lang_prompt_token": "<|nothing|>"}),
    ("whisper_multilingual", {}, {"nlp_prompt_token": "<|de|> <|translate|>"}),
    ("whisper_multilingual", {}, {"lid_prompt": True}),
    ("whisper_multilingual", {}, {"lid_prompt": True, "lang_prompt_token": "<|zh|>"}),
    ("whisper_en", {}, {}),
    ("whisper_en", {}, {"lang_prompt_token": "<|zh|>"}),
    ("whisper_en", {}, {"nlp_prompt_token": "<|translate|>"}),
    ("whisper_en", {}, {"lid_prompt": True}),
    ("hugging_face", {}, {}),
    # As recipes fine-tune Whisper; older ones name the language so.
    ("whisper_multilingual", {"tokenizer_language": "zh"}, {}),
    ("whisper_multilingual", {"whisper_language": "zh", "whisper_task": "transcribe"}, {"fine_tuned": True}),
)
# Of a recipe's configuration, on small networks: Whisper's encoder and decoder, features of their own, and no CTC.
FINE_TUNED: dict[str, Any] = {
    **{"frontend": None, "frontend_conf": {}, "input_size": 1, "encoder": "whisper", "decoder": "whisper"},
    "encoder_conf": {
        "dropout_rate": 0.0,
        "use_specaug": True,
        "specaug_conf": {
            **{"apply_time_warp": True, "time_warp_window": 5, "time_warp_mode": "bicubic", "apply_freq_mask": True},
            **{"freq_mask_width_range": [0, 40], "num_freq_mask": 2, "apply_time_mask": True},
            **{"time_mask_width_ratio_range": [0.0, 0.12], "num_time_mask": 5},
        },
    },
    "decoder_conf": {"dropout_rate": 0.0},
    "model_conf": {
        **{"ctc_weight": 0.0, "lsm_weight": 0.1, "length_normalized_loss": False},
        **{"extract_feats_in_collect_stats": False, "sym_sos": SYMBOLS[1], "sym_eos": SYMBOLS[0]},
    },
}
OPTIONS = {"beam_size": 3, "nbest": 2, "maxlenratio": -5.0, "ctc_weight": 0.0}


def text_tokens(model_type: str) -> list[str]:
    """Tokens of text, without the end symbol, which the English vocabulary has among them."""
    merged = ["".join(merge.split()) for merge in MERGES]
    return [*CHARACTERS, *merged, *([] if model_type == "whisper_en" else [""])]


def write_tables(directory: Path, ranked: bool) -> None:
    """The tables of both vocabularies, as the package openai-whisper has (`ranked`) or had them."""
    for model_type, family in FAMILIES.items():
        tokens = text_tokens(model_type)
        if ranked:
            byte_of = dict(zip(CHARACTERS, BYTES, strict=True))
            codes = (base64.b64encode(bytes(byte_of[character] for character in token)) for token in tokens)
            lines = [f"{code.decode() or '='} {rank}\n" for rank, code in enumerate(codes)]
            (directory / f"{family}.tiktoken").write_text("".join(lines))
            continue
        folder = directory / family
        folder.mkdir()
        known = [*tokens, *([SYMBOLS[0]] if model_type == "whisper_en" else [])]
        (folder / "vocab.json").write_text(json.dumps({token: rank for rank, token in enumerate(known)}))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{merge}\n" for merge in MERGES))


def write_hugging_face(directory: Path) -> None:
    """A byte-level tokenizer with symbols before all others, as `tokenizer.json`."""
    symbols = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = [*symbols, *text_tokens("whisper_en")]
    options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    content = {
        "version": "1.0",
        "added_tokens": [{"id": place, "content": symbol, **options} for place, symbol in enumerate(symbols)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "vocab": {token: place for place, token in enumerate(tokens)},
            "merges": [merge.split() for merge in MERGES],
        },
    }
    (directory / "tokenizer.json").write_text(json.dumps(content))
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (directory / "tokenizer_config.json").write_text(json.dumps(config))


def model_config(token_type: str, token_list: list[str], bpemodel: str, preprocessor_conf: Mapping) -> dict[str, Any]:
    """A small model whose vocabulary is a pretrained one."""
    start, end = ("</s>", "</s>") if token_type == "hugging_face" else (SYMBOLS[1], SYMBOLS[0])
    attention = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
    return {
        "token_list": token_list,
        "token_type": token_type,
        "bpemodel": bpemodel,
        "frontend": "default",
        "frontend_conf": {"fs": "16k", "hop_length": 256},
        "normalize": None,
        "encoder": "transformer",
        "encoder_conf": {"output_size": 8, **attention},
        "decoder": "transformer",
        "decoder_conf": dict(attention),
        "ctc_conf": {},
        "model_conf": {"ctc_weight": 0.3, "sym_sos": start, "sym_eos": end},
        "preprocessor_conf": dict(preprocessor_conf),
    }


def fine_tuned(config: dict[str, Any], directory: str) -> dict[str, Any]:
    """The configuration of a recipe, with networks of the sizes of Whisper's file in a directory."""
    file = {"whisper_model": "tiny", "download_dir": directory}
    parts = {name: {**FINE_TUNED[name], **file} for name in ("encoder_conf", "decoder_conf")}
    return {**config, **FINE_TUNED, **parts}


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random weights that depend on names and shapes alone, and make tokens of text likelier than others."""
    arrays = {
        name: np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32) * 0.2
        for name, shape in shapes.items()
    }
    for name in arrays.keys() & {"decoder.output_layer.bias", "ctc.ctc_lo.bias"}:
        arrays[name][:280] += 2
    return arrays


def speech() -> np.ndarray:
    """Half a second of noise."""
    return np.random.RandomState(0).standard_normal(8000).astype(np.float32)


# Vocabularies, options of models, and the kinds of models that take them.
LISTS = {
    "none": ["a", "b", "<|endoftext|>", "<|startoftranscript|>"],
    "usual": ["<blank>", "<unk>", "a", "<sos/eos>"],
    "blank later": ["<unk>", "a", "<blank>", "<sos/eos>"],
    "end between": ["<blank>", "<unk>", "<sos/eos>", "a", "b"],
    "others": ["<pad>", "<unk>", "a", "<s>", "</s>", "b"],
}
SYMBOLS_OF_MODELS: tuple[dict[str, str], ...] = (
    {},
    {"sym_blank": "<pad>"},
    {"sym_sos": "<s>", "sym_eos": "</s>"},
    {"sym_sos": "<|startoftranscript|>", "sym_eos": "<|endoftext|>"},
    {"sym_sos": "<|startoftranscript|>"},
)
_ATTENTION = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
_SPEECH = {
    **{"frontend": "default", "frontend_conf": {"fs": "16k"}, "normalize": None, "token_type": "char"},
    **{"encoder": "transformer", "encoder_conf": {"output_size": 8, **_ATTENTION}, "ctc_conf": {}},
}
_TEXT = {"decoder": "transformer", "decoder_conf": _ATTENTION}
# task, configuration, model_conf
MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "attention": ("asr", {**_SPEECH, **_TEXT}, {"ctc_weight": 0.0}),
    "hybrid": ("asr", {**_SPEECH, **_TEXT}, {"ctc_weight": 0.3}),
    "ctc": ("asr", {**_SPEECH, **_TEXT}, {"ctc_weight": 1.0}),
    "maskctc": ("asr", {**_SPEECH, "model": "maskctc", "decoder": "mlm", "decoder_conf": _ATTENTION}, {}),
    "pit": (
        "asr",
        {
            **{**_SPEECH, **_TEXT, "model": "pit_espnet", "encoder": "transformer_multispkr"},
            "encoder_conf": {"output_size": 8, **_ATTENTION, "num_blocks_sd": 1, "num_inf": 2},
        },
        {"num_inf": 2, "num_ref": 2},
    ),
    "lm": (
        "lm",
        {"lm": "transformer", "lm_conf": {"embed_unit": 8, "att_unit": 8, "head": 2, "unit": 8, "layer": 1}},
        {},
    ),
}
