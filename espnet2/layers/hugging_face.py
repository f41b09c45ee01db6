"""Networks of the package transformers: the architecture from a config.json, and rows of pretrained embeddings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.utils.hugging_face import directory, loaded, transformers

KEPT = ("model_type", "auto_map")  # keys that select the network's code


def read_config(
    option: str, name: str | Path, overrides: Mapping[str, Any] | None = None, cache_dir: str | None = None
) -> Any:
    """Read the configuration of the model that `option` names (see `loaded`), with overrides for some keys.

    Attention is set to the plain implementation, which all runtimes support and which accepts any mask.

    Raises:
        ValueError: there is no such model, or an override is unknown to its configuration.
    """
    auto, expected = transformers().AutoConfig, f"{option}: expected a model of transformers"
    config = loaded(auto, name, expected, cache_dir, trust_remote_code=False, attn_implementation="eager")
    known = [key for key in config.to_dict() if key not in KEPT and not key.startswith("_")]
    for key, value in (overrides or {}).items():
        if key not in known:
            raise ValueError(f"{option}: expected options of {config.model_type}, found {key}")
        try:
            setattr(config, key, value)
        except Exception as error:  # huggingface_hub's error, which has no other base
            raise ValueError(f"{option}: expected another value of {key}, found {value!r}") from error
    return config


def require_type(option: str, config: Any, known: Collection[str]) -> None:
    """Raise `ValueError` with the known types for a model of another type."""
    if config.model_type not in known:
        raise ValueError(f"{option}: expected a model of type {', '.join(known)}, found {config.model_type}")


def shares_embeddings(name: str | Path, config: Any) -> bool:
    """Whether the output layer shares the embeddings' weights according to config.json (transformers 5 shares them in
    every mT5)."""
    given, _ = type(config).get_config_dict(directory(name), local_files_only=True)
    return bool(given.get("tie_word_embeddings", config.tie_word_embeddings))


def new_network(family: str, config: Any) -> nn.Module:
    """Make a network with random weights by transformers' class `family` (such as AutoModel)."""
    return getattr(transformers(), family).from_config(config, trust_remote_code=False).float()


def pretrained_network(family: str, name: str | Path, config: Any = None, cache_dir: str | None = None) -> nn.Module:
    """Load the network with its published weights; raises `ValueError` if there are none (see `loaded`)."""
    kind, expected = getattr(transformers(), family), f"{name}: expected pretrained weights beside config.json"
    return loaded(kind, name, expected, cache_dir, trust_remote_code=False, config=config).float()


def embedded(family: str, name: str | Path, *texts: list[int]) -> list[Tensor]:
    """Look up the tokens of each text in the published input embeddings: vectors (U, D), scaled as in the network."""
    network: Any = pretrained_network(family, name)
    embeddings = network.get_input_embeddings()
    for tokens in texts:
        if not all(0 <= token < embeddings.num_embeddings for token in tokens):
            raise ValueError(f"{name}: expected tokens below {embeddings.num_embeddings}, found {tokens}")
    with torch.no_grad():
        return [embeddings(torch.tensor(tokens, dtype=torch.long)).clone() for tokens in texts]


def tokenized(name: str | Path, *texts: str) -> list[list[int]]:
    """Tokenize each text, with the special tokens that the model's tokenizer adds; raises `ValueError` if there is no
    tokenizer."""
    expected = f"{name}: expected a tokenizer beside config.json"
    tokenizer = loaded(transformers().AutoTokenizer, name, expected, trust_remote_code=False)
    return [tokenizer(text).input_ids for text in texts]


def feature_extractor(option: str, name: str | Path, cache_dir: str | None = None) -> Any:
    """Read preprocessor_config.json; raises `ValueError` if there is none."""
    auto, expected = transformers().AutoFeatureExtractor, f"{option}: expected preprocessor_config.json"
    return loaded(auto, name, expected, cache_dir, trust_remote_code=False)


def generation_config(name: str | Path, config: Any) -> dict[str, Any]:
    """Read the values that differ from transformers' defaults from the model's generation_config.json, or its
    `config`."""
    package = transformers().GenerationConfig
    found = loaded(package, name, "generation_config.json: expected rules of generation", required=False)
    return (found or package.from_model_config(config)).to_diff_dict()
