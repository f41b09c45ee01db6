"""Build blocks from their configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet2.asr_transducer.activation import get_activation
from espnet2.asr_transducer.encoder.abs_block import AbsBlock
from espnet2.asr_transducer.encoder.blocks.branchformer import Branchformer
from espnet2.asr_transducer.encoder.blocks.conformer import Conformer
from espnet2.asr_transducer.encoder.blocks.conv1d import Conv1d
from espnet2.asr_transducer.encoder.blocks.conv_input import VGG_SIZES, ConvInput
from espnet2.asr_transducer.encoder.blocks.ebranchformer import EBranchformer
from espnet2.asr_transducer.encoder.modules.attention import RelPositionMultiHeadedAttention
from espnet2.asr_transducer.encoder.modules.convolution import (
    ConformerConvolution,
    ConvolutionalSpatialGatingUnit,
    DepthwiseConvolution,
)
from espnet2.asr_transducer.encoder.modules.multi_blocks import MultiBlocks
from espnet2.asr_transducer.encoder.modules.positional_encoding import RelPositionalEncoding
from espnet2.asr_transducer.encoder.validation import Conf
from espnet2.asr_transducer.normalization import get_normalization


class MainParameters(NamedTuple):
    """Options shared by all blocks of an encoder; see `build_main_parameters`."""

    pos_wise_act: Callable[[], nn.Module]
    conv_mod_act: Callable[[], nn.Module]
    pos_enc_dropout_rate: float
    pos_enc_max_len: int
    simplified_att_score: bool
    norm_type: str
    conv_mod_norm_type: str
    after_norm_class: Callable[..., nn.Module]
    after_norm_args: Mapping[str, float]
    blockdrop_rate: float
    dynamic_chunk_training: bool
    short_chunk_threshold: float
    short_chunk_size: int
    num_left_chunks: int


@typechecked
def build_main_parameters(
    pos_wise_act_type: str = "swish",
    conv_mod_act_type: str = "swish",
    pos_enc_dropout_rate: float = 0.0,
    pos_enc_max_len: int = 5000,
    simplified_att_score: bool = False,
    norm_type: str = "layer_norm",
    conv_mod_norm_type: str = "layer_norm",
    after_norm_eps: float | None = None,
    after_norm_partial: float | None = None,
    blockdrop_rate: float = 0.0,
    dynamic_chunk_training: bool | str = False,
    short_chunk_threshold: float = 0.75,
    short_chunk_size: int = 25,
    num_left_chunks: int = 0,
    **activation_parameters: float,
) -> MainParameters:
    """Check the options of `main_conf`.

    Args:
        pos_wise_act_type: activation of feed-forward layers.
        conv_mod_act_type: activation of the Conformer's convolution module.
        pos_enc_dropout_rate: dropout of positional encodings.
        pos_enc_max_len: without effect.
        simplified_att_score: see `RelPositionMultiHeadedAttention`.
        norm_type: normalisation of blocks.
        conv_mod_norm_type: normalisation of the gated convolution.
        after_norm_eps, after_norm_partial: options of the normalisation after the last block.
        blockdrop_rate: see `MultiBlocks`.
        dynamic_chunk_training: use causal convolutions, and restrict attention to chunks in training; as in upstream,
            any text counts as true.
        short_chunk_threshold: chunks of more than this share of an utterance are extended to the whole of it.
        short_chunk_size: largest size of other chunks, in frames.
        num_left_chunks: visible chunks to the left; 0 for all.
        activation_parameters: see `espnet2.asr_transducer.activation`.

    Raises:
        ValueError: unknown names, or numbers out of range.
    """
    require_rates(pos_enc_dropout_rate=pos_enc_dropout_rate, blockdrop_rate=blockdrop_rate)
    require_positive(short_chunk_size=short_chunk_size)
    get_normalization(conv_mod_norm_type)
    after_norm_class, after_norm_args = get_normalization(norm_type, after_norm_eps, after_norm_partial)
    for name in (pos_wise_act_type, conv_mod_act_type):
        get_activation(name, **activation_parameters)
    return MainParameters(
        pos_wise_act=lambda: get_activation(pos_wise_act_type, **activation_parameters),
        conv_mod_act=lambda: get_activation(conv_mod_act_type, **activation_parameters),
        pos_enc_dropout_rate=pos_enc_dropout_rate,
        pos_enc_max_len=pos_enc_max_len,
        simplified_att_score=simplified_att_score,
        norm_type=norm_type,
        conv_mod_norm_type=conv_mod_norm_type,
        after_norm_class=after_norm_class,
        after_norm_args=after_norm_args,
        blockdrop_rate=blockdrop_rate,
        dynamic_chunk_training=bool(dynamic_chunk_training),
        short_chunk_threshold=short_chunk_threshold,
        short_chunk_size=short_chunk_size,
        num_left_chunks=num_left_chunks,
    )


def build_input_block(input_size: int, configuration: Conf, first: Conf) -> ConvInput:
    """Build the input block with the output size that the `first` block needs (a first `conv1d` block adapts
    itself)."""
    hidden, vgg_like = first.get("hidden_size"), configuration.get("vgg_like", False)
    conv_size = configuration.get("conv_size") or (VGG_SIZES if vgg_like else hidden or first["output_size"])
    output_size = None if first["block_type"] == "conv1d" else hidden
    return ConvInput(input_size, conv_size, configuration.get("subsampling_factor") or 4, vgg_like, output_size)


def build_positional_encoding(block_size: int, main: MainParameters) -> RelPositionalEncoding:
    """Build the positional encoding with the size of the first block."""
    return RelPositionalEncoding(block_size, main.pos_enc_dropout_rate, main.pos_enc_max_len)


def _attention(conf: Conf, main: MainParameters) -> RelPositionMultiHeadedAttention:
    rate = conf.get("att_dropout_rate", 0.0)
    return RelPositionMultiHeadedAttention(conf.get("heads", 4), conf["hidden_size"], rate, main.simplified_att_score)


def _feed_forward(conf: Conf, main: MainParameters) -> PositionwiseFeedForward:
    rate = conf.get("pos_wise_dropout_rate", 0.0)
    return PositionwiseFeedForward(conf["hidden_size"], conf["linear_size"], rate, main.pos_wise_act())


def _gating(conf: Conf, main: MainParameters) -> ConvolutionalSpatialGatingUnit:
    given = conf.get("conv_mod_norm_eps"), conf.get("conv_mod_norm_partial")
    norm_class, norm_args = get_normalization(main.conv_mod_norm_type, *given)
    return ConvolutionalSpatialGatingUnit(
        conf["linear_size"],
        conf["conv_mod_kernel_size"],
        norm_class,
        norm_args,
        conf.get("dropout_rate", 0.0),
        main.dynamic_chunk_training,
    )


def _shared(conf: Conf, main: MainParameters) -> dict[str, Any]:
    """Keywords of all blocks with attention."""
    norm_class, norm_args = get_normalization(main.norm_type, conf.get("norm_eps"), conf.get("norm_partial"))
    return {"norm_class": norm_class, "norm_args": norm_args, "dropout_rate": conf.get("dropout_rate", 0.0)}


def build_conformer_block(conf: Conf, size: int, main: MainParameters) -> Conformer:
    """Build a `conformer` block of `body_conf`."""
    given = {"eps": conf.get("conv_mod_norm_eps"), "momentum": conf.get("conv_mod_norm_momentum")}
    norm = {key: value for key, value in given.items() if value is not None}
    return Conformer(
        size,
        _attention(conf, main),
        _feed_forward(conf, main),
        _feed_forward(conf, main),
        ConformerConvolution(
            size, conf["conv_mod_kernel_size"], main.conv_mod_act(), norm, main.dynamic_chunk_training
        ),
        **_shared(conf, main),
    )


def build_branchformer_block(conf: Conf, size: int, main: MainParameters) -> Branchformer:
    """Build a `branchformer` block of `body_conf`."""
    return Branchformer(size, conf["linear_size"], _attention(conf, main), _gating(conf, main), **_shared(conf, main))


def build_ebranchformer_block(conf: Conf, size: int, main: MainParameters) -> EBranchformer:
    """Build an `ebranchformer` block of `body_conf`."""
    kernel = conf.get("depth_conv_kernel_size", conf["conv_mod_kernel_size"])
    return EBranchformer(
        size,
        conf["linear_size"],
        _attention(conf, main),
        _feed_forward(conf, main),
        _feed_forward(conf, main),
        _gating(conf, main),
        DepthwiseConvolution(size, kernel, main.dynamic_chunk_training),
        **_shared(conf, main),
    )


def build_conv1d_block(conf: Conf, size: int, main: MainParameters) -> Conv1d:
    """Build a `conv1d` block of `body_conf` for frames of the given size."""
    options = {key: value for key, value in conf.items() if key not in ("block_type", "num_blocks", "input_size")}
    return Conv1d(size, causal=main.dynamic_chunk_training, **options)


BLOCKS: dict[str, Callable[[Conf, int, MainParameters], AbsBlock]] = {
    "branchformer": build_branchformer_block,
    "conformer": build_conformer_block,
    "conv1d": build_conv1d_block,
    "ebranchformer": build_ebranchformer_block,
}


def build_body_blocks(body_conf: Sequence[Conf], size: int, output_size: int, main: MainParameters) -> MultiBlocks:
    """Build all blocks, for input frames of the given size, and the final normalisation."""
    return MultiBlocks(
        list(_blocks(body_conf, size, main)),
        output_size,
        main.after_norm_class,
        main.after_norm_args,
        main.blockdrop_rate,
    )


def _blocks(body_conf: Sequence[Conf], size: int, main: MainParameters) -> Iterator[AbsBlock]:
    for conf in body_conf:
        for _ in range(conf.get("num_blocks") or 1):
            yield BLOCKS[conf["block_type"]](conf, size, main)
            size = conf.get("hidden_size") or conf["output_size"]
