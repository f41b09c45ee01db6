"""Postnet of Tacotron 2 (Shen et al. 2018, section 2.2)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding


class Postnet(nn.Module):
    """Convolutions over frames, all but the last with tanh, that predict what is to be added to features.

    Args:
        idim: not used; the size of the decoder's input.
        odim: F, size of the features.
        n_layers: number of convolutions.
        n_chans: channels between them.
        n_filts: frames that a kernel spans, odd.
        dropout_rate: dropout after each of them.
        use_batch_norm: whether batch normalisation follows each of them.
    """

    def __init__(
        self,
        idim: int,
        odim: int,
        n_layers: int = 5,
        n_chans: int = 512,
        n_filts: int = 5,
        dropout_rate: float = 0.5,
        use_batch_norm: bool = True,
    ):
        super().__init__()
        require_positive(postnet_layers=n_layers)
        require_rates(postnet_dropout_rate=dropout_rate)
        padding = same_padding(n_filts)
        sizes = [odim, *[n_chans] * (n_layers - 1), odim]
        self.postnet = nn.ModuleList()
        for index, (size, out) in enumerate(pairwise(sizes), 1):
            layers: list[nn.Module] = [nn.Conv1d(size, out, n_filts, padding=padding, bias=False)]
            layers += [nn.BatchNorm1d(out)] * use_batch_norm
            layers += [nn.Tanh()] * (index < n_layers)
            self.postnet.append(nn.Sequential(*layers, nn.Dropout(dropout_rate)))

    def forward(self, xs: Tensor, padding: Tensor | None = None) -> Tensor:
        """xs (B, F, T), padding (B, 1, T) bool, True at padded frames → (B, F, T)."""
        for layer in self.postnet:
            xs = layer(xs if padding is None else xs.masked_fill(padding, 0.0))
        return xs
