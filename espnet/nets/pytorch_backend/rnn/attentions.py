"""The attentions of recurrent decoders, by upstream's names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet.nets.pytorch_backend.rnn.attention_parts import (
    SCALE,
    Additive,
    Attention,
    Dot,
    Frames,
    KeyTerm,
    LocationAware,
    ManyHeads,
    OneHead,
    convolved,
    linear_layers,
    location_conv,
)


class NoAtt(Attention):
    """No attention: the mean of all frames."""

    def __init__(self, eprojs: int):
        super().__init__()
        self.memory, self.states = {"memory_value": (1, eprojs)}, {}
        self.weights = nn.Identity()  # a module, so that hooks on it see the weights

    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        return (encoder_out.unsqueeze(0),)

    def step(
        self, query: Tensor, memory: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        mean = self.weights(frames.uniform) @ memory[0][0]
        return mean.expand(-1, query.shape[1], -1), ()


class AttDot(Dot, OneHead):
    """Dot-product attention (Luong et al. 2015)."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int):
        super().__init__(eprojs, dunits, att_dim, query_bias=True)


class AttAdd(Additive, OneHead):
    """Additive attention (Bahdanau et al. 2015)."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int):
        super().__init__(eprojs, dunits, att_dim)
        self.gvec = nn.Linear(att_dim, 1)


class AttLoc(LocationAware, OneHead):
    """Location-aware attention (Chorowski et al. 2015).

    Attributes:
        energy_scale: of scores of synthesisers (`energies`) before softmax.
        starts_at_first: whether a synthesiser's weights are at the first token before the first step, or uniform.
    """

    energy_scale = SCALE
    starts_at_first = False

    def __init__(self, eprojs: int, dunits: int, att_dim: int, aconv_chans: int, aconv_filts: int):
        super().__init__(eprojs, dunits, att_dim)
        self.states = {"attention": (1, "frames")}
        self.mlp_att = nn.Linear(aconv_chans, att_dim, bias=False)
        self.loc_conv = location_conv(aconv_chans, aconv_filts)
        self.gvec = nn.Linear(att_dim, 1)

    def energies(self, query: Tensor, key: Tensor, before: Tensor) -> Tensor:
        """Scores of tokens for one state of a synthesiser.

        Args:
            query: (B, S), the decoder's state.
            key: (B, U, A), the first result of `start` without its first axis.
            before: (B, U) weights of the steps before.

        Returns:
            (B, U).
        """
        seen = self.mlp_att(convolved(self.loc_conv, before[None, :, None]).squeeze(1))
        return self.gvec(torch.tanh(key + seen + self.mlp_dec(query).unsqueeze(1))).squeeze(-1)

    def follow(self, weights: Tensor, before: Tensor, stay: Tensor | None) -> Tensor:
        """Weights (B, U) of a synthesiser from the softmax of `energies`, the weights before, and the probability
        (B, 1) that attention stays where it is."""
        return weights


class AttForward(AttLoc):
    """Forward attention (Zhang et al. 2018): attention stays at a token or goes on to the next."""

    energy_scale = 1.0
    starts_at_first = True

    def follow(self, weights: Tensor, before: Tensor, stay: Tensor | None) -> Tensor:
        return weights * (before + _shifted(before))


class AttForwardTA(AttLoc):
    """Forward attention with a transition agent (Zhang et al. 2018), which predicts whether attention stays."""

    energy_scale = 1.0
    starts_at_first = True

    def __init__(self, eunits: int, dunits: int, att_dim: int, aconv_chans: int, aconv_filts: int, odim: int):
        super().__init__(eunits, dunits, att_dim, aconv_chans, aconv_filts)
        self.mlp_ta = nn.Linear(eunits + dunits + odim, 1)

    def follow(self, weights: Tensor, before: Tensor, stay: Tensor | None) -> Tensor:
        assert stay is not None
        return weights * (stay * before + (1 - stay) * _shifted(before))


def _shifted(weights: Tensor) -> Tensor:
    """Weights (B, U), one token further."""
    return pad(weights, (1, 0))[:, :-1]


class AttLoc2D(LocationAware, OneHead):
    """Location-aware attention over the weights of the last `att_win` steps."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int, att_win: int, aconv_chans: int, aconv_filts: int):
        super().__init__(eprojs, dunits, att_dim)
        self.states = {"attention": (att_win, "frames")}
        self.mlp_att = nn.Linear(aconv_chans, att_dim, bias=False)
        self.loc_conv = location_conv(aconv_chans, aconv_filts, att_win)
        self.gvec = nn.Linear(att_dim, 1)

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return (torch.cat([kept[0][1:], weights - frames.uniform]),)


class AttLocRec(Additive, OneHead):
    """Location-aware attention with a recurrent layer over the features of earlier weights."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int, aconv_chans: int, aconv_filts: int):
        super().__init__(eprojs, dunits, att_dim)
        self.states = {"attention": (1, "frames"), "location_hidden": (1, att_dim), "location_cell": (1, att_dim)}
        self.loc_conv = location_conv(aconv_chans, aconv_filts)
        self.att_lstm = nn.LSTMCell(aconv_chans, att_dim, bias=False)
        self.gvec = nn.Linear(att_dim, 1)

    def key_terms(
        self, queries: list[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[KeyTerm], tuple[Tensor, ...]]:
        before, hidden, cell = states
        real = (frames.uniform > 0).unsqueeze(-1)
        # Outputs of ReLU are never below zero, so zeros keep the padding out of the maximum.
        seen = (torch.relu(convolved(self.loc_conv, before + frames.uniform)) * real).amax(dim=2)
        state = self.att_lstm(seen.flatten(0, 1), (hidden.flatten(0, 2), cell.flatten(0, 2)))
        hidden, cell = (part.view(hidden.shape) for part in state)
        return [KeyTerm(queries[0] + hidden[0].unsqueeze(2))], (hidden, cell)

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return weights - frames.uniform, *kept


class AttCov(Additive, OneHead):
    """Additive scores with the coverage, the sum of all earlier weights (See et al. 2017, Tu et al. 2016)."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int):
        super().__init__(eprojs, dunits, att_dim)
        self.states = {"coverage": (1, "frames")}
        self.wvec = nn.Linear(1, att_dim)
        self.gvec = nn.Linear(att_dim, 1)

    def key_terms(
        self, queries: list[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[KeyTerm], tuple[Tensor, ...]]:
        coverage = states[0][0] + frames.uniform
        return [KeyTerm(queries[0] + self.wvec(coverage.unsqueeze(-1)))], (states[0],)

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return (kept[0] + weights,)


class AttCovLoc(LocationAware, OneHead):
    """Location-aware attention over the coverage, the sum of all earlier weights."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int, aconv_chans: int, aconv_filts: int):
        super().__init__(eprojs, dunits, att_dim)
        self.states = {"coverage": (1, "frames")}
        self.mlp_att = nn.Linear(aconv_chans, att_dim, bias=False)
        self.loc_conv = location_conv(aconv_chans, aconv_filts)
        self.gvec = nn.Linear(att_dim, 1)

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return (kept[0] + weights,)


class AttMultiHeadDot(Dot, ManyHeads):
    """Dot-product attention of several heads."""


class AttMultiHeadAdd(Additive, ManyHeads):
    """Additive attention of several heads."""

    def __init__(self, eprojs: int, dunits: int, aheads: int, att_dim_k: int, att_dim_v: int):
        super().__init__(eprojs, dunits, aheads, att_dim_k, att_dim_v)
        self.gvec = linear_layers(aheads, att_dim_k, 1, bias=True)


class AttMultiHeadLoc(LocationAware, ManyHeads):
    """Location-aware attention of several heads."""

    def __init__(
        self,
        eprojs: int,
        dunits: int,
        aheads: int,
        att_dim_k: int,
        att_dim_v: int,
        aconv_chans: int,
        aconv_filts: int,
        scale: float | None = SCALE,
    ):
        super().__init__(eprojs, dunits, aheads, att_dim_k, att_dim_v, scale)
        self.states = {"attention": (aheads, "frames")}
        self.gvec = linear_layers(aheads, att_dim_k, 1, bias=True)
        self.loc_conv = nn.ModuleList(
            location_conv(aconv_chans, self.reach(head, aconv_filts)) for head in range(aheads)
        )
        self.mlp_att = linear_layers(aheads, aconv_chans, att_dim_k, bias=False)

    def reach(self, head: int, aconv_filts: int) -> int:
        """Frames to either side within a head's convolution kernel."""
        return aconv_filts


class AttMultiHeadMultiResLoc(AttMultiHeadLoc):
    """Location-aware attention of several heads, with wider kernels from head to head."""

    def __init__(
        self,
        eprojs: int,
        dunits: int,
        aheads: int,
        att_dim_k: int,
        att_dim_v: int,
        aconv_chans: int,
        aconv_filts: int,
    ):
        super().__init__(eprojs, dunits, aheads, att_dim_k, att_dim_v, aconv_chans, aconv_filts, scale=None)

    def reach(self, head: int, aconv_filts: int) -> int:
        return aconv_filts * (head + 1) // self.heads


_CONV = ("aconv_chans", "aconv_filts")
_HEADS = ("eprojs", "dunits", "aheads", "adim", "adim")
# Each with its options, in the order of its arguments.
ATTENTIONS: dict[str, tuple[type[Attention], tuple[str, ...]]] = {
    "noatt": (NoAtt, ("eprojs",)),
    "dot": (AttDot, ("eprojs", "dunits", "adim")),
    "add": (AttAdd, ("eprojs", "dunits", "adim")),
    "location": (AttLoc, ("eprojs", "dunits", "adim", *_CONV)),
    "location2d": (AttLoc2D, ("eprojs", "dunits", "adim", "awin", *_CONV)),
    "location_recurrent": (AttLocRec, ("eprojs", "dunits", "adim", *_CONV)),
    "coverage": (AttCov, ("eprojs", "dunits", "adim")),
    "coverage_location": (AttCovLoc, ("eprojs", "dunits", "adim", *_CONV)),
    "multi_head_dot": (AttMultiHeadDot, _HEADS),
    "multi_head_add": (AttMultiHeadAdd, _HEADS),
    "multi_head_loc": (AttMultiHeadLoc, (*_HEADS, *_CONV)),
    "multi_head_multi_res_loc": (AttMultiHeadMultiResLoc, (*_HEADS, *_CONV)),
}


def initial_att(
    atype: str,
    eprojs: int,
    dunits: int,
    aheads: int,
    adim: int,
    awin: int,
    aconv_chans: int,
    aconv_filts: int,
) -> Attention:
    """Make the attention called `atype`.

    Args:
        atype: a name of `ATTENTIONS`.
        eprojs: D, of the encoder's output.
        dunits: S, of the decoder's states.
        aheads: H.
        adim: A, size of projected queries and keys.
        awin: earlier steps that "location2d" reads.
        aconv_chans: channels of convolutions over earlier weights.
        aconv_filts: frames to either side within their kernels.

    Raises:
        ValueError: the name is unknown, or a size is not positive.
    """
    kind, names = choose("atype", atype, ATTENTIONS)
    sizes = {
        "eprojs": eprojs,
        "dunits": dunits,
        "aheads": aheads,
        "adim": adim,
        "awin": awin,
        "aconv_chans": aconv_chans,
    }
    require_positive(**{name: size for name, size in sizes.items() if name in names})
    if aconv_filts < 0:
        raise ValueError(f"aconv_filts: expected at least 0, found {aconv_filts}")
    options = {**sizes, "aconv_filts": aconv_filts}
    return kind(*(options[name] for name in names))
