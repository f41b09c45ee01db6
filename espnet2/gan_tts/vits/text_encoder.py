"""Text encoder of VITS (Kim et al. 2021, section 2.5.2), a Conformer."""

from __future__ import annotations

import math

from torch import Tensor, nn

from espnet.nets.pytorch_backend.conformer.encoder import Encoder
from espnet.nets.pytorch_backend.nets_utils import make_pad_mask


class TextEncoder(nn.Module):
    """Hidden vectors of tokens, and the prior distribution of their frames' latent vectors.

    Args:
        vocabs: V, number of tokens.
        attention_dim: D.
        attention_heads, linear_units, positionwise_layer_type, positionwise_conv_kernel_size, activation_type,
            normalize_before, dropout_rate, positional_dropout_rate, attention_dropout_rate: see the Conformer's
            `Encoder`.
        blocks: number of layers.
        positional_encoding_layer_type: `pos_enc_layer_type` of it.
        self_attention_layer_type: `selfattention_layer_type` of it.
        use_macaron_style: feed-forward networks at both ends of a layer.
        use_conformer_conv: whether layers have a convolution module.
        conformer_kernel_size: its kernel, odd.
    """

    def __init__(
        self,
        vocabs: int,
        attention_dim: int = 192,
        attention_heads: int = 2,
        linear_units: int = 768,
        blocks: int = 6,
        positionwise_layer_type: str = "conv1d",
        positionwise_conv_kernel_size: int = 3,
        positional_encoding_layer_type: str = "rel_pos",
        self_attention_layer_type: str = "rel_selfattn",
        activation_type: str = "swish",
        normalize_before: bool = True,
        use_macaron_style: bool = False,
        use_conformer_conv: bool = False,
        conformer_kernel_size: int = 7,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
    ):
        super().__init__()
        self.scale = math.sqrt(attention_dim)
        self.emb = nn.Embedding(vocabs, attention_dim)
        nn.init.normal_(self.emb.weight, 0.0, attention_dim**-0.5)
        self.encoder = Encoder(
            attention_dim,
            input_layer=None,
            attention_dim=attention_dim,
            attention_heads=attention_heads,
            linear_units=linear_units,
            num_blocks=blocks,
            positionwise_layer_type=positionwise_layer_type,
            positionwise_conv_kernel_size=positionwise_conv_kernel_size,
            pos_enc_layer_type=positional_encoding_layer_type,
            selfattention_layer_type=self_attention_layer_type,
            activation_type=activation_type,
            normalize_before=normalize_before,
            macaron_style=use_macaron_style,
            use_cnn_module=use_conformer_conv,
            cnn_module_kernel=conformer_kernel_size,
            dropout_rate=dropout_rate,
            positional_dropout_rate=positional_dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
        )
        self.proj = nn.Conv1d(attention_dim, attention_dim * 2, 1)

    def forward(self, x: Tensor, x_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode tokens.

        Args:
            x: (B, U) int64.
            x_lengths: (B,) int64.

        Returns:
            Hidden vectors (B, D, U), means and logarithms of scales of the prior (B, D, U), and the mask (B, 1, U), 1
            on tokens and 0 behind them.
        """
        real = (~make_pad_mask(x_lengths, x.shape[1])).unsqueeze(1)
        mask = real.to(self.emb.weight.dtype)
        hidden, _ = self.encoder(self.emb(x) * self.scale, real)
        hidden = hidden.transpose(1, 2) * mask
        mean, log_scale = (self.proj(hidden) * mask).chunk(2, dim=1)
        return hidden, mean, log_scale, mask
