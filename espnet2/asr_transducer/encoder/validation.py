"""What the lists and dictionaries of an encoder's configuration may hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates

Conf = Mapping[str, Any]

RATES = ("dropout_rate", "att_dropout_rate", "pos_wise_dropout_rate")
# Upstream reads neither `depthwise_conv_kernel_size`, which its documentation names, nor keys of the other blocks.
ATTENTION_KEYS = {
    *("block_type", "num_blocks", "hidden_size", "linear_size", "conv_mod_kernel_size", "heads", *RATES),
    *("norm_eps", "norm_partial", "conv_mod_norm_eps", "conv_mod_norm_momentum", "conv_mod_norm_partial"),
    *("depth_conv_kernel_size", "depthwise_conv_kernel_size"),
}
# What upstream writes into a configuration while it builds is a key as well: `input_size`, and `output_size` of inputs.
KEYS: dict[str, set[str]] = {
    "branchformer": ATTENTION_KEYS,
    "conformer": ATTENTION_KEYS,
    "conv1d": {
        *("block_type", "num_blocks", "input_size", "output_size", "kernel_size", "stride", "dilation", "groups"),
        *("bias", "batch_norm", "relu", "dropout_rate"),
    },
    "ebranchformer": ATTENTION_KEYS,
}
REQUIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KEYS, ("hidden_size", "linear_size", "conv_mod_kernel_size")),
    "conv1d": ("output_size", "kernel_size"),
}
INPUT_KEYS = {"block_type", "vgg_like", "subsampling_factor", "conv_size", "output_size"}


def validate_keys(where: str, configuration: Conf, known: set[str]) -> None:
    """Raise `ValueError` that names the first key that is not among the known ones."""
    for key in configuration:
        if key not in known:
            raise ValueError(f"{where}: expected keys among {', '.join(sorted(known))}, found {key}")


def validate_block_arguments(configuration: Conf, block_id: int) -> int:
    """Check the block of this number, counted from 1.

    Returns:
        The size of the frames that it gives.

    Raises:
        ValueError: no type or an unknown one, an unknown key, one that is missing, or a number out of range.
    """
    where = f"body_conf, block {block_id}"
    if configuration.get("block_type") is None:
        raise ValueError(f"{where}: expected a block_type, one of {', '.join(KEYS)}, found none")
    kind = configuration["block_type"]
    validate_keys(where, configuration, choose("block_type", kind, KEYS))
    for key in REQUIRED[kind]:
        if configuration.get(key) is None:
            raise ValueError(f"{where}: expected {key} of a {kind} block, found none")
    sizes = {key: configuration[key] for key in (*REQUIRED[kind], "heads", "num_blocks") if configuration.get(key)}
    for key, value in sizes.items():
        if type(value) is not int:
            raise ValueError(f"{key}: expected an integer, found {value!r}")
    require_positive(**sizes)
    require_rates(**{key: configuration[key] for key in RATES if key in configuration})
    return configuration[REQUIRED[kind][0]]


def validate_architecture(input_conf: Conf, body_conf: Sequence[Conf]) -> int:
    """Check the input block's keys, and all blocks and how they follow each other.

    Returns:
        The size of the frames that the last block gives.

    Raises:
        ValueError: see `validate_block_arguments`; or a block does not read what the one before it gives.
    """
    validate_keys("input_conf", input_conf, INPUT_KEYS)
    if not body_conf:
        raise ValueError("body_conf: expected a list of blocks, found an empty one")
    sizes = [validate_block_arguments(block, number) for number, block in enumerate(body_conf, 1)]
    for number, (before, size) in enumerate(itertools.pairwise(sizes), 2):
        if body_conf[number - 1]["block_type"] != "conv1d" and before != size:
            raise ValueError(
                f"body_conf, block {number}: expected hidden_size {before} of the one before, found {size}"
            )
    return sizes[-1]
