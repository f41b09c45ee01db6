"""Waveform encoders as fairseq builds them: sizes from a file or of published models, and training-only options."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.pretrained.files import read_model
from espnet.nets.pytorch_backend.pretrained.names import FAIRSEQ
from espnet.nets.pytorch_backend.pretrained.waveform import WaveformNetwork, WaveformSizes, require_convolutions
from espnet.nets.pytorch_backend.state_names import attach

MOST = 100  # convolutions; a limit against configurations that would fill the memory
NORMS = {"default": "group", "layer_norm": "layer"}
# Options of other network variants, with the only supported value of each.
FIXED: dict[str, Any] = {
    "activation_fn": "gelu",
    "layer_type": "transformer",
    "pos_conv_depth": 1,
    "quantize_input": False,
    "pos_enc_type": "abs",
    "attn_type": "",
}
# Options of wav2vec 2.0's quantiser, which only training reads, and other entries of fairseq's files.
QUANTISER = ("quantize_targets", "latent_dim", "latent_groups", "latent_vars", "finetuned", "classes")
SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads")
# Other options of fairseq's HuBERT: of the network, and of training.
NETWORK = (
    *("conv_bias", "conv_feature_layers", "conv_pos", "conv_pos_groups"),
    *("extractor_mode", "final_dim", "layer_norm_first", "target_glu"),
)
TRAINING = (
    *("activation_dropout", "attention_dropout", "dropout", "dropout_features", "dropout_input"),
    *("checkpoint_activations", "encoder_layerdrop", "feature_grad_mult", "fp16", "latent_temp", "logit_temp"),
    *("mask_length", "mask_prob", "mask_selection", "mask_other", "mask_min_space", "no_mask_overlap"),
    *("mask_channel_length", "mask_channel_prob", "mask_channel_selection", "mask_channel_other"),
    *("mask_channel_min_space", "no_mask_channel_overlap", "required_seq_len_multiple"),
    *("skip_masked", "skip_nomask", "untie_final_proj"),
)
# Further options of wav2vec 2.0's training and files, and of networks that `FIXED` rules out.
UNREAD = (
    *("_name", "label_rate", "sample_rate", "max_positions", "depthwise_conv_kernel_size", "crop_seq_to_multiple"),
    *("same_quantizer", "quantizer_depth", "quantizer_factor", "require_same_masks", "mask_dropout"),
    *("mask_channel_before", "num_negatives", "negatives_from_everywhere", "cross_sample_negatives"),
    *("codebook_negatives",),
)

Options = dict[str, Any]
_LARGE = {
    "encoder_layers": 24,
    "encoder_embed_dim": 1024,
    "encoder_ffn_embed_dim": 4096,
    "encoder_attention_heads": 16,
}
_NORMED = {**_LARGE, "extractor_mode": "layer_norm", "layer_norm_first": True}
_XLARGE = {**_NORMED, "encoder_layers": 48, "encoder_embed_dim": 1280, "encoder_ffn_embed_dim": 5120}
_QUANTIZED = {"quantize_targets": True}
# Files that fairseq's authors publish.
WAV2VEC2: dict[str, Options] = {
    "wav2vec_small.pt": {**_QUANTIZED, "final_dim": 256},
    "libri960_big.pt": {**_QUANTIZED, **_LARGE, "final_dim": 768},
    "wav2vec_vox_new.pt": {**_QUANTIZED, **_NORMED, "conv_bias": True, "final_dim": 768},
    "xlsr_53_56k.pt": {**_QUANTIZED, **_NORMED, "conv_bias": True, "final_dim": 768},
}
HUBERT: dict[str, Options] = {
    "hubert_base_ls960.pt": {"final_dim": 256, "classes": 504},
    "hubert_large_ll60k.pt": {**_NORMED, "final_dim": 768, "classes": 504},
    "hubert_xtralarge_ll60k.pt": {**_XLARGE, "final_dim": 1024, "classes": 504},
}


def options_of(url: str, directory: str, published: Mapping[str, Options], given: Options | None) -> Options:
    """The options of a network: those `given`, or those of the file in `directory`, or of a published one.

    A published file may hold classes of fairseq, which are not loaded; the network follows from the file's name.

    Raises:
        ValueError: none of these sources defines the network, or an option is unknown to fairseq.
    """
    name = url.rsplit("/", 1)[-1]
    path = Path(directory) / name
    if given is not None:
        check_names(given, (*SIZES, *QUANTISER, *NETWORK, *FIXED, *TRAINING, *UNREAD))
        return given
    if path.is_file():
        try:
            return _options_in(path)
        except ValueError:
            if name not in published:
                raise
    if name not in published:
        raise ValueError(
            f"{path}: expected the pretrained model's file, or one of {', '.join(published)}, found neither"
        )
    return published[name]


def _options_in(path: Path) -> Options:
    kind = "a model of fairseq with cfg or args, and model"
    content = read_model(path, kind, [argparse.Namespace])
    options, weights = _model_options(content.get("cfg") or content.get("args")), content.get("model")
    if options is None or not isinstance(weights, Mapping):
        raise ValueError(f"{path}: expected {kind}, found something else")
    embedded = weights.get("label_embs_concat")
    return options if embedded is None else {**options, "classes": len(embedded)}


def _model_options(config: Any) -> Options | None:
    """Options of the innermost network: fine-tuned models hold those of the model that they started from."""
    options = vars(config) if isinstance(config, argparse.Namespace) else config
    if not isinstance(options, Mapping) or not options:
        return None
    if options.get("model"):
        return _model_options(options["model"])
    inner = _model_options(options.get("w2v_args"))
    return dict(options) if inner is None else {**inner, "finetuned": True}


def check_names(options: Options, known: Collection[str] = (*NETWORK, *FIXED, *TRAINING)) -> None:
    """Raise `ValueError` for the name of an option that is not a known one, by default of fairseq's HuBERT."""
    for name in options:
        if name not in known:
            raise ValueError(f"unknown option {name!r}; known ones: {', '.join(known)}")


def sizes_of(options: Options) -> WaveformSizes:
    """Sizes of the network that fairseq's `options` describe.

    Raises:
        ValueError: an option of an unsupported network variant.
    """
    for name, value in FIXED.items():
        if options.get(name, value) != value:
            raise ValueError(f"{name}: expected {value!r}, found {options[name]!r}")
    default = WaveformSizes()
    return WaveformSizes(
        size=options.get("encoder_embed_dim", default.size),
        heads=options.get("encoder_attention_heads", default.heads),
        units=options.get("encoder_ffn_embed_dim", default.units),
        layers=options.get("encoder_layers", default.layers),
        normalize_before=options.get("layer_norm_first", default.normalize_before),
        norm=choose("extractor_mode", options.get("extractor_mode", "default"), NORMS),
        convolutions=convolutions_of(options.get("conv_feature_layers", list(default.convolutions))),
        conv_bias=options.get("conv_bias", default.conv_bias),
        positional_kernel=options.get("conv_pos", default.positional_kernel),
        positional_groups=options.get("conv_pos_groups", default.positional_groups),
    )


def convolutions_of(text: Any) -> tuple[tuple[int, int, int], ...]:
    """Read `[(512, 10, 5)] + [(512, 3, 2)] * 4`, sums and products of lists of channels, kernel and stride.

    Raises:
        ValueError: something else.
    """
    try:
        found = _evaluate(ast.parse(text, mode="eval").body) if isinstance(text, str) else text
        convolutions = tuple((int(channels), int(kernel), int(stride)) for channels, kernel, stride in found)
    except (SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"conv_feature_layers: expected [(channels, kernel, stride), ...], found {text!r}") from error
    require_convolutions("conv_feature_layers", convolutions)
    return convolutions


def _evaluate(node: ast.expr) -> Any:
    if not isinstance(node, ast.BinOp):
        return ast.literal_eval(node)
    left, right = _evaluate(node.left), _evaluate(node.right)
    if isinstance(left, list) and isinstance(node.op, ast.Add) and len(left) + len(right) <= MOST:
        return left + right
    if isinstance(left, list) and isinstance(node.op, ast.Mult) and len(left) * right <= MOST:
        return left * right
    raise ValueError(f"expected sums and products of at most {MOST} convolutions")


def network_of(options: Options) -> tuple[WaveformNetwork, int]:
    """Build the network, with training's mask embedding, and return it with the size of training's targets."""
    sizes = sizes_of(options)
    network = WaveformNetwork(sizes, FAIRSEQ, always_project=False)
    network.mask_emb = nn.Parameter(torch.rand(sizes.size))
    final = options.get("final_dim") or sizes.size
    if options.get("target_glu") and not options.get("finetuned"):
        attach(network, "target_glu.0", nn.Linear(final, 2 * final))
    return network, final


def wav2vec2(options: Options) -> WaveformNetwork:
    """wav2vec 2.0 (Baevski et al. 2020), with its quantiser and the projections of training, unless fine-tuned."""
    network, final = network_of(options)
    if options.get("finetuned"):
        return network
    channels = sizes_of(options).convolutions[-1][0]
    targets = channels
    if options.get("quantize_targets"):
        targets = options.get("latent_dim") or final
        groups, entries = options.get("latent_groups", 2), options.get("latent_vars", 320)
        attach(network, "quantizer.vars", nn.Parameter(torch.rand(1, groups * entries, targets // groups)))
        attach(network, "quantizer.weight_proj", nn.Linear(channels, groups * entries))
    network.project_q = nn.Linear(targets, final)
    network.final_proj = nn.Linear(network.size, final)
    return network


def hubert(options: Options) -> WaveformNetwork:
    """HuBERT (Hsu et al. 2021), with the embeddings of its classes, unless fine-tuned."""
    network, final = network_of(options)
    if not options.get("finetuned"):
        network.label_embs_concat = nn.Parameter(torch.rand(options.get("classes", 504), final))
    network.final_proj = nn.Linear(network.size, final)
    return network
