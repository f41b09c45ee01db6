"""Measurements of models in training, for upstream and this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_calls
import zoo_data
from zoo_kind import digest

PADDING = {"espnet2.tasks.lm:LMTask": 0}  # of texts in batches of a task, elsewhere -1


def fields_of(row: zoo_data.Row, indices: Sequence[int]) -> dict[str, torch.Tensor]:
    """Some of a row's utterances as a batch that models read in training: fields and their lengths."""
    batch, lengths = zoo_calls.batch_of(row, indices)
    fields = {}
    for array in row.inputs:
        sizes = {"n": lengths, "u": torch.tensor([zoo_data.tokens_for(int(length)) for length in lengths])}
        valid = sizes.get(str(array.sizes[0]), torch.full_like(lengths, batch[array.name].shape[1]))
        padding = torch.arange(batch[array.name].shape[1]) >= valid[:, None]
        values = batch[array.name].clone()
        values[padding] = PADDING.get(row.target, -1) if array.below else 0.0
        fields |= {array.name: values, f"{array.name}_lengths": valid}
    return fields


def measured(row: zoo_data.Row, directory: Path, indices: Sequence[int]) -> dict[str, Any]:
    """Statistics in both modes, and digests of the gradients and of the collected features, of one batch."""
    return measured_on(zoo_calls.module_for(row, directory), fields_of(row, indices))


def measured_on(module: Any, fields: dict[str, torch.Tensor]) -> dict[str, Any]:
    """`measured` of a model and a batch."""
    result: dict[str, Any] = {"collected": _collected(module, fields)}
    with torch.no_grad():
        torch.manual_seed(0)
        result["eval"] = _statistics(module(**_copied(fields)))
    torch.manual_seed(0)
    outcome = module.train()(**_copied(fields))
    outcome[0].backward()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    digests = {name: digest(name, gradient) for name, gradient in gradients.items() if gradient is not None}
    return {**result, "train": _statistics(outcome), "gradients": digests}


def _statistics(outcome: tuple[torch.Tensor, dict[str, torch.Tensor | None], torch.Tensor]) -> dict[str, float]:
    loss, stats, weight = outcome
    known = {name: float(value) for name, value in stats.items() if value is not None}
    return {"returned": float(loss.detach()), "weight": float(weight), **known}


def _copied(fields: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A batch that may be changed in place, as upstream does."""
    return {name: value.clone() for name, value in fields.items()}


def _collected(module: Any, fields: dict[str, torch.Tensor]) -> dict[str, Any]:
    found = module.collect_feats(**fields)
    return {name: value.tolist() if name.endswith("_lengths") else digest(name, value) for name, value in found.items()}


def condensed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Statistics of `measured_on`, and digests of all its gradients, the last of which their order changes."""
    gradients = np.array(list(found["gradients"].values()))
    places = np.arange(1, len(gradients) + 1) / len(gradients)
    digests = [float(np.sqrt((gradients[:, 0] ** 2).sum())), float(gradients[:, 1].sum())]
    digests.append(float((places * gradients[:, 1]).sum()))
    return {"train": found["train"], "eval": found["eval"], "gradients": digests}


def difference(expected: Any, found: Any, tolerance: float = 1e-4) -> str:
    """Place and values of the first numbers, names or texts that differ in nested lists and dictionaries; "" for none.

    Numbers may differ by `tolerance` times the largest of their list, which counts as at least 1.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            return f": {sorted({*expected} ^ {*found})} in one alone"
        texts = ((name, difference(value, found[name], tolerance)) for name, value in expected.items())
        return next((f".{name}{text}" for name, text in texts if text), "")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        sizes = [abs(value) for value in expected if isinstance(value, float)]
        limit = tolerance * max([1.0, *sizes])
        for place, (theirs, ours) in enumerate(zip(expected, found, strict=True)):
            numbers = isinstance(theirs, float) and isinstance(ours, float)
            if numbers and abs(theirs - ours) > limit:
                return f"[{place}]: {ours} instead of {theirs}"
            if not numbers and (text := difference(theirs, ours, tolerance)):
                return f"[{place}]{text}"
        return ""
    same = abs(expected - found) <= tolerance * max(1.0, abs(expected)) if isinstance(expected, float) else False
    return "" if same or expected == found else f": {found} instead of {expected}"


def initialized(row: zoo_data.Row, directory: Path, init: str) -> dict[str, float]:
    """Norms of the weights that training starts from, in the order in which they are drawn."""
    module = zoo_calls.module_for(row, directory)
    torch.manual_seed(0)
    zoo_calls.attribute("espnet2.torch_utils.initialize:initialize")(module, init)
    return {name: float(parameter.detach().double().norm()) for name, parameter in module.named_parameters()}


def augmented(options: dict[str, Any], lengths: list[int]) -> list[float]:
    """Digest of what SpecAugment makes of drawn features."""
    features = torch.from_numpy(zoo_data.drawn("features", (len(lengths), max(lengths), 24)).astype(np.float32))
    torch.manual_seed(0)
    augment = zoo_calls.attribute("espnet2.asr.specaug.specaug:SpecAug")(**options).train()
    return digest("augmented", augment(features, torch.tensor(lengths))[0])


def mask_alternate(
    ys_pad: torch.Tensor, mask_token: int, eos: int, ignore_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """In place of what masks tokens at random: every other one is masked, from the first on."""
    padding = ys_pad == ignore_id
    masked = (torch.arange(ys_pad.shape[1]) % 2 == 0) & ~padding
    return ys_pad.masked_fill(padding, eos).masked_fill(masked, mask_token), ys_pad.masked_fill(~masked, ignore_id)
