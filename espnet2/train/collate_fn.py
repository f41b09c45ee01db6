"""Collation of utterances to a batch: arrays padded to the longest, and their lengths."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from espnet2.interface.errors import DataError, OptionError

Item = tuple[str, dict[str, np.ndarray]]
Batch = tuple[list[str], dict[str, torch.Tensor]]


class CommonCollateFn:
    """`common_collate_fn` with its options.

    Args:
        float_pad_value: Padding of arrays of floating point numbers.
        int_pad_value: Padding of arrays of integers.
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
    """Collate arrays (T, ...) of utterances; return their ids, tensors (B, longest T, ...) and `NAME_lengths` (B,).

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
            raise DataError(f"{name}: expected a name that ends otherwise, found _lengths, which is made for each name")
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


class HuBERTCollateFn(CommonCollateFn):
    """`CommonCollateFn` for speech and labels of its frames, cut to the shortest of a batch (Hsu et al. 2021).

    Labels of a cut recording are those of the frames in it; upstream cuts labels that `label_downsampling` thins out at
    other places.

    Args:
        float_pad_value, int_pad_value, not_sequence: See `CommonCollateFn`.
        label_downsampling: Of so many labels, one is kept.
        pad: Pad to the longest instead of cutting.
        rand_crop: Cut at random (by PyTorch's state), else from the start.
        crop_audio: Cut; if false, pad as with `pad`.
        window_size, window_shift: Of the frames that have labels, in ms.
        sample_rate: In kHz.
        mix_speech, reverb_speech: Refused unless false.
        noise_scp, noise_apply_prob, noise_db_range, dynamic_mixing_gain_db, dynamic_mixing_prob, rir_scp,
        rir_apply_prob, train: Without effect, as they belong to these.

    Raises:
        OptionError: An option that is refused, or not a positive size.
        DataError: On use, see `common_collate_fn`.
    """

    def __init__(
        self,
        float_pad_value: float = 0.0,
        int_pad_value: int = -32768,
        label_downsampling: int = 1,
        pad: bool = False,
        rand_crop: bool = True,
        crop_audio: bool = True,
        not_sequence: Collection[str] = (),
        window_size: float = 25,
        window_shift: float = 20,
        sample_rate: float = 16,
        noise_scp: str = "data/noise/wav.scp",
        noise_apply_prob: float = 1.0,
        noise_db_range: str = "-5_20",
        dynamic_mixing_gain_db: float = 5.0,
        dynamic_mixing_prob: float = 0.1,
        mix_speech: bool = False,
        reverb_speech: bool = False,
        rir_scp: str = "data/rirs/wav.scp",
        rir_apply_prob: float = 0.3,
        train: bool = True,
    ) -> None:
        super().__init__(float_pad_value, int_pad_value, not_sequence)
        for name, value in (("mix_speech", mix_speech), ("reverb_speech", reverb_speech)):
            if value:
                raise OptionError(f"{name}: expected False, found {value!r}")
        if label_downsampling < 1:
            raise OptionError(f"label_downsampling: expected at least 1, found {label_downsampling}")
        self.label_downsampling = label_downsampling
        self.crops, self.rand_crop = crop_audio and not pad, rand_crop
        self.window, self.shift = int(window_size * sample_rate), int(window_shift * sample_rate)  # in samples

    def __call__(self, data: Sequence[Item]) -> Batch:
        shortest = min(len(arrays["speech"]) for _, arrays in data)
        return super().__call__([(uid, self._cut(arrays, shortest)) for uid, arrays in data])

    def _cut(self, arrays: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
        """Cut speech to `size` samples, and labels to the frames in it."""
        found = dict(arrays)
        spare = len(arrays["speech"]) - size
        if self.crops:
            start = int(torch.randint(spare, (1,))) if self.rand_crop and spare else 0
            found["speech"] = arrays["speech"][start : start + size]
            if "text" in arrays:
                first = max((start - self.window) // self.shift + 1, 0)
                found["text"] = arrays["text"][first : first + (size - self.window) // self.shift + 1]
        if "text" in found:
            found["text"] = found["text"][:: self.label_downsampling]
        return found
