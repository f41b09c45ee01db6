"""Recurrent decoder with attention (Chan et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.attention_parts import Attention, Frames
from espnet.nets.pytorch_backend.rnn.attentions import initial_att
from espnet.nets.pytorch_backend.step_scorer import SteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import hypotheses, selected
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.interface import spec

# Each with the names of its states.
RNN_TYPES: dict[str, tuple[Callable[[int, int], nn.RNNCellBase], tuple[str, ...]]] = {
    "lstm": (nn.LSTMCell, ("hidden", "cell")),
    "gru": (nn.GRUCell, ("hidden",)),
}
# Defaults that upstream writes into a configuration file without `att_conf`.
ATTENTION: dict[str, Any] = {
    "atype": "location",
    "num_att": 1,
    "num_encs": 1,
    "aheads": 4,
    "adim": 320,
    "awin": 5,
    "aconv_chans": 10,
    "aconv_filts": 100,
    "han_mode": False,
    "han_type": None,
    "han_heads": 4,
    "han_dim": 320,
    "han_conv_chans": -1,
    "han_conv_filts": 100,
    "han_win": 5,
}


@typechecked
def build_attention_list(
    eprojs: int,
    dunits: int,
    atype: str = "location",
    num_att: int = 1,
    num_encs: int = 1,
    aheads: int = 4,
    adim: int = 320,
    awin: int = 5,
    aconv_chans: int = 10,
    aconv_filts: int = 100,
    han_mode: bool = False,
    han_type: str | None = None,
    han_heads: int = 4,
    han_dim: int = 320,
    han_conv_chans: int = -1,
    han_conv_filts: int = 100,
    han_win: int = 5,
) -> nn.ModuleList:
    """Make a decoder's attentions.

    Args:
        eprojs: D, of the encoder's output.
        dunits: S, of the decoder's states.
        num_att: attentions, one for each speaker of a mixture.
        num_encs: encoders, of which there is one.
        han_mode, han_type, han_heads, han_dim, han_conv_chans, han_conv_filts, han_win: of the attention over several
            encoders.

    The other arguments are those of `initial_att`.

    Raises:
        ValueError: `num_encs` is not 1, or an option of the attention has an invalid value.
    """
    require_one_encoder(num_encs)
    require_positive(num_att=num_att)
    sizes = aheads, adim, awin, aconv_chans, aconv_filts
    return nn.ModuleList(initial_att(atype, eprojs, dunits, *sizes) for _ in range(num_att))


def require_one_encoder(num_encs: int) -> None:
    """Raise `ValueError` for another number."""
    if num_encs != 1:
        raise ValueError(f"num_encs: expected 1, since a recogniser has one encoder; found {num_encs}")


class RNNDecoder(SteppedScorer, AbsDecoder):
    """Recurrent layers over the last token and the attention's context vector.

    In a search, each hypothesis has a coverage of its own, as in `forward`; upstream mixes up the coverage of
    hypotheses.

    Args:
        vocab_size: V. The last token is the start and end symbol.
        encoder_output_size: D.
        rnn_type: one of `RNN_TYPES`.
        num_layers: recurrent layers.
        hidden_size: S, of the recurrent layers and of the embedding.
        sampling_probability: probability that training feeds the best predicted token instead of the reference
            (scheduled sampling; Bengio et al. 2015).
        dropout: dropout of the embedding and of each recurrent layer's output.
        context_residual: the output layer also reads the context vector.
        replace_sos: upstream's option for translation, without effect in recognition.
        num_encs: encoders, of which there is one.
        att_conf: options of `build_attention_list`.

    Raises:
        ValueError: an option has an invalid value.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        rnn_type: str = "lstm",
        num_layers: int = 1,
        hidden_size: int = 320,
        sampling_probability: float = 0.0,
        dropout: float = 0.0,
        context_residual: bool = False,
        replace_sos: bool = False,
        num_encs: int = 1,
        att_conf: dict = ATTENTION,
    ):
        super().__init__()
        require_positive(num_layers=num_layers, hidden_size=hidden_size)
        require_rates(sampling_probability=sampling_probability, dropout=dropout)
        require_one_encoder(num_encs)
        cell, self.state_names = choose("rnn_type", rnn_type, RNN_TYPES)
        self.vocab_size, self.size, self.hidden_size = vocab_size, encoder_output_size, hidden_size
        self.context_residual = context_residual
        self.sampling_probability = sampling_probability
        self.embed = nn.Embedding(vocab_size, hidden_size)
        self.dropout_emb = nn.Dropout(dropout)
        sizes = [hidden_size + encoder_output_size] + [hidden_size] * (num_layers - 1)
        self.decoder = nn.ModuleList(cell(size, hidden_size) for size in sizes)
        self.dropout_dec = nn.ModuleList(nn.Dropout(dropout) for _ in sizes)
        self.output = nn.Linear(hidden_size + (encoder_output_size if context_residual else 0), vocab_size)
        for name in att_conf:
            if name not in ATTENTION:
                raise ValueError(f"att_conf.{name}: expected one of {', '.join(ATTENTION)}")
        self.att_list = build_attention_list(encoder_output_size, hidden_size, **att_conf)

    def forward(
        self, hs_pad: Tensor, hlens: Tensor, ys_in_pad: Tensor, ys_in_lens: Tensor, strm_idx: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Score known targets.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) int64, its lengths.
            ys_in_pad: (B, U) int64, the start symbol and the targets.
            ys_in_lens: (B,) int64, their lengths.
            strm_idx: index of the attention to use; the last one for larger numbers.

        Returns:
            (B, U, V) scores before softmax, and `ys_in_lens`.
        """
        attention = cast(Attention, self.att_list[min(strm_idx, len(self.att_list) - 1)])
        memory = attention.start(hs_pad)
        frames = Frames.of(hlens, memory[0])
        states: Sequence[Tensor] = self._zeros(attention, hs_pad)
        scores: list[Tensor] = []
        for tokens in ys_in_pad.unsqueeze(-1).unbind(1):
            if scores and self.training and torch.rand(()).item() < self.sampling_probability:
                tokens = scores[-1].argmax(dim=-1)
            score, states = self._advance(attention, tokens, memory, frames, states)
            scores.append(score)
        return torch.cat(scores, dim=1), ys_in_lens

    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        """Project the encoder's output (B, T, D) for attention, once per utterance: (H, B, T, size) each."""
        return self._attention.start(encoder_out)

    def step(self, tokens: Tensor, parents: Tensor, *memory_and_states: Tensor) -> tuple[Tensor, ...]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            memory_and_states: result of `start`; (B,) int64, lengths of the encoder's output; and the states,
                (layers, B, parent, S) of the recurrent layers and (n, B, parent, ...) of the attention. These are
                zeros before the first step.

        Returns:
            log-probabilities (B, beam, V), and the next states.
        """
        count = len(self._attention.memory)
        memory, lengths, states = memory_and_states[:count], memory_and_states[count], memory_and_states[count + 1 :]
        states = tuple(selected(state, parents) for state in states)
        scores, states = self._advance(self._attention, tokens, memory, Frames.of(lengths, memory[0]), states)
        return torch.log_softmax(scores, dim=-1), *states

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_start` and `decoder_step`."""
        memory = tuple(
            spec.Tensor(name, (heads, "batch", "frames", size))
            for name, (heads, size) in self._attention.memory.items()
        )
        return (
            spec.Component(
                name="decoder_start",
                method="start",
                inputs=(spec.Tensor("encoder_out", ("batch", "frames", self.size)),),
                outputs=memory,
            ),
            spec.Component(
                name="decoder_step",
                method="step",
                inputs=(
                    *hypotheses(self.vocab_size),
                    *memory,
                    spec.Tensor("memory_lengths", ("batch",), "int64", length_of="frames"),
                ),
                outputs=(spec.Tensor("log_probs", ("batch", "beam", self.vocab_size)),),
                states=tuple(
                    spec.State(
                        spec.Tensor(name, (count, "batch", "parent", size)),
                        spec.Tensor(f"next_{name}", (count, "batch", "beam", size)),
                    )
                    for name, (count, size) in self._states(self._attention).items()
                ),
                initial={"parent": 1},
                attributes={"candidates_only": True},
            ),
        )

    @property
    def _attention(self) -> Attention:
        return cast(Attention, self.att_list[0])

    def _states(self, attention: Attention) -> dict[str, tuple[int, Any]]:
        """Each state's name with its first and last size."""
        return {**{name: (len(self.decoder), self.hidden_size) for name in self.state_names}, **attention.states}

    def _zeros(self, attention: Attention, memory: Tensor) -> tuple[Tensor, ...]:
        """States of one hypothesis for each utterance of memory (B, T, D), before the first token."""
        sizes = {"frames": memory.shape[1]}
        shapes = self._states(attention).values()
        return tuple(memory.new_zeros(count, len(memory), 1, sizes.get(size, size)) for count, size in shapes)

    def _advance(
        self,
        attention: Attention,
        tokens: Tensor,
        memory: Sequence[Tensor],
        frames: Frames,
        states: Sequence[Tensor],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (B, beam) and states (n, B, beam, ...) → scores (B, beam, V) and the next states."""
        count = len(self.state_names)
        recurrent, kept = states[:count], states[count:]
        context, kept = attention.step(self.dropout_dec[0](recurrent[0][0]), memory, frames, kept)
        x = torch.cat([self.dropout_emb(self.embed(tokens)), context], dim=-1)
        after = []
        for index, (cell, dropout) in enumerate(zip(self.decoder, self.dropout_dec, strict=True)):
            after.append(_run(cell, x, [state[index] for state in recurrent]))
            x = dropout(after[-1][0])
        x = torch.cat([x, context], dim=-1) if self.context_residual else x
        return self.output(x), (*(torch.stack(layers) for layers in zip(*after, strict=True)), *kept)


def _run(cell: nn.Module, x: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
    """Run a cell on x (B, beam, F) and its states (B, beam, S): the next states, the first of which is its output."""
    flat = [state.flatten(0, 1) for state in states]
    after = cell(x.flatten(0, 1), tuple(flat) if len(flat) > 1 else flat[0])
    return [part.view(states[0].shape) for part in (after if len(flat) > 1 else (after,))]
