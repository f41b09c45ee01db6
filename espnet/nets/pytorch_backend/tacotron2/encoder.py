"""Encoder of Tacotron 2 (Shen et al. 2018, section 2.2)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import (
    UnfitOptionError,
    choose,
    full_lengths,
    make_pad_mask,
    require_positive,
    require_rates,
)
from espnet.nets.pytorch_backend.rnn.ragged import run_ragged
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding


def encoder_init(m: nn.Module) -> None:
    """Draw the weights that training starts from, where `m` is a convolution that ReLU follows."""
    if isinstance(m, nn.Conv1d):
        nn.init.xavier_uniform_(m.weight, nn.init.calculate_gain("relu"))


class Encoder(nn.Module):
    """Convolutions over embedded tokens, then bidirectional recurrent layers.

    Args:
        idim: V, number of tokens, or the size of the input.
        input_layer: "embed" for tokens, "linear" for vectors.
        embed_dim: size of an embedding.
        elayers, eunits: number of recurrent layers, and D, the size of both directions; 0 layers: there are none.
        econv_layers, econv_chans, econv_filts: number of convolutions, their channels, and the tokens that a kernel
            spans, odd; 0 layers: there are none.
        use_batch_norm: batch normalisation follows each convolution.
        use_residual: each convolution adds to its input.
        dropout_rate: of the convolutions.
        padding_idx: the token that pads texts.

    Raises:
        ValueError: an option that does not fit.
    """

    def __init__(
        self,
        idim: int,
        input_layer: str = "embed",
        embed_dim: int = 512,
        elayers: int = 1,
        eunits: int = 512,
        econv_layers: int = 3,
        econv_chans: int = 512,
        econv_filts: int = 5,
        use_batch_norm: bool = True,
        use_residual: bool = False,
        dropout_rate: float = 0.5,
        padding_idx: int = 0,
    ):
        super().__init__()
        require_positive(idim=idim, embed_dim=embed_dim, eunits=eunits)
        require_rates(dropout_rate=dropout_rate)
        self.idim = idim
        self.use_residual = use_residual
        size = choose("input_layer", input_layer, {"embed": embed_dim, "linear": econv_chans})
        self.embed = nn.Embedding(idim, size, padding_idx) if input_layer == "embed" else nn.Linear(idim, size)
        if use_residual and econv_layers and size != econv_chans:
            raise UnfitOptionError(
                f"use_residual: expected econv_chans equal to embed_dim, found {econv_chans}, {size}"
            )
        self.convs = None
        if econv_layers > 0:
            sizes = [size] + [econv_chans] * econv_layers
            padding = same_padding(econv_filts)
            self.convs = nn.ModuleList()
            for size, out in pairwise(sizes):
                layers: list[nn.Module] = [nn.Conv1d(size, out, econv_filts, padding=padding, bias=False)]
                layers += [nn.BatchNorm1d(out)] * use_batch_norm
                self.convs.append(nn.Sequential(*layers, nn.ReLU(), nn.Dropout(dropout_rate)))
            size = econv_chans
        self.blstm = None
        if elayers > 0:
            self.blstm = nn.LSTM(size, eunits // 2, elayers, batch_first=True, bidirectional=True)
        self.apply(encoder_init)

    def forward(self, xs: Tensor, ilens: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode texts.

        Args:
            xs: (B, U) int64 tokens, or (B, U, V) vectors.
            ilens: (B,) int64 tokens of each; None: all have U. What lies in the padding does not matter.

        Returns:
            (B, U, D), zeros in the padding, and `ilens`.
        """
        lengths = full_lengths(xs) if ilens is None else torch.as_tensor(ilens, device=xs.device)
        padding = make_pad_mask(lengths, xs.shape[1]).unsqueeze(1)
        hidden = self.embed(xs).transpose(1, 2)
        for layer in self.convs or ():
            made = layer(hidden.masked_fill(padding, 0.0))
            hidden = hidden + made if self.use_residual else made
        hidden = hidden.transpose(1, 2)
        if self.blstm is None:
            return hidden.masked_fill(padding.transpose(1, 2), 0.0), lengths
        return run_ragged(self.blstm, hidden, lengths)[0], lengths

    def inference(self, x: Tensor) -> Tensor:
        """One text (U,), or (U, V) → (U, D)."""
        return self(x[None])[0][0]
