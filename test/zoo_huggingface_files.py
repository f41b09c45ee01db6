"""Tiny models of the package transformers, as directories that upstream's environment and ours read alike."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
import zoo_data

TOKENS = ("<s>", "<pad>", "</s>", "<unk>", *"abcdefg")
SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def write(spec: zoo_data.Pretrained, directory: Path) -> str:
    """Write what `spec` describes below `directory`, and say where."""
    path = directory / spec.model_type
    path.mkdir(exist_ok=True)
    config = transformers.AutoConfig.for_model(spec.model_type, **spec.keys)
    if "preprocessor" in spec.files:
        (path / "preprocessor_config.json").write_text(json.dumps(spec.files["preprocessor"]))
    if "tokenizer" in spec.files:
        _write_tokenizer(path)
    _write_weights(spec, config, path)
    (path / "config.json").write_text(json.dumps({"model_type": spec.model_type, **spec.keys}))
    return str(path)


def _write_tokenizer(path: Path) -> None:
    """Words are tokens; a text is put between start and end, as pretrained tokenizers do."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({token: index for index, token in enumerate(TOKENS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL).save_pretrained(path)


def _write_weights(spec: zoo_data.Pretrained, config: transformers.PretrainedConfig, path: Path) -> None:
    network = getattr(transformers, spec.family).from_config(config)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            random = np.random.RandomState(zlib.crc32(name.encode()))
            weight.copy_(torch.from_numpy(random.standard_normal(weight.shape)))
    network.save_pretrained(path)
