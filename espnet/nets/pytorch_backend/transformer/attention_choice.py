"""Options of Conformer-like encoders for positional encoding and attention, which must match."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from espnet.nets.pytorch_backend.nets_utils import choose, require_rates
from espnet.nets.pytorch_backend.transformer.attention import (
    AttentionHeads,
    LegacyRelPositionMultiHeadedAttention,
    MultiHeadedAttention,
    RelPositionMultiHeadedAttention,
)
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS, Positions

MakeAttention = Callable[[], AttentionHeads]
MakePositions = Callable[[int, float, int], Positions]

# The attention that matches each positional encoding.
ATTENTION_OF_POSITIONS = {
    "abs_pos": ("selfattn", "fast_selfattn"),
    "scaled_abs_pos": ("selfattn", "fast_selfattn"),
    "rel_pos": ("rel_selfattn",),
    "legacy_rel_pos": ("legacy_rel_selfattn",),
    "conv": ("selfattn",),
}
# Meaning of the configuration's names for each `rel_pos_type`.
REL_POS_TYPES = {
    "legacy": {"rel_pos": "legacy_rel_pos", "rel_selfattn": "legacy_rel_selfattn"},
    "latest": {"legacy_rel_pos": "", "legacy_rel_selfattn": ""},
}


def attention_makers(
    attention_heads: int, size: int, dropout_rate: float, zero_triu: bool = False, qk_norm: bool = False
) -> dict[str, MakeAttention]:
    """Table of functions that make the attention of a layer.

    Args:
        attention_heads: H.
        size: D.
        dropout_rate: dropout of the attention weights.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" only.
        qk_norm: normalise queries and keys per head; "selfattn" only.
    """
    heads = (attention_heads, size, dropout_rate)
    return {
        "selfattn": lambda: MultiHeadedAttention(*heads, qk_norm),
        "rel_selfattn": lambda: RelPositionMultiHeadedAttention(*heads, zero_triu),
        "legacy_rel_selfattn": lambda: LegacyRelPositionMultiHeadedAttention(*heads),
    }


def resolve_positions(
    rel_pos_type: str,
    pos_enc: str,
    attention: str,
    known: Iterable[str] = ("selfattn", "rel_selfattn", "legacy_rel_selfattn"),
    option: str = "selfattention_layer_type",
    encodings: Mapping[str, MakePositions] = POSITIONAL_ENCODINGS,
) -> tuple[str, str]:
    """Resolve three options of the configuration to the positional encoding and the attention.

    Args:
        rel_pos_type: "legacy" or "latest".
        pos_enc: `pos_enc_layer_type` of the configuration.
        attention: its option for attention.
        known: valid names for `attention`.
        option: name of that option.
        encodings: supported positional encodings.

    Raises:
        ValueError: an unknown name, or an encoding and an attention that do not match.
    """
    meaning = choose("rel_pos_type", rel_pos_type, REL_POS_TYPES)
    found = meaning.get(pos_enc, pos_enc), meaning.get(attention, attention)
    choose("pos_enc_layer_type", pos_enc, encodings)
    choose(option, attention, {name: name for name in known})
    if found[1] not in ATTENTION_OF_POSITIONS.get(found[0], ()):
        raise ValueError(
            f"pos_enc_layer_type {pos_enc!r} and {option} {attention!r} do not go together "
            f"with rel_pos_type {rel_pos_type!r}"
        )
    if found[0] == "legacy_rel_pos":
        logging.warning("legacy relative positions depend on an utterance's length; new models had better use 'latest'")
    return found


def rates_of_layers(option: str, value: float | list[float], num_blocks: int) -> list[float]:
    """Return a probability for each layer; `option` gives one number for all layers, or a list.

    Raises:
        ValueError: a list of another length, or a number that is not a probability.
    """
    rates = value if isinstance(value, list) else [value] * num_blocks
    if len(rates) != num_blocks:
        raise ValueError(f"{option} has {len(rates)} numbers for {num_blocks} layers")
    for rate in rates:
        require_rates(**{option: rate})
    return rates
