"""What a transducer that is being trained would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from espnet.nets.beam_search_transducer import BeamSearchTransducer, TransducerOptions
from espnet2.runtime.spec import Component

BEAM = 2  # hypotheses, as upstream's statistics have it


class StepGraph:
    """A component of a part of the model, as searches call it."""

    def __init__(self, module: torch.nn.Module, component: Component) -> None:
        self.component = component
        self._method = getattr(module, component.method)
        self._device = next(module.parameters()).device

    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, Tensor]:
        results = self._method(*(torch.as_tensor(feeds[t.name], device=self._device) for t in self.component.feeds))
        results = results if isinstance(results, tuple) else (results,)
        return {t.name: result.cpu() for t, result in zip(self.component.results, results, strict=True)}


@torch.no_grad()
def transducer_search(model: Any, output: Tensor, lengths: Tensor, **options: Any) -> list[list[int]]:
    """The likeliest labels of each utterance, of encoder output (B, T, D) and lengths (B,).

    Args:
        model: a recogniser with a joint network.
        options: those of `TransducerOptions`, besides the model's own.
    """
    graphs = {
        component.name: StepGraph(module, component)
        for module in (model.decoder, model.joint_network)
        for component in module.components()
    }
    search = BeamSearchTransducer(
        graphs["decoder_step"],
        graphs["joint_start"],
        graphs["joint_step"],
        beam_size=BEAM,
        vocab_size=model.vocab_size,
        sos=model.sos,
        options=TransducerOptions(**{**model.generation(), **options, "nbest": 1}),
    )
    heard = (x[:length].numpy(force=True) for x, length in zip(output.float(), lengths.tolist(), strict=True))
    return [search(x)[0].yseq[1:].tolist() for x in heard]
