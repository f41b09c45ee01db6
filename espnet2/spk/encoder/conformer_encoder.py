"""MFA-Conformer: a Conformer whose layers are all read (Zhang et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, full_lengths, make_pad_mask
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder

INPUT_LAYERS = ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")


class MfaConformerEncoder(AbsSpeakerEncoder):
    """A Conformer whose layers' outputs are put side by side and normalised.

    Args:
        input_layer: `conv2d`, `conv2d1`, `conv2d2`, `conv2d6` or `conv2d8`.
        padding_idx: not read; no input layer reads tokens.

    The other options are those of `espnet2.asr.encoder.conformer_encoder.ConformerEncoder`.

    Raises:
        ValueError: an unknown name or a number out of range.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | None = "conv2d2",
        normalize_before: bool = True,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 3,
        macaron_style: bool = False,
        rel_pos_type: str = "legacy",
        pos_enc_layer_type: str = "rel_pos",
        selfattention_layer_type: str = "rel_selfattn",
        activation_type: str = "swish",
        use_cnn_module: bool = True,
        zero_triu: bool = False,
        cnn_module_kernel: int = 31,
        stochastic_depth_rate: float | list[float] = 0.0,
        layer_drop_rate: float = 0.0,
        max_pos_emb_len: int = 5000,
        padding_idx: int | None = None,
        use_sdpa: bool = False,
    ):
        super().__init__()
        known: dict[str | None, str] = {name: name for name in INPUT_LAYERS}
        choose("input_layer", input_layer, known)
        stack = ConformerEncoder(
            input_size=input_size,
            output_size=output_size,
            attention_heads=attention_heads,
            linear_units=linear_units,
            num_blocks=num_blocks,
            dropout_rate=dropout_rate,
            positional_dropout_rate=positional_dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            input_layer=input_layer,
            normalize_before=normalize_before,
            positionwise_layer_type=positionwise_layer_type,
            positionwise_conv_kernel_size=positionwise_conv_kernel_size,
            macaron_style=macaron_style,
            rel_pos_type=rel_pos_type,
            pos_enc_layer_type=pos_enc_layer_type,
            selfattention_layer_type=selfattention_layer_type,
            activation_type=activation_type,
            use_cnn_module=use_cnn_module,
            zero_triu=zero_triu,
            cnn_module_kernel=cnn_module_kernel,
            stochastic_depth_rate=stochastic_depth_rate,
            layer_drop_rate=layer_drop_rate,
            max_pos_emb_len=max_pos_emb_len,
        )
        self.embed, self.encoders = stack.embed, stack.encoders
        self.input_size, self.length = input_size, stack.length
        self._output_size = output_size * num_blocks
        self.ln = LayerNorm(self._output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; T' is as `input_layer` says."""
        x, positions, lengths = self.embed(x, full_lengths(x) if lengths is None else lengths)
        padding = make_pad_mask(lengths, x.shape[1])
        context = attention_bias(~padding.unsqueeze(1), x.dtype), positions, padding.unsqueeze(-1)
        active = {index for index, _ in self.encoders.active()}
        outputs = []
        for index, layer in enumerate(self.encoders):
            x = layer(x, *context) if index in active else x
            outputs.append(x)
        return self.ln(torch.cat(outputs, dim=-1)).transpose(1, 2)
