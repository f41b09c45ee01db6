"""Validation of the lists and dictionaries of an encoder's configuration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates

Conf = Mapping[str, Any]

INTEGER, NUMBER, FLAG, TEXT, NOTHING = (int,), (int, float), (bool,), (str,), (type(None),)
Types = Mapping[str, tuple[type, ...]]

RATES = dict.fromkeys(("dropout_rate", "att_dropout_rate", "pos_wise_dropout_rate"), NUMBER)
SIZES = dict.fromkeys(
    ("hidden_size", "linear_size", "conv_mod_kernel_size", "heads", "depth_conv_kernel_size"), INTEGER
)
CONSTANTS = dict.fromkeys(
    ("norm_eps", "norm_partial", "conv_mod_norm_eps", "conv_mod_norm_momentum", "conv_mod_norm_partial"),
    (*NUMBER, *NOTHING),
)
_EVERY: Types = {"block_type": TEXT, "num_blocks": (*INTEGER, *NOTHING)}
# Upstream ignores `depthwise_conv_kernel_size`, though its documentation names it, and keys of other blocks.
ATTENTION: Types = {**_EVERY, **SIZES, **RATES, **CONSTANTS, "depthwise_conv_kernel_size": INTEGER}
# Keys that upstream adds to a configuration while building are valid, too: `input_size`, and `output_size` of inputs.
KEYS: dict[str, Types] = {
    "branchformer": ATTENTION,
    "conformer": ATTENTION,
    "conv1d": {
        **_EVERY,
        **dict.fromkeys(
            ("input_size", "output_size", "kernel_size", "stride", "dilation", "groups"),
            INTEGER,
        ),
        **dict.fromkeys(("bias", "batch_norm", "relu"), FLAG),
        "dropout_rate": NUMBER,
    },
    "ebranchformer": ATTENTION,
}
REQUIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KEYS, ("hidden_size", "linear_size", "conv_mod_kernel_size")),
    "conv1d": ("output_size", "kernel_size"),
}
INPUT_KEYS: Types = {
    "block_type": TEXT,
    "vgg_like": FLAG,
    "subsampling_factor": (*INTEGER, *NOTHING),
    "conv_size": (*INTEGER, list, tuple, *NOTHING),
    "output_size": (*INTEGER, *NOTHING),
}
RENAMED = {"left_chunk_size": "num_left_chunks"}  # keys of `main_conf` up to release 202304


def current_keys(main_conf: Conf) -> dict[str, Any]:
    """Rename older keys of `main_conf`."""
    return {RENAMED.get(key, key): value for key, value in main_conf.items()}


def validate_keys(where: str, configuration: Conf, known: Types) -> None:
    """Raise a `ValueError` that names the first unknown key or value of another type."""
    for key, value in configuration.items():
        if key not in known:
            raise ValueError(f"{where}: expected keys among {', '.join(sorted(known))}, found {key}")
        if type(value) not in known[key]:
            names = " or ".join("none" if kind in NOTHING else kind.__name__ for kind in known[key])
            raise ValueError(f"{where}, {key}: expected {names}, found {value!r}")


def validate_block_arguments(configuration: Conf, block_id: int) -> int:
    """Check the block with this number, counted from 1.

    Returns:
        The size of its output frames.

    Raises:
        ValueError: no or an unknown type, an unknown or missing key, or a value out of range.
    """
    where, kind = f"body_conf, block {block_id}", configuration.get("block_type")
    if not isinstance(kind, str):
        raise ValueError(f"{where}: expected a block_type, one of {', '.join(KEYS)}, found {kind!r}")
    validate_keys(where, configuration, choose("block_type", kind, KEYS))
    for key in REQUIRED[kind]:
        if key not in configuration:
            raise ValueError(f"{where}: expected {key} of a {kind} block, found none")
    sizes = (*SIZES, *REQUIRED[kind], "num_blocks")
    require_positive(**{key: configuration[key] for key in sizes if configuration.get(key) is not None})
    require_rates(**{key: configuration[key] for key in RATES if key in configuration})
    return configuration[REQUIRED[kind][0]]


def validate_architecture(input_conf: Conf, body_conf: Sequence[Conf]) -> int:
    """Check the input block's keys, all blocks, and whether their sizes match.

    Returns:
        The size of the last block's output frames.

    Raises:
        ValueError: see `validate_block_arguments`; or a block's input size differs from the previous output size.
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
