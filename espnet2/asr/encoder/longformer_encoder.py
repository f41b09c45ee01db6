"""Conformer encoder with attention within a window (Beltagy et al. 2020, "Longformer")."""

from __future__ import annotations

import functools
from typing import Any

from torch import Tensor
from torch.nn.functional import pad
from typeguard import typechecked

from espnet.nets.pytorch_backend.conformer.convolution import ConvolutionModule
from espnet.nets.pytorch_backend.conformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.nets_utils import (
    choose,
    get_activation,
    make_pad_mask,
    require_positive,
    require_rates,
)
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.longformer_attention import LongformerAttention, LongformerSelfAttention
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.subsampling import (
    INPUT_LAYERS,
    Embedded,
    MakeInput,
    linear_input,
    token_input,
)
from espnet2.asr.encoder.stacked_encoder import StackedEncoder

CONVOLUTIONS = ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")
UNUSED_SIZE = 256  # of the normalisation that checkpoints have even where `normalize_before` is False
# Whether a frame attends to whole chunks; the first two modes give the same results.
MODES = {"sliding_chunks": False, "tvm": False, "sliding_chunks_no_overlap": True}


class LongformerEncoder(StackedEncoder):
    """Longformer encoder.

    As in upstream, each utterance is padded to a multiple of twice the largest window, and convolutions read the
    padding. Frames behind an utterance's length are no part of the result, though upstream's decoding reads them.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches, of the input layer, and of the attention weights.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: without effect, as in upstream.
        input_layer: "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear" or "embed".
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        macaron_style: feed-forward networks at both ends of a layer.
        rel_pos_type: "legacy" or "latest", without effect.
        pos_enc_layer_type: must be "abs_pos".
        selfattention_layer_type: must be "lf_selfattn".
        activation_type: a name in `nets_utils.ACTIVATIONS`.
        use_cnn_module: whether layers have a convolution module.
        zero_triu: without effect.
        cnn_module_kernel: kernel size of the convolution module, odd.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        interctc_layer_idx, interctc_use_conditioning: see `StackedEncoder`.
        attention_windows: visible frames on each side, for each layer.
        attention_dilation: distance between these, for each layer; above 1 for mode "tvm" only.
        attention_mode: "sliding_chunks", "tvm", or "sliding_chunks_no_overlap", where chunks of that many frames
            attend to themselves and their neighbours.
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
        input_layer: str = "conv2d",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 3,
        macaron_style: bool = False,
        rel_pos_type: str = "legacy",
        pos_enc_layer_type: str = "abs_pos",
        selfattention_layer_type: str = "lf_selfattn",
        activation_type: str = "swish",
        use_cnn_module: bool = True,
        zero_triu: bool = False,
        cnn_module_kernel: int = 31,
        padding_idx: int = -1,
        interctc_layer_idx: list[int] | tuple[int, ...] = (),
        interctc_use_conditioning: bool = False,
        attention_windows: list[int] | tuple[int, ...] = (100, 100, 100, 100, 100, 100),
        attention_dilation: list[int] | tuple[int, ...] = (1, 1, 1, 1, 1, 1),
        attention_mode: str = "sliding_chunks",
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks, linear_units=linear_units)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        choose("pos_enc_layer_type", pos_enc_layer_type, {"abs_pos": PositionalEncoding})
        choose("selfattention_layer_type", selfattention_layer_type, {"lf_selfattn": LongformerAttention})
        choose("rel_pos_type", rel_pos_type, {"legacy": None, "latest": None})
        whole_chunks = choose("attention_mode", attention_mode, MODES)
        per_layer = {"attention_windows": attention_windows, "attention_dilation": attention_dilation}
        for option, values in per_layer.items():
            if len(values) != num_blocks:
                raise ValueError(f"{option}: expected a number for each of {num_blocks} layers, found {len(values)}")
        if max(attention_dilation) > 1 and attention_mode != "tvm":
            raise ValueError(f"attention_dilation: expected 1 for {attention_mode}, found {max(attention_dilation)}")
        activation = get_activation(activation_type)
        feed_forward = feed_forward_maker(
            positionwise_layer_type, output_size, linear_units, positionwise_conv_kernel_size, dropout_rate, activation
        )
        inputs: dict[str, MakeInput] = {
            **{name: INPUT_LAYERS[name] for name in CONVOLUTIONS},
            "linear": linear_input,
            "embed": functools.partial(token_input, padding_idx=padding_idx),
        }

        def layer(index: int) -> EncoderLayer:
            windows = (attention_windows[index], attention_dilation[index], whole_chunks)
            return EncoderLayer(
                output_size,
                LongformerAttention(LongformerSelfAttention(attention_heads, output_size, dropout_rate, *windows)),
                feed_forward(),
                feed_forward() if macaron_style else None,
                ConvolutionModule(output_size, cnn_module_kernel, activation) if use_cnn_module else None,
                dropout_rate,
                normalize_before,
                concat_after,
            )

        make_input, pos_enc = choose("input_layer", input_layer, inputs), PositionalEncoding
        super().__init__(
            input_size,
            output_size,
            make_input(input_size, output_size, dropout_rate, pos_enc(output_size, positional_dropout_rate)),
            repeat(num_blocks, layer),
            normalize_before,
            interctc_layer_idx,
            interctc_use_conditioning,
        )
        if not normalize_before:
            self.after_norm = LayerNorm(UNUSED_SIZE)
        self.multiple = 2 * max(attention_windows)
        self.input_layer_reads_tokens = input_layer == "embed"

    def prepare(self, embedded: Embedded) -> tuple[Tensor, tuple[Any, ...]]:
        """Pad to a multiple of the window; padding is hidden from attention but not from convolutions."""
        x, _, lengths = embedded
        frames = self.filled(x.shape[1])
        x = x.masked_fill(make_pad_mask(lengths, x.shape[1]).unsqueeze(-1), 0.0)
        x = pad(x, (0, 0, 0, frames - x.shape[1]))
        bias = attention_bias(~make_pad_mask(lengths, frames).unsqueeze(1), x.dtype)
        return x, (bias, None, make_pad_mask(self.filled(lengths), frames).unsqueeze(-1))

    def filled(self, length: Any) -> Any:
        """Round a length, or lengths (B,), up to the multiple."""
        return (length + self.multiple - 1) // self.multiple * self.multiple

    def run_layers(self, embedded: Embedded, *args: Any, **options: Any) -> tuple[Any, Tensor, Tensor | None]:
        """Run all layers after the input layer, and cut the result to the input's length; see
        `StackedEncoder.run_layers`."""
        encoded, lengths, _ = super().run_layers(embedded, *args, **options)
        frames = embedded[0].shape[1]
        if isinstance(encoded, Tensor):
            return encoded[:, :frames], lengths, None
        last, hidden = encoded
        cut = [(h[0], h[1][:, :frames]) if isinstance(h, tuple) else h[:, :frames] for h in hidden]
        return (last[:, :frames], cut), lengths, None
