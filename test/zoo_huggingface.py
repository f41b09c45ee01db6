"""Rows of what the package transformers has layers for: front ends, post-encoders and decoders."""

from __future__ import annotations

from typing import Any

from zoo_data import New, Pretrained, Row
from zoo_rows import HIDDEN, LENGTHS, MODEL, SAMPLES, SPEECH, VOCABULARY

_HEADS = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "hidden_size": 12}
_WAVES = {
    **_HEADS,
    "conv_dim": [8, 8],
    "conv_stride": [8, 8],
    "conv_kernel": [10, 8],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
_STABLE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
_EXTRACTOR = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "sampling_rate": 16000}
# name: type of the model, keys of its configuration, whether samples are scaled, options
FRONTENDS: dict[str, tuple[str, dict[str, Any], bool, dict[str, Any]]] = {
    "wav2vec2": ("wav2vec2", {}, True, {}),
    "wav2vec2-layer": ("wav2vec2", _STABLE, False, {"fs": "16k"}),
    "hubert": ("hubert", {}, True, {"load_pretrained": False}),
    "hubert-layer": ("hubert", {**_STABLE, "feat_proj_layer_norm": False}, True, {}),
    "wavlm": ("wavlm", {}, False, {}),
    "wavlm-layer": ("wavlm", _STABLE, True, {}),
    "unispeech-sat": ("unispeech-sat", {}, True, {}),
}

_TEXT = {"vocab_size": VOCABULARY, "max_position_embeddings": 6100}
_BERT = {**_TEXT, **_HEADS}
_BART = {
    **_TEXT,
    "d_model": 12,
    **{f"{side}_{key}": 2 for side in ("encoder", "decoder") for key in ("layers", "attention_heads")},
    **{f"{side}_ffn_dim": 24 for side in ("encoder", "decoder")},
}
_T5 = {"vocab_size": VOCABULARY, "d_model": 12, "num_layers": 2, "num_heads": 2, "d_kv": 5, "d_ff": 24}
_SCALED = {**_BART, "scale_embedding": True}
_GATED = {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
# name: type of the model, keys of its configuration, options
POSTENCODERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "bert": ("bert", _BERT, {}),
    "bert-language": ("bert", _BERT, {"lang_token_id": 5}),
    "roberta": ("roberta", _BERT, {}),
    "bart": ("bart", _BART, {}),
    "bart-adaptor": ("bart", _BART, {"length_adaptor_n_layers": 2}),
    "mbart": ("mbart", _SCALED, {}),
    "mbart-language": ("mbart", _SCALED, {"length_adaptor_n_layers": 1, "lang_token_id": 5}),
    "t5": ("t5", _T5, {}),
    "mt5": ("mt5", _GATED, {}),
}


def _rows() -> list[Row]:
    rows, asr = [], "espnet2.asr."
    for name, (kind, keys, scaled, options) in FRONTENDS.items():
        files = {"preprocessor": {**_EXTRACTOR, "do_normalize": scaled}}
        model = Pretrained("AutoModel", kind, {**_WAVES, **keys}, files)
        make = New(asr + "frontend.huggingface:HuggingFaceFrontend", {"model": model, **options})
        rows.append(Row(f"huggingface-{name}", "frontend", make, SPEECH, SAMPLES))
    target = asr + "postencoder.hugging_face_transformers_postencoder:HuggingFaceTransformersPostEncoder"
    for name, (kind, keys, options) in POSTENCODERS.items():
        model = Pretrained("AutoModel", kind, keys)
        make = New(target, {"input_size": MODEL, "model_name_or_path": model, **options})
        rows.append(Row(f"hugging_face-post-{name}", "postencoder", make, HIDDEN, LENGTHS))
    return rows


ROWS = _rows()
SAME_GRAPH = {
    *(f"huggingface-{name}" for name in ("hubert-layer", "wavlm-layer", "unispeech-sat")),
    *(f"hugging_face-post-{name}" for name in ("bert-language", "roberta", "mbart", "mt5")),
}
NO_GRAPH: set[str] = set()
LONG: set[str] = set()
REFUSED: list[tuple[str, dict, str]] = []
