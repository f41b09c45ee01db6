"""Parts that synthesis models with durations have in common, built from the options of their constructors."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.conformer.encoder import Encoder as ConformerEncoder
from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictor
from espnet.nets.pytorch_backend.fastspeech.variance_predictor import VariancePredictor
from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.tacotron2.decoder import Postnet
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, ScaledPositionalEncoding
from espnet.nets.pytorch_backend.transformer.encoder import Encoder as TransformerEncoder
from espnet.nets.pytorch_backend.transformer.encoder import EncoderStack
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.interface.spec import Length
from espnet2.tts.gst.style_encoder import StyleEncoder

PADDING = 0  # the token that pads texts
EOS_LENGTH = Length(((0, 1, 1),))  # a text with its end symbol


def options_of(given: Mapping[str, Any]) -> Namespace:
    """The arguments of a constructor, of its `locals()`."""
    return Namespace(**{name: value for name, value in given.items() if name not in ("self", "__class__")})


def with_end(text: Tensor, lengths: Tensor, eos: int) -> tuple[Tensor, Tensor]:
    """Texts (B, U) of so many tokens (B,), with the token `eos` behind each: (B, U + 1), and its tokens (B,)."""
    positions = torch.arange(text.shape[1] + 1, device=text.device)
    text = pad(text, (0, 1), value=PADDING)
    return torch.where(positions == lengths.unsqueeze(1), eos, text), EOS_LENGTH(lengths)


def text_stack(options: Namespace) -> EncoderStack:
    """The encoder of tokens (B, U) int64."""
    of_conformer = {"cnn_module_kernel": options.conformer_enc_kernel_size, "zero_triu": options.zero_triu}
    rest = {"num_blocks": options.elayers, "linear_units": options.eunits, "padding_idx": PADDING}
    return _stack(options, "encoder", "enc", options.idim, of_conformer, input_layer="embed", **rest)


def frame_stack(options: Namespace) -> EncoderStack:
    """The decoder of hidden vectors (B, T, D) of frames."""
    of_conformer = {"cnn_module_kernel": options.conformer_dec_kernel_size}
    rest = {"num_blocks": options.dlayers, "linear_units": options.dunits}
    return _stack(options, "decoder", "dec", options.adim, of_conformer, input_layer=None, **rest)


def _stack(
    options: Namespace, name: str, short: str, size: int, of_conformer: Mapping[str, Any], **rest: Any
) -> EncoderStack:
    """Transformer or Conformer, with the options that have its name in theirs."""
    found = vars(options)
    arguments = {
        "attention_dim": options.adim,
        "attention_heads": options.aheads,
        "dropout_rate": found[f"transformer_{short}_dropout_rate"],
        "positional_dropout_rate": found[f"transformer_{short}_positional_dropout_rate"],
        "attention_dropout_rate": found[f"transformer_{short}_attn_dropout_rate"],
        "normalize_before": found[f"{name}_normalize_before"],
        "concat_after": found[f"{name}_concat_after"],
        "positionwise_layer_type": options.positionwise_layer_type,
        "positionwise_conv_kernel_size": options.positionwise_conv_kernel_size,
        **rest,
    }
    stacks: dict[str, Callable[[], EncoderStack]] = {
        "transformer": lambda: TransformerEncoder(
            size,
            pos_enc_class=ScaledPositionalEncoding if options.use_scaled_pos_enc else PositionalEncoding,
            **arguments,
        ),
        "conformer": lambda: ConformerEncoder(
            size,
            rel_pos_type=options.conformer_rel_pos_type,
            pos_enc_layer_type=options.conformer_pos_enc_layer_type,
            selfattention_layer_type=options.conformer_self_attn_layer_type,
            activation_type=options.conformer_activation_type,
            macaron_style=options.use_macaron_style_in_conformer,
            use_cnn_module=options.use_cnn_in_conformer,
            **of_conformer,
            **arguments,
        ),
    }
    return choose(f"{name}_type", found[f"{name}_type"], stacks)()


def alphas(stacks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """The trained factors of positional encodings, of the Transformers among stacks, by name.

    Those of a Conformer with `scaled_abs_pos` start from 1 and are no statistics of training, as in upstream.
    """
    positions = {name: stack.embed.positions for name, stack in stacks.items() if isinstance(stack, TransformerEncoder)}
    return {name: module.alpha for name, module in positions.items() if isinstance(module, ScaledPositionalEncoding)}


def style_encoder(options: Namespace, size: int) -> StyleEncoder:
    """The encoder of references, whose styles are of this size."""
    return StyleEncoder(
        idim=options.odim,
        gst_tokens=options.gst_tokens,
        gst_token_dim=size,
        gst_heads=options.gst_heads,
        conv_layers=options.gst_conv_layers,
        conv_chans_list=options.gst_conv_chans_list,
        conv_kernel_size=options.gst_conv_kernel_size,
        conv_stride=options.gst_conv_stride,
        gru_layers=options.gst_gru_layers,
        gru_units=options.gst_gru_units,
    )


def duration_predictor(options: Namespace) -> DurationPredictor:
    """The predictor of durations."""
    return DurationPredictor(
        options.adim,
        options.duration_predictor_layers,
        options.duration_predictor_chans,
        options.duration_predictor_kernel_size,
        options.duration_predictor_dropout_rate,
    )


def variance_predictor(options: Namespace, name: str) -> VariancePredictor:
    """The predictor of "pitch" or "energy"."""
    found = vars(options)
    layers, chans, kernel_size, dropout = (
        found[f"{name}_predictor_{part}"] for part in ("layers", "chans", "kernel_size", "dropout")
    )
    return VariancePredictor(options.adim, layers, chans, kernel_size, dropout_rate=dropout)


def variance_embedding(options: Namespace, name: str) -> nn.Sequential:
    """The convolution that makes vectors (B, D, U) of numbers (B, 1, U) of "pitch" or "energy"."""
    found = vars(options)
    kernel_size: int = found[f"{name}_embed_kernel_size"]
    convolution = nn.Conv1d(1, options.adim, kernel_size, padding=same_padding(kernel_size))
    return nn.Sequential(convolution, nn.Dropout(found[f"{name}_embed_dropout"]))


def postnet(options: Namespace, size: int) -> Postnet | None:
    """The postnet of features of this size, or None where the options have 0 layers."""
    if not options.postnet_layers:
        return None
    return Postnet(
        options.idim,
        size,
        options.postnet_layers,
        options.postnet_chans,
        options.postnet_filts,
        options.postnet_dropout_rate,
        options.use_batch_norm,
    )
