"""Global style tokens (Wang et al. 2018): the style of a reference utterance as a mixture of learned vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.rnn.ragged import run_ragged
from espnet.nets.pytorch_backend.transformer.attention import KEY, QUERY, VALUE
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention as BaseMultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.interface.spec import Length


class ReferenceEncoder(nn.Module):
    """Strided convolutions over time and frequency, then a GRU, whose last state is the result.

    Args:
        idim: F, size of the features.
        conv_layers: number of convolutions.
        conv_chans_list: their channels.
        conv_kernel_size: frames, and bins, that a kernel spans, odd.
        conv_stride: of both axes.
        gru_layers, gru_units: layers and size of the GRU.

    Attributes:
        idim: F.
        length: steps of the GRU as a formula of frames.

    Raises:
        ValueError: an even kernel, or another number of channels than layers.
    """

    def __init__(
        self,
        idim: int = 80,
        conv_layers: int = 6,
        conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        conv_kernel_size: int = 3,
        conv_stride: int = 2,
        gru_layers: int = 1,
        gru_units: int = 128,
    ):
        super().__init__()
        require_positive(gst_conv_layers=conv_layers, gst_conv_stride=conv_stride)
        self.idim = idim
        padding = same_padding(conv_kernel_size)
        if len(conv_chans_list) != conv_layers:
            found = f"found {len(conv_chans_list)}"
            raise UnfitOptionError(f"gst_conv_chans_list: expected {conv_layers} channels, one a layer, {found}")
        self.step = Length.conv(conv_kernel_size, conv_stride, padding)
        self.length, size = Length(), idim
        layers: list[nn.Module] = []
        for channels, out in pairwise((1, *conv_chans_list)):
            convolution = nn.Conv2d(channels, out, conv_kernel_size, conv_stride, padding, bias=False)
            layers += [convolution, nn.BatchNorm2d(out), nn.ReLU()]
            self.length, size = self.length.then(self.step), self.step(size)
        self.convs = nn.Sequential(*layers)
        self.gru = nn.GRU(conv_chans_list[-1] * size, gru_units, gru_layers, batch_first=True)

    def forward(self, speech: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Features (B, T, F), of which each utterance has `lengths` (B,) frames → (B, S)."""
        lengths = full_lengths(speech) if lengths is None else lengths
        hidden = speech.unsqueeze(1)
        for layer in self.convs:
            if isinstance(layer, nn.Conv2d):
                hidden = hidden.masked_fill(make_pad_mask(lengths, hidden.shape[2])[:, None, :, None], 0.0)
                lengths = self.step(lengths)
            hidden = layer(hidden)
        _, state = run_ragged(self.gru, hidden.transpose(1, 2).flatten(2), lengths)
        return state[-1]


class StyleTokenLayer(nn.Module):
    """Attention from a reference to learned tokens.

    Args:
        ref_embed_dim: size of the reference's vector.
        gst_tokens: number of tokens.
        gst_token_dim: D, size of the result.
        gst_heads: H.
        dropout_rate: dropout of the attention weights.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.
    """

    def __init__(
        self,
        ref_embed_dim: int = 128,
        gst_tokens: int = 10,
        gst_token_dim: int = 256,
        gst_heads: int = 4,
        dropout_rate: float = 0.0,
        use_sdpa: bool = False,
    ):
        super().__init__()
        require_positive(gst_tokens=gst_tokens, gst_heads=gst_heads)
        size = gst_token_dim // gst_heads
        self.gst_embs = nn.Parameter(torch.randn(gst_tokens, size))
        self.mha = MultiHeadedAttention(ref_embed_dim, size, size, gst_heads, gst_token_dim, dropout_rate)

    def forward(self, ref_embs: Tensor) -> Tensor:
        """Vectors (B, S) of references → styles (B, D)."""
        tokens = torch.tanh(self.gst_embs).expand(ref_embs.shape[0], -1, -1)
        return self.mha(ref_embs.unsqueeze(1), tokens, tokens, None).squeeze(1)


class MultiHeadedAttention(BaseMultiHeadedAttention):
    """Attention whose queries, keys and values have sizes of their own.

    Args:
        q_dim, k_dim, v_dim: these sizes.
        n_head: H.
        n_feat: D, a multiple of H.
        dropout_rate: dropout of the attention weights.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.
    """

    def __init__(
        self,
        q_dim: int,
        k_dim: int,
        v_dim: int,
        n_head: int,
        n_feat: int,
        dropout_rate: float = 0.0,
        use_sdpa: bool = False,
    ):
        super().__init__(n_head, n_feat, dropout_rate)
        for role, size in ((QUERY, q_dim), (KEY, k_dim), (VALUE, v_dim)):
            self.add_module(self.names[role], nn.Linear(size, n_feat))


class StyleEncoder(nn.Module):
    """Reference utterance to style.

    Args:
        idim: F, size of the features.
        gst_tokens: number of tokens.
        gst_token_dim: D, size of a style.
        gst_heads: H, of the attention to the tokens.
        conv_layers, conv_chans_list, conv_kernel_size, conv_stride, gru_layers, gru_units: see `ReferenceEncoder`.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.

    Attributes:
        size: D.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        idim: int = 80,
        gst_tokens: int = 10,
        gst_token_dim: int = 256,
        gst_heads: int = 4,
        conv_layers: int = 6,
        conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        conv_kernel_size: int = 3,
        conv_stride: int = 2,
        gru_layers: int = 1,
        gru_units: int = 128,
        use_sdpa: bool = False,
    ):
        super().__init__()
        self.ref_enc = ReferenceEncoder(
            idim, conv_layers, conv_chans_list, conv_kernel_size, conv_stride, gru_layers, gru_units
        )
        self.size = gst_token_dim
        self.stl = StyleTokenLayer(gru_units, gst_tokens, gst_token_dim, gst_heads)

    def forward(self, speech: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode references.

        Args:
            speech: features (B, T, F).
            lengths: (B,) int64 frames of each; None: all are T long. What lies in the padding does not matter.

        Returns:
            (B, D).
        """
        return self.stl(self.ref_enc(speech, lengths))
