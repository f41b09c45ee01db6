"""Decoder of Tacotron 2 (Shen et al. 2018, section 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask, make_pad_mask, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.attentions import AttForwardTA, AttLoc
from espnet.nets.pytorch_backend.tacotron2.layers import Postnet, Prenet, ZoneOutCell

LEAST_WEIGHT = 1e-6  # of forward attention, before weights are normalised
HIDDEN_TOKEN = -1e9  # score of a token that may not be attended to


def decoder_init(m: nn.Module) -> None:
    """Draw the weights that training starts from, where `m` is a convolution that tanh follows."""
    if isinstance(m, nn.Conv1d):
        nn.init.xavier_uniform_(m.weight, nn.init.calculate_gain("tanh"))


class Memory(NamedTuple):
    """Texts as steps read them.

    Attributes:
        key: (B, U, A), projected for attention.
        value: (B, U, P), all that later layers make of a context vector, or (B, U, D) where they still have to.
        first: (B, U) weights of attention before the first step.
        floor: (B, U) smallest weights, of forward attention.
        attended: (B, U) bool, tokens that may be attended to.
        projected: whether `value` is what later layers make of the encoder's output.
    """

    key: Tensor
    value: Tensor
    first: Tensor
    floor: Tensor | None
    attended: Tensor
    projected: bool = True


class State(NamedTuple):
    """State of the decoder, zeros before the first step.

    Attributes:
        frame: (B, F), the last one.
        hidden, cell: (layers, B, S), of the recurrent layers.
        attention: (B, U) weights of the steps before, their sum where they are cumulated.
        transition: (B, 1), by how much the probability that attention stays exceeds a half; of transition agents.
    """

    frame: Tensor
    hidden: Tensor
    cell: Tensor
    attention: Tensor
    transition: Tensor | None = None


class Decoder(nn.Module):
    """Recurrent layers over the frame before and a context vector, which predict frames and whether speech ends.

    Args:
        idim: D, size of the encoder's output.
        odim: F, size of the features.
        att: attention.
        dlayers, dunits: number of recurrent layers, and S.
        prenet_layers, prenet_units: see `Prenet`; 0: there is none.
        postnet_layers, postnet_chans, postnet_filts, use_batch_norm: see `Postnet`; 0: there is none.
        output_activation_fn: function of the frames, or None.
        cumulate_att_w: attention sees the sum of all earlier weights, not the last ones.
        use_concate: frames are predicted of the context vector, too.
        dropout_rate: of prenet and postnet.
        zoneout_rate: see `ZoneOutCell`; 0: there is none.
        reduction_factor: r, frames of a step.
    """

    def __init__(
        self,
        idim: int,
        odim: int,
        att: AttLoc,
        dlayers: int = 2,
        dunits: int = 1024,
        prenet_layers: int = 2,
        prenet_units: int = 256,
        postnet_layers: int = 5,
        postnet_chans: int = 512,
        postnet_filts: int = 5,
        output_activation_fn: Callable[[Tensor], Tensor] | None = None,
        cumulate_att_w: bool = True,
        use_batch_norm: bool = True,
        use_concate: bool = True,
        dropout_rate: float = 0.5,
        zoneout_rate: float = 0.1,
        reduction_factor: int = 1,
    ):
        super().__init__()
        require_positive(dlayers=dlayers, dunits=dunits, reduction_factor=reduction_factor)
        require_rates(dropout_rate=dropout_rate, zoneout_rate=zoneout_rate)
        self.idim, self.odim, self.dunits = idim, odim, dunits
        self.att = att
        self.output_activation_fn = output_activation_fn
        self.cumulate_att_w = cumulate_att_w
        self.use_concate = use_concate
        self.reduction_factor = reduction_factor
        read = prenet_units if prenet_layers else odim
        self.lstm = nn.ModuleList()
        for size in [idim + read] + [dunits] * (dlayers - 1):
            cell = nn.LSTMCell(size, dunits)
            self.lstm.append(ZoneOutCell(cell, zoneout_rate) if zoneout_rate > 0 else cell)
        self.prenet = Prenet(odim, prenet_layers, prenet_units, dropout_rate) if prenet_layers else None
        self.postnet = None
        if postnet_layers:
            sizes = postnet_layers, postnet_chans, postnet_filts, dropout_rate, use_batch_norm
            self.postnet = Postnet(idim, odim, *sizes)
        size = idim + dunits if use_concate else dunits
        self.feat_out = nn.Linear(size, odim * reduction_factor, bias=False)
        self.prob_out = nn.Linear(size, reduction_factor)
        self.apply(decoder_init)

    def forward(
        self, hs: Tensor, hlens: Tensor, ys: Tensor, olens: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict each frame of the given ones before it.

        Args:
            hs, hlens: encoder's output (B, U, D), and tokens (B,).
            ys: features (B, T, F).
            olens: (B,) frames, behind which the postnet sees zeros; None: all are real.

        Returns:
            Features behind the postnet and before it (B, T', F), scores of the end (B, T'), and attention weights
            (B, T' / r, U); T' is T rounded down to whole steps.
        """
        hlens = torch.as_tensor(hlens, device=hs.device)
        memory = self.memory(hs, hlens, projected=False)
        state = self.zero_state(memory)
        frames: list[Tensor] = []
        logits: list[Tensor] = []
        weights: list[Tensor] = []
        for frame in ys[:, self.reduction_factor - 1 :: self.reduction_factor].unbind(1):
            noise = None if self.prenet is None else self.prenet.draw(state.frame)
            *found, state = self.advance(memory, noise, state)
            state = state._replace(frame=frame)
            for kept, one in zip((frames, logits, weights), found, strict=True):
                kept.append(one)
        before = torch.cat(frames, dim=1)
        after = self.refine(before, olens)
        before = before if self.output_activation_fn is None else self.output_activation_fn(before)
        return after, before, torch.cat(logits, dim=1), torch.stack(weights, dim=1)

    def inference(
        self,
        h: Tensor,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 10.0,
        use_att_constraint: bool = False,
        backward_window: int = 1,
        forward_window: int = 3,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Speak one text.

        Args:
            h: (U, D) encoder's output.
            threshold: probability of the end at which speech ends.
            minlenratio, maxlenratio: fewest and most frames for each token.
            use_att_constraint: attend near the token with the largest weight of the step before only: from
                `backward_window` tokens before it to `forward_window` - 1 behind it.

        Returns:
            Features (T, F), probabilities (T,) that speech ends, and attention weights (T / r, U).
        """
        least, most = int(len(h) * minlenratio), int(len(h) * maxlenratio)
        memory = self.memory(h[None], torch.tensor([len(h)], device=h.device))
        tokens, place = torch.arange(len(h), device=h.device), 0
        state, over = self.zero_state(memory), False
        frames: list[Tensor] = []
        probs: list[Tensor] = []
        weights: list[Tensor] = []
        while not over:
            if use_att_constraint:
                window = (tokens >= place - backward_window) & (tokens < place + forward_window)
                memory = memory._replace(attended=window[None])
            noise = None if self.prenet is None else self.prenet.draw(state.frame)
            frame, logits, weight, state = self.advance(memory, noise, state)
            frames.append(frame[0])
            probs.append(torch.sigmoid(logits[0]))
            weights.append(weight[0])
            place, count = int(weight.argmax()), len(frames) * self.reduction_factor
            over = count >= least and (count >= most or bool((probs[-1] >= threshold).any()))
        return self.refine(torch.cat(frames)[None])[0], torch.cat(probs), torch.stack(weights)

    def calculate_all_attentions(self, hs: Tensor, hlens: Tensor, ys: Tensor) -> Tensor:
        """Attention weights (B, T / r, U) of `forward`."""
        return self(hs, hlens, ys)[3]

    def memory(self, hs: Tensor, hlens: Tensor, projected: bool = True) -> Memory:
        """The encoder's output (B, U, D) of so many tokens (B,) as steps read it.

        In training, context vectors are `projected`, and not the tokens, whose gradients would take far more memory.
        """
        real = make_non_pad_mask(hlens, hs.shape[1])
        first = real.to(hs.dtype) / hlens.unsqueeze(1)
        floor = None
        if self.att.starts_at_first:
            first = (torch.arange(hs.shape[1], device=hs.device) == 0).to(hs.dtype).expand_as(first)
            floor = real.to(hs.dtype) * LEAST_WEIGHT
        value = self.project(hs) if projected else hs
        return Memory(self.att.mlp_enc(hs), value, first, floor, real, projected)

    def zero_state(self, memory: Memory) -> State:
        """State before the first step."""
        batch, tokens = memory.first.shape
        zeros = memory.first.new_zeros
        states = zeros(len(self.lstm), batch, self.dunits)
        transition = zeros(batch, 1) if isinstance(self.att, AttForwardTA) else None
        return State(zeros(batch, self.odim), states, states, zeros(batch, tokens), transition)

    @property
    def context_size(self) -> int:
        """P, the number of values that later layers make of a context vector."""
        outputs = self.reduction_factor * (self.odim + 1) if self.use_concate else 0
        return 4 * self.dunits + outputs + isinstance(self.att, AttForwardTA)

    def project(self, context: Tensor) -> Tensor:
        """(B, ..., D) → (B, ..., P): the context's terms of the first cell's gates, frames, scores, transition agent.

        All are linear, so that a mixture of them by weights is that of the mixture: projections of the tokens are
        computed once, and steps read fewer weights.
        """
        layers = [_cell(self.lstm[0]).weight_ih[:, : self.idim]]
        if self.use_concate:
            layers += [layer.weight[:, self.dunits :] for layer in (self.feat_out, self.prob_out)]
        if isinstance(self.att, AttForwardTA):
            layers.append(self.att.mlp_ta.weight[:, : self.idim])
        return linear(context, torch.cat(layers))

    def advance(self, memory: Memory, noise: Tensor | None, state: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """Take one step.

        Args:
            memory: what is known of the texts.
            noise: (B, layers, units) of the prenet; None: it has none.
            state: of the step before.

        Returns:
            Frames (B, r, F), scores of the end (B, r), attention weights (B, U), and the next state.
        """
        weights, attention = self._attend(memory, state)
        terms = (weights.unsqueeze(1) @ memory.value).squeeze(1)
        terms = terms if memory.projected else self.project(terms)
        sizes = [4 * self.dunits, terms.shape[1] - 4 * self.dunits]
        gates, further = terms.split(sizes, dim=1)
        x = state.frame
        if self.prenet is not None:
            x = self.prenet(x) if noise is None else self.prenet.with_noise(x, noise)
        states = []
        for index, layer in enumerate(self.lstm):
            before = state.hidden[index], state.cell[index]
            states.append(_run(layer, x, before, self.idim if index == 0 else 0, gates if index == 0 else None))
            x = states[-1][0]
        frames, logits, transition = self._outputs(x, further, state)
        hidden, cell = (torch.stack(parts) for parts in zip(*states, strict=True))
        frame = frames[:, -1]
        frame = frame if self.output_activation_fn is None else self.output_activation_fn(frame)
        return frames, logits, weights, State(frame, hidden, cell, attention, transition)

    def refine(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Features (B, T, F) of so many frames (B,) behind the postnet."""
        if self.postnet is not None:
            padding = None if lengths is None else make_pad_mask(lengths, feats.shape[1]).unsqueeze(1)
            feats = feats + self.postnet(feats.transpose(1, 2), padding).transpose(1, 2)
        return feats if self.output_activation_fn is None else self.output_activation_fn(feats)

    def _attend(self, memory: Memory, state: State) -> tuple[Tensor, Tensor]:
        """Weights (B, U), and the next state of attention."""
        # Weights sum to 1, so that a sum of 0 is that of a state before the first step.
        started = state.attention.sum(dim=1, keepdim=True) > 0
        before = torch.where(started, state.attention, memory.first)
        energies = self.att.energies(state.hidden[0], memory.key, before)
        energies = torch.where(memory.attended, energies * self.att.energy_scale, HIDDEN_TOKEN)
        stay = None if state.transition is None else state.transition + 0.5
        weights = self.att.follow(torch.softmax(energies, dim=1), before, stay)
        if memory.floor is not None:
            weights = torch.maximum(weights, memory.floor)
            weights = weights / weights.sum(dim=1, keepdim=True)
        return weights, state.attention + weights if self.cumulate_att_w else weights

    def _outputs(self, x: Tensor, terms: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor | None]:
        """Frames (B, r, F), scores (B, r), and the next transition, of x (B, S) and the context's terms."""
        features, size = self.odim * self.reduction_factor, self.dunits
        frames, logits = linear(x, self.feat_out.weight[:, :size]), linear(x, self.prob_out.weight[:, :size])
        logits = logits + self.prob_out.bias
        if self.use_concate:
            frames = frames + terms[:, :features]
            logits = logits + terms[:, features : features + self.reduction_factor]
        transition = None
        if isinstance(self.att, AttForwardTA):
            agent = self.att.mlp_ta
            known = linear(torch.cat([state.frame, state.hidden[0]], dim=1), agent.weight[:, self.idim :], agent.bias)
            transition = torch.sigmoid(known + terms[:, -1:]) - 0.5
        return frames.unflatten(1, (self.odim, self.reduction_factor)).transpose(1, 2), logits, transition


def _cell(layer: Any) -> nn.LSTMCell:
    """The cell of a recurrent layer, with or without zoneout."""
    return layer.cell if isinstance(layer, ZoneOutCell) else layer


def _run(
    layer: nn.Module, x: Tensor, state: tuple[Tensor, Tensor], known: int, terms: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The next states (B, S) for x (B, F), and for `known` values before it, of which the gates' `terms` are given."""
    cell, (hidden, memory) = _cell(layer), state
    gates = linear(x, cell.weight_ih[:, known:], cell.bias_ih) + linear(hidden, cell.weight_hh, cell.bias_hh)
    gates = gates if terms is None else gates + terms
    let_in, keep, new, out = gates.chunk(4, dim=1)
    after = torch.sigmoid(keep) * memory + torch.sigmoid(let_in) * torch.tanh(new)
    following = torch.sigmoid(out) * torch.tanh(after), after
    return layer.kept(state, following) if isinstance(layer, ZoneOutCell) else following
