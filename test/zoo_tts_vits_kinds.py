"""Kinds of rows of WaveNet and VITS; see `zoo_kind`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import torch
from zoo_kind import Batch, Call, Kind, Outputs, mask, token_lengths

pad_sequence = functools.partial(torch.nn.utils.rnn.pad_sequence, batch_first=True)


def _wavenet(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Outputs of a batch whose padding is masked; a model without a mask on its input reads zeros there."""
    valid = mask(lengths).float()
    further = {name: batch[name].transpose(1, 2) if name == "c" else batch[name][..., None] for name in batch}
    further.pop("x")
    return {"out": (module(batch["x"].transpose(1, 2) * valid, valid, **further).transpose(1, 2), lengths)}


@contextlib.contextmanager
def _seeded(module: torch.nn.Module) -> Iterator[None]:
    """Set the seed behind the text encoder, whose layers draw numbers in upstream even where they leave none out."""
    hook = module.generator.text_encoder.register_forward_hook(lambda *_: torch.manual_seed(0) and None)
    try:
        yield
    finally:
        hook.remove()


def _speaking(feats: bool = False, given: bool = False, **options: Any) -> Call:
    """Results of each text alone, with noise of a seed; with `given`, the n-th token lasts n frames."""

    def call(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
        texts = token_lengths(lengths) if feats else lengths
        results: dict[str, list[torch.Tensor]] = {}
        for index, length in enumerate(texts):
            item = {name: value[index] for name, value in batch.items()}
            item["text"] = item["text"][:length]
            if feats:
                item["feats"] = item["feats"][: lengths[index]]
            if given:
                item["durations"] = torch.arange(int(length))
                item["durations"][-1] = 2
            with _seeded(module):
                found = module.inference(**item, **options)
            for name, value in found.items():
                results.setdefault(name, []).append(value.flatten().float())
        return {name: (pad_sequence(values), torch.tensor([*map(len, values)])) for name, values in results.items()}

    return call


def _whole_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Results of the synthesis model in a model that a task builds."""
    return _speaking()(module.tts, batch, lengths)


def _losses(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Losses of each utterance alone, in both steps, and lengths of the parameters' gradients."""
    hop, results, gradients = module.generator.upsample_factor, [], []
    for index, (frames, tokens) in enumerate(zip(lengths, token_lengths(lengths), strict=True)):
        samples = torch.sin(torch.arange(int(frames) * hop) ** 1.5 / 10)[None]
        item = {name: value[index : index + 1] for name, value in batch.items()}
        item |= {"text": item["text"][:, :tokens], "text_lengths": tokens[None]}
        item |= {"feats": item["feats"][:, :frames], "feats_lengths": frames[None]}
        item |= {"speech": samples, "speech_lengths": frames[None] * hop}
        found, lengths_of_gradients = [], []
        for generator in (True, False):
            with torch.enable_grad(), _seeded(module):
                result = module(**item, forward_generator=generator)
                module.zero_grad()
                result["loss"].backward()
            stats = result["stats"]
            found += [torch.as_tensor(stats[name]).detach().reshape(1) for name in sorted(stats)]
            trained = (value.grad for _, value in sorted(module.named_parameters()))
            lengths_of_gradients += [torch.zeros(()) if grad is None else grad.norm() for grad in trained]
        results.append(torch.cat(found).float())
        gradients.append(torch.stack(lengths_of_gradients))
    module.zero_grad()
    return {
        name: (torch.stack(values), torch.full_like(lengths, len(values[0])))
        for name, values in (("losses", results), ("gradients", gradients))
    }


KINDS = {
    "wavenet": Kind(_wavenet),
    "vits": Kind(_speaking(), exported=True),
    "vits_model": Kind(_whole_model),
    "vits_without_noise": Kind(_speaking(noise_scale=0.0, noise_scale_dur=0.0)),
    "vits_slow": Kind(_speaking(alpha=1.7, max_len=9, noise_scale=0.3)),
    "vits_given_durations": Kind(_speaking(given=True, alpha=2.0)),
    "vits_forced": Kind(_speaking(feats=True, use_teacher_forcing=True)),
    "vits_losses": Kind(_losses),
}
