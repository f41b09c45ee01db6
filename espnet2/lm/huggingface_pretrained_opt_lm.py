"""OPT (Zhang et al. 2022) as a language model over the recogniser's tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, target_mask, visible_rows
from espnet2.interface import spec
from espnet2.interface.errors import ConfigError
from espnet2.layers.hugging_face import read_config
from espnet2.lm.abs_model import AbsLM
from espnet2.utils.json_file import read_json_mapping

PADDING = 0  # the padding token, which is masked and has no position
RESERVED = 2  # offset of the first token's row in the table of positions; padding has row 1
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "gelu_new": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
}


@dataclasses.dataclass(frozen=True)
class OPTConfig:
    """Architecture from a model's config.json; missing keys have these defaults."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    ffn_dim: int = 3072
    max_position_embeddings: int = 2048
    num_attention_heads: int = 12
    do_layer_norm_before: bool = True
    _remove_final_layer_norm: bool = False
    word_embed_proj_dim: int | None = None
    activation_function: str = "relu"
    enable_bias: bool = True
    layer_norm_elementwise_affine: bool = True

    @classmethod
    def read(cls, name: str) -> OPTConfig:
        """Read the architecture of a model in a directory, or by name from the hub's cache.

        Raises:
            ValueError: there is no such model, it is of another kind, or a size is not positive.
            MissingPackageError: there is no such directory, and transformers is not installed.
        """
        file = Path(name) / "config.json"
        keys = (
            read_json_mapping(file, "the configuration of a model in JSON", ConfigError)
            if file.is_file()
            else read_config("opt_name", name).to_dict()
        )
        if keys.get("model_type") != "opt":
            raise ValueError(f"opt_name: expected a model of type opt in {name}, found {keys.get('model_type')!r}")
        known = {field.name for field in dataclasses.fields(cls)}
        config = cls(**{key: value for key, value in keys.items() if key in known})
        sizes = ("hidden_size", "num_hidden_layers", "ffn_dim", "max_position_embeddings", "num_attention_heads")
        require_positive(**{size: getattr(config, size) for size in sizes})
        if config.hidden_size % config.num_attention_heads:
            heads = config.num_attention_heads
            raise ValueError(f"opt_name: {config.hidden_size} channels cannot be divided among {heads} attention heads")
        return config

    def norm(self) -> nn.LayerNorm:
        """Make a layer normalisation of D channels."""
        return nn.LayerNorm(self.hidden_size, elementwise_affine=self.layer_norm_elementwise_affine)


class OPTAttention(nn.Module):
    """Scaled dot-product attention of H heads under the names of the package transformers."""

    out_proj: nn.Module

    def __init__(self, config: OPTConfig):
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.head_size = size // self.heads
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            self.add_module(name, nn.Linear(size, size, bias=config.enable_bias))

    def forward(self, x: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Attend from new tokens to known ones and each other.

        Args:
            x: (B, U, D).
            key, value: (B, H, P, D/H) of the known tokens.
            bias: (B, 1, U, P + U).

        Returns:
            (B, U, D), and key and value (B, H, P + U, D/H).
        """
        query, new_key, new_value = (
            getattr(self, name)(x).unflatten(-1, (self.heads, self.head_size)).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        key, value = torch.cat((key, new_key), dim=2), torch.cat((value, new_value), dim=2)
        weights = torch.softmax((query * self.head_size**-0.5) @ key.transpose(-2, -1) + bias, dim=-1)
        mixed = (weights @ value) * visible_rows(bias)
        return self.out_proj(mixed.transpose(1, 2).flatten(-2)), key, value


class OPTLayer(nn.Module):
    """Attention and feed-forward network, each with a residual connection."""

    def __init__(self, config: OPTConfig):
        super().__init__()
        size = config.hidden_size
        self.before = config.do_layer_norm_before
        self.self_attn = OPTAttention(config)
        self.activation_fn = choose("activation_function", config.activation_function, ACTIVATIONS)()
        self.self_attn_layer_norm = config.norm()
        self.fc1 = nn.Linear(size, config.ffn_dim, bias=config.enable_bias)
        self.fc2 = nn.Linear(config.ffn_dim, size, bias=config.enable_bias)
        self.final_layer_norm = config.norm()

    def forward(self, x: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `OPTAttention.forward`."""
        attended, key, value = self.self_attn(self.self_attn_layer_norm(x) if self.before else x, key, value, bias)
        x = x + attended
        x = x if self.before else self.self_attn_layer_norm(x)
        x = x + self.fc2(self.activation_fn(self.fc1(self.final_layer_norm(x) if self.before else x)))
        return x if self.before else self.final_layer_norm(x), key, value


class OPTDecoder(nn.Module):
    """Embedding, learned positions, layers.

    Args:
        config: the architecture.
        vocab_size: V.
    """

    def __init__(self, config: OPTConfig, vocab_size: int):
        super().__init__()
        size, narrow = config.hidden_size, config.word_embed_proj_dim or config.hidden_size
        self.output_size = narrow
        self.embed_tokens = nn.Embedding(vocab_size, narrow, padding_idx=PADDING)
        self.embed_positions = nn.Embedding(config.max_position_embeddings + RESERVED, size)
        self.project_in = nn.Linear(narrow, size, bias=False) if narrow != size else None
        self.project_out = nn.Linear(size, narrow, bias=False) if narrow != size else None
        normalised = config.do_layer_norm_before and not config._remove_final_layer_norm
        self.final_layer_norm = config.norm() if normalised else None
        self.layers = nn.ModuleList(OPTLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self, text: Tensor, new: int | torch.SymInt, keys: Sequence[Tensor], values: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Encode the last tokens of a text.

        Args:
            text: (B, P + U) int64, all tokens so far.
            new: U.
            keys, values: (B, H, P, D/H) of each layer, of those before.

        Returns:
            (B, U, D'), and each layer's keys and values (B, H, P + U, D/H).
        """
        past = text.shape[1] - new
        real = text != PADDING
        positions = (real.cumsum(dim=1) * real + RESERVED - 1)[:, past:]
        x = self.embed_tokens(text[:, past:])
        x = x if self.project_in is None else self.project_in(x)
        x = x + self.embed_positions(positions)
        bias = attention_bias(target_mask(text, PADDING)[:, past:], x.dtype)
        known = []
        for layer, key, value in zip(self.layers, keys, values, strict=True):
            x, *pair = layer(x, key, value, bias)
            known.append(pair)
        x = x if self.final_layer_norm is None else self.final_layer_norm(x)
        x = x if self.project_out is None else self.project_out(x)
        return x, [key for key, _ in known], [value for _, value in known]


class HuggingfaceOPTModel(BatchSteppedScorer, AbsLM):
    """OPT with an embedding and an output layer for the recogniser's tokens; weights come from the checkpoint.

    Its learned positions limit texts to `max_position_embeddings` tokens.

    Args:
        vocab_size: V.
        opt_name: the pretrained model: a directory with its config.json, or a name in the hub's cache, for which the
            package transformers must be installed.

    Raises:
        ValueError: there is no such model, or it is not an OPT.
    """

    @typechecked
    def __init__(self, vocab_size: int, opt_name: str):
        super().__init__()
        self.config = OPTConfig.read(opt_name)
        self.decoder = nn.ModuleDict({"decoder": OPTDecoder(self.config, vocab_size)})
        self.lm_head = nn.Linear(self.network.output_size, vocab_size, bias=False)

    @property
    def network(self) -> OPTDecoder:
        """Embedding and layers."""
        network = self.decoder["decoder"]
        assert isinstance(network, OPTDecoder)
        return network

    def forward(self, input: Tensor, hidden: None = None) -> tuple[Tensor, None]:
        """Score known text: input (B, U) int64 → (B, U, V) scores before softmax, and None."""
        nothing = self._nothing(len(input))
        return self.lm_head(self.network(input, input.shape[1], nothing, nothing)[0]), None

    def step(
        self, tokens: Tensor, parents: Tensor, cache_tokens: Tensor, cache_key: Tensor, cache_value: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            cache_tokens: (1, B, parent, past) int64, the tokens before.
            cache_key, cache_value: (layers, B, parent, H, past, D/H) of the tokens before.
                Before the first step `past` is 0, and `parent` 1.

        Returns:
            log-probabilities (B, beam, V), and the next caches.
        """
        entries = entries_of(parents, cache_key)
        (before,) = continued(cache_tokens, entries[:1])
        text = torch.cat((before, tokens.view(-1, 1)), dim=-1)
        x, keys, values = self.network(text, 1, continued(cache_key, entries), continued(cache_value, entries))
        log_probs = torch.log_softmax(self.lm_head(x.squeeze(1)), dim=-1).unflatten(0, parents.shape)
        return log_probs, stacked([text], parents), stacked(keys, parents), stacked(values, parents)

    def components(self) -> tuple[spec.Component, ...]:
        """`lm_step`: log-probabilities of the next token, with the tokens, keys and values of those before."""
        heads, layers = self.config.num_attention_heads, self.config.num_hidden_layers
        return (_cached_step(self.lm_head.out_features, layers, heads, self.config.hidden_size // heads),)

    def _nothing(self, batch: int) -> list[Tensor]:
        """Keys or values of each layer for no tokens: (B, H, 0, D/H)."""
        heads, size = self.config.num_attention_heads, self.config.hidden_size
        return [self.lm_head.weight.new_zeros(batch, heads, 0, size // heads)] * self.config.num_hidden_layers


def _cached_step(vocab_size: int, layers: int, heads: int, head_size: int) -> spec.Component:
    """Component `lm_step` of a causal Transformer, whose states are all tokens and every layer's keys and values."""
    kinds: tuple[tuple[str, int, tuple[spec.Axis, ...], tuple[spec.Axis, ...], dict[str, Any]], ...] = (
        ("cache_tokens", 1, (), (), {"dtype": "int64", "below": vocab_size}),
        ("cache_key", layers, (heads,), (head_size,), {}),
        ("cache_value", layers, (heads,), (head_size,), {}),
    )
    states = tuple(
        spec.State(
            spec.Tensor(name, (first, "batch", "parent", *middle, "past", *last), **kind),
            spec.Tensor(f"next_{name}", (first, "batch", "beam", *middle, "past+1", *last), **kind),
        )
        for name, first, middle, last, kind in kinds
    )
    return spec.Component(
        name="lm_step",
        method="step",
        inputs=hypotheses(vocab_size),
        outputs=(spec.Tensor("log_probs", ("batch", "beam", vocab_size)),),
        states=states,
        initial={"parent": 1, "past": 0},
    )
