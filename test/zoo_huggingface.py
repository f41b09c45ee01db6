"""Rows of what the package transformers has layers for: front ends, post-encoders and decoders."""

from __future__ import annotations

from typing import Any

from zoo_data import New, Pretrained, Row
from zoo_rows import HIDDEN, LENGTHS, MEMORY, MODEL, SAMPLES, SPEECH, TEXT, VOCABULARY

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

_SHORT = {"max_position_embeddings": 64}
_LANGUAGE = {**_HEADS, **_SHORT}
_GROUPED = {**_LANGUAGE, "num_key_value_heads": 1, "head_dim": 6}
_TIED = {"lm_head.weight": "decoder.embed_tokens.weight"}
_WORDS = {"decoder_word_embeddings.weight": "decoder.embed_tokens.weight"}
_NEOX = {"decoder_word_embeddings.weight": "decoder.embed_in.weight"}
_PROMPT = {"prefix": "a b", "postfix": "c"}
# name: type of the model, keys of its configuration, options, keys of weights that are the same
DECODERS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "bart": ("bart", {**_BART, **_SHORT}, {}, _TIED),
    "bart-same-size": ("bart", {**_BART, **_SHORT, "d_model": MODEL}, {}, _TIED),
    "bart-separate": ("bart", {**_SCALED, **_SHORT}, {"separate_lm_head": True}, {}),
    "bart-resized": ("bart", {**_BART, **_SHORT, "vocab_size": 14}, {"load_pretrained_weights": False}, _TIED),
    "mbart": ("mbart", {**_SCALED, **_SHORT}, {}, _TIED),
    "t5": ("t5", _T5, {}, _TIED),
    "t5-fewer": ("t5", _T5, {"overriding_architecture_config": {"num_decoder_layers": 1}}, _TIED),
    "mt5": ("mt5", _GATED, {}, {}),
    "llama": ("llama", _LANGUAGE, {"causal_lm": True}, _WORDS),
    "llama-prompt": ("llama", _LANGUAGE, {"causal_lm": True, **_PROMPT}, _WORDS),
    "qwen2": ("qwen2", {**_LANGUAGE, "num_key_value_heads": 2}, {"causal_lm": True, "prefix": "a b"}, _WORDS),
    "qwen3": ("qwen3", {**_GROUPED, "tie_word_embeddings": True}, {"causal_lm": True}, {**_WORDS, **_TIED}),
    "gpt_neox": ("gpt_neox", _LANGUAGE, {"causal_lm": True, "postfix": "c"}, _NEOX),
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
    target = asr + "decoder.hugging_face_transformers_decoder:HuggingFaceTransformersDecoder"
    for name, (kind, keys, options, tied) in DECODERS.items():
        known = {"vocab_size": VOCABULARY, **keys}
        causal = options.get("causal_lm", False)
        model = Pretrained(f"AutoModelFor{'CausalLM' if causal else 'Seq2SeqLM'}", kind, known, {"tokenizer": True})
        sizes = {"vocab_size": VOCABULARY, "encoder_output_size": MODEL}
        make = New(target, {**sizes, "model_name_or_path": model, **options})
        rows.append(Row(f"hugging_face-{name}", "decoder", make, (MEMORY, *TEXT), LENGTHS, tied=tied))
    return rows


ROWS = _rows()
SAME_GRAPH = {
    *(f"huggingface-{name}" for name in ("hubert-layer", "wavlm-layer", "unispeech-sat")),
    *(f"hugging_face-post-{name}" for name in ("bert-language", "roberta", "mbart", "mt5")),
    *(f"hugging_face-bart-{name}" for name in ("same-size", "separate", "resized")),
    *(f"hugging_face-{name}" for name in ("t5-fewer", "mt5", "llama", "qwen2", "qwen3")),
}
REFUSED = [
    ("huggingface-wav2vec2", {"fs": 8000}, "fs.*16000.*8000"),
    ("huggingface-wav2vec2", {"model": Pretrained("AutoModel", "bert", _BERT)}, "model.*wav2vec2.*bert"),
    ("huggingface-wav2vec2", {"model": "/absent/model"}, "model.*absent"),
    ("hugging_face-post-bert", {"length_adaptor_n_layers": -1}, "length_adaptor_n_layers.*-1"),
    ("hugging_face-post-bert", {"lang_token_id": 11}, "below 11.*11"),
    ("hugging_face-post-bert", {"model_name_or_path": "/absent/model"}, "model_name_or_path.*absent"),
    ("hugging_face-llama", {"causal_lm": False}, "model_name_or_path.*bart.*llama"),
    ("hugging_face-bart", {"causal_lm": True}, "model_name_or_path.*llama.*bart"),
    ("hugging_face-bart", {"overriding_architecture_config": {"layers": 3}}, "model_name_or_path.*bart.*layers"),
    ("hugging_face-bart", {"overriding_architecture_config": "absent"}, "overriding_architecture_config.*absent"),
]
