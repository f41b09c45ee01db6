"""Utterances to a batch: arrays padded to the longest, and their lengths."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from espnet2.runtime.errors import DataError

Item = tuple[str, dict[str, np.ndarray]]
Batch = tuple[list[str], dict[str, torch.Tensor]]


class CommonCollateFn:
    """`common_collate_fn` with its options.

    Args:
        float_pad_value: Behind the end of arrays of floating point numbers.
        int_pad_value: Behind the end of arrays of integers.
        not_sequence: Names of arrays that get no lengths.
    """

    def __init__(
        self,
        float_pad_value: float = 0.0,
        int_pad_value: int = -32768,
        not_sequence: Collection[str] = (),
    ) -> None:
        self.float_pad_value = float_pad_value
        self.int_pad_value = int_pad_value
        self.not_sequence = set(not_sequence)

    def __call__(self, data: Sequence[Item]) -> Batch:
        return common_collate_fn(data, self.float_pad_value, self.int_pad_value, self.not_sequence)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(float_pad_value={self.float_pad_value}, int_pad_value={self.int_pad_value}, "
            f"not_sequence={sorted(self.not_sequence)})"
        )


def common_collate_fn(
    data: Sequence[Item],
    float_pad_value: float = 0.0,
    int_pad_value: int = -32768,
    not_sequence: Collection[str] = (),
) -> Batch:
    """Utterances and their arrays (T, ...) -> utterances, and tensors (B, longest T, ...) with `NAME_lengths` (B,).

    Raises:
        DataError: The utterances have arrays of different names, or of shapes that differ in more than T.
    """
    names = list(data[0][1])
    for utterance, arrays in data:
        if arrays.keys() != data[0][1].keys():
            raise DataError(f"{utterance}: expected {', '.join(names)}, found {', '.join(arrays)}")
    batch: dict[str, torch.Tensor] = {}
    for name in names:
        if name.endswith("_lengths"):
            raise DataError(f"{name}: expected a name that does not end with _lengths: those are made for each name")
        arrays_of_name = [arrays[name] for _, arrays in data]
        pad_value = int_pad_value if arrays_of_name[0].dtype.kind == "i" else float_pad_value
        try:
            batch[name] = torch.from_numpy(pad(arrays_of_name, pad_value))
        except ValueError as error:
            first, *others = ((utterance, arrays[name].shape) for utterance, arrays in data)
            other = next((found for found in others if found[1][1:] != first[1][1:]), first)
            raise DataError(
                f"{other[0]}: expected {name} to differ from that of {first[0]}, {first[1]}, in length only, "
                f"found {other[1]}"
            ) from error
        if name not in not_sequence:
            batch[f"{name}_lengths"] = torch.tensor([len(array) for array in arrays_of_name])
    return [utterance for utterance, _ in data], batch


def pad(arrays: Sequence[np.ndarray], pad_value: float) -> np.ndarray:
    """Arrays (T, ...) -> one array (B, longest T, ...), with `pad_value` behind the shorter ones."""
    longest = max(len(array) for array in arrays)
    padded = np.full((len(arrays), longest, *arrays[0].shape[1:]), pad_value, arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(f"{array.shape} beside {arrays[0].shape}")
        row[: len(array)] = array
    return padded
