"""The attention of a Transformer that training guides to the diagonal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.e2e_tts_transformer import GuidedMultiHeadAttentionLoss
from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads, attention_weights

# Names of the losses, by what attends to what.
MODULES = {"encoder": "enc_attn_loss", "decoder": "dec_attn_loss", "encoder-decoder": "enc_dec_attn_loss"}


class GuidedAttention:
    """The guided heads of the last layers.

    Args:
        heads: number of guided heads of a layer, the first ones; -1: all.
        layers: number of guided layers, the last ones; all of a stack that has fewer.
        modules: names in `MODULES`; as a text, those that are part of it, as upstream reads its default.
    """

    def __init__(self, heads: int, layers: int, modules: Sequence[str]):
        self.heads = slice(None if heads < 0 else heads)
        self.count = slice(-layers, None)
        self.modules = [name for name in MODULES if name in modules]

    @contextlib.contextmanager
    def watch(self, layers: Mapping[str, Sequence[AttentionHeads]]) -> Iterator[dict[str, list[Tensor]]]:
        """Collect the weights of guided attention, by its name in `MODULES`, of attention layers by that name."""
        with contextlib.ExitStack() as stack:
            yield {name: stack.enter_context(attention_weights(layers[name][self.count])) for name in self.modules}

    def losses(
        self,
        criterion: GuidedMultiHeadAttentionLoss,
        weights: Mapping[str, Sequence[Tensor]],
        tokens: Tensor,
        steps: Tensor,
    ) -> dict[str, Tensor]:
        """Losses by name, of collected weights, for so many tokens (B,) and steps (B,)."""
        lengths = {"encoder": (tokens, tokens), "decoder": (steps, steps), "encoder-decoder": (tokens, steps)}
        return {
            MODULES[name]: criterion(torch.cat([one[:, self.heads] for one in found], dim=1), *lengths[name])
            for name, found in weights.items()
        }
