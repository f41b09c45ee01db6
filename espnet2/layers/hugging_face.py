"""Networks of the package transformers: the architecture from a config.json, and rows of pretrained embeddings."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.runtime.errors import MissingPackageError


def transformers() -> Any:
    """The package transformers; raises `MissingPackageError` where it is not installed."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingPackageError(
            "expected the package transformers, found none; pip install espnet[huggingface]"
        ) from error


def read_config(option: str, name: str | Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """The configuration of the model that `option` names, a directory or a name on the hub, with `overrides`.

    Attention is the plain one, whose operators every runtime has, and which takes any mask.

    Raises:
        ValueError: there is no such model, or an override that its configuration does not know.
    """
    try:
        config, unknown = transformers().AutoConfig.from_pretrained(
            str(name), return_unused_kwargs=True, attn_implementation="eager", **(overrides or {})
        )
    except (OSError, ValueError) as error:
        raise ValueError(f"{option}: expected a model of transformers, found {name!r}: {_sentence(error)}") from error
    if unknown:
        raise ValueError(f"{option}: expected options of {config.model_type}, found {next(iter(unknown))}")
    return config


def require_type(option: str, config: Any, known: Collection[str]) -> None:
    """Raise `ValueError` with the known types for a model of another type."""
    if config.model_type not in known:
        raise ValueError(f"{option}: expected a model of type {', '.join(known)}, found {config.model_type}")


def shares_embeddings(name: str | Path, config: Any) -> bool:
    """Whether the output layer has the weights of the embeddings, as config.json says: transformers 5 has them shared
    by every mT5."""
    given, _ = type(config).get_config_dict(str(name))
    return bool(given.get("tie_word_embeddings", config.tie_word_embeddings))


def new_network(family: str, config: Any) -> nn.Module:
    """A network with fresh weights, made by transformers' class `family` (such as AutoModel)."""
    return getattr(transformers(), family).from_config(config).float()


def pretrained_network(family: str, name: str | Path, config: Any = None) -> nn.Module:
    """The network with its published weights; raises `ValueError` where there are none."""
    try:
        return getattr(transformers(), family).from_pretrained(str(name), config=config).float()
    except OSError as error:
        raise ValueError(f"{name}: expected pretrained weights beside config.json, found {_sentence(error)}") from error


def embedded(family: str, name: str | Path, tokens: list[int]) -> Tensor:
    """Vectors (U, D) of `tokens` in the published input embeddings, scaled as the network scales them."""
    network: Any = pretrained_network(family, name)
    embeddings = network.get_input_embeddings()
    if not all(0 <= token < embeddings.num_embeddings for token in tokens):
        raise ValueError(f"{name}: expected tokens below {embeddings.num_embeddings}, found {tokens}")
    with torch.no_grad():
        return embeddings(torch.tensor(tokens, dtype=torch.long)).clone()


def tokenized(name: str | Path, text: str) -> list[int]:
    """Tokens of `text`, with the special ones that the model's tokenizer puts around it; raises `ValueError` where
    there is no tokenizer."""
    try:
        return transformers().AutoTokenizer.from_pretrained(str(name))(text).input_ids
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: expected a tokenizer beside config.json, found {_sentence(error)}") from error


def generation_config(name: str | Path, config: Any) -> dict[str, Any]:
    """What differs from transformers' defaults in the model's generation_config.json, or in its `config`."""
    package = transformers().GenerationConfig
    try:
        found = package.from_pretrained(str(name))
    except OSError:
        found = package.from_model_config(config)
    return found.to_diff_dict()


def _sentence(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
