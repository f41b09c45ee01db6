"""HuBERT (Hsu et al. 2021) in torchaudio's and in fairseq's form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.pretrained import fairseq
from espnet.nets.pytorch_backend.pretrained.names import TORCHAUDIO
from espnet.nets.pytorch_backend.pretrained.waveform import (
    BASE_CONVOLUTIONS,
    WaveformNetwork,
    WaveformSizes,
    require_convolutions,
)
from espnet.nets.pytorch_backend.state_names import attach
from espnet.nets.pytorch_backend.transformer.positional_convolution import require_groups
from espnet2.asr.encoder.waveform_encoder import Projected, WaveformEncoder
from espnet2.interface.errors import ConfigError
from espnet2.utils.text_file import lines_of

EXTRACTOR_MODES = {"group_norm": "group", "layer_norm": "layer"}
_CONVOLUTIONS = [list(convolution) for convolution in BASE_CONVOLUTIONS]


class TorchAudioHuBERTPretrainEncoder(WaveformEncoder):
    """HuBERT with torchaudio's names, as ESPnet's own recipes pretrain it.

    Parameters that only pretraining reads (mask embedding, classes) are kept, since checkpoints hold them. The output
    is that of the network without masking, which is upstream's output if `finetuning` is true.

    Args:
        input_size: not used; the input is samples.
        extractor_mode: "group_norm" over time after the first convolution, or "layer_norm" after every one.
        extractor_conv_layer_config: channels, kernel and stride of each convolution over samples.
        extractor_conv_bias: whether these have a bias.
        encoder_embed_dim: D.
        encoder_pos_conv_kernel, encoder_pos_conv_groups: of the convolution that encodes positions.
        encoder_num_layers: number of layers.
        encoder_num_heads: H.
        encoder_ff_interm_features: size between the feed-forward layers.
        encoder_layer_norm_first: normalise before (True) or after (False) each branch.
        num_classes, final_dim: sizes of the class embeddings, which only pretraining reads.
    """

    @typechecked
    def __init__(
        self,
        input_size: int | None = None,
        extractor_mode: str = "group_norm",
        extractor_conv_layer_config: list[list[int]] | None = _CONVOLUTIONS,
        extractor_conv_bias: bool = False,
        encoder_embed_dim: int = 768,
        encoder_projection_dropout: float = 0.1,
        encoder_pos_conv_kernel: int = 128,
        encoder_pos_conv_groups: int = 16,
        encoder_num_layers: int = 12,
        encoder_num_heads: int = 12,
        encoder_attention_dropout: float = 0.1,
        encoder_ff_interm_features: int = 3072,
        encoder_ff_interm_dropout: float = 0.0,
        encoder_dropout: float = 0.1,
        encoder_layer_norm_first: bool = False,
        encoder_layer_drop: float = 0.05,
        mask_prob: float = 0.8,
        mask_selection: str = "static",
        mask_other: float = 0.0,
        mask_length: int = 10,
        no_mask_overlap: bool = False,
        mask_min_space: int = 1,
        mask_channel_prob: float = 0.0,
        mask_channel_selection: str = "static",
        mask_channel_other: float = 0.0,
        mask_channel_length: int = 10,
        no_mask_channel_overlap: bool = False,
        mask_channel_min_space: int = 1,
        skip_masked: bool = False,
        skip_nomask: bool = False,
        num_classes: int = 100,
        final_dim: int = 256,
        feature_grad_mult: float | None = 0.1,
        finetuning: bool = False,
        freeze_encoder_updates: int = 0,
    ):
        super().__init__()
        require_rates(encoder_dropout=encoder_dropout, encoder_layer_drop=encoder_layer_drop)
        convolutions = extractor_conv_layer_config or _CONVOLUTIONS
        require_convolutions("extractor_conv_layer_config", convolutions)
        require_positive(encoder_pos_conv_kernel=encoder_pos_conv_kernel)
        require_groups("encoder_pos_conv_groups", encoder_embed_dim, encoder_pos_conv_groups)
        sizes = WaveformSizes(
            size=encoder_embed_dim,
            heads=encoder_num_heads,
            units=encoder_ff_interm_features,
            layers=encoder_num_layers,
            normalize_before=encoder_layer_norm_first,
            norm=choose("extractor_mode", extractor_mode, EXTRACTOR_MODES),
            convolutions=tuple(map(tuple, convolutions)),  # type: ignore[arg-type]
            conv_bias=extractor_conv_bias,
            positional_kernel=encoder_pos_conv_kernel,
            positional_groups=encoder_pos_conv_groups,
        )
        self._output_size = encoder_embed_dim
        model = nn.Module()
        model.wav2vec2 = WaveformNetwork(sizes, TORCHAUDIO)
        attach(model, "mask_generator.mask_embedding", nn.Parameter(torch.rand(encoder_embed_dim)))
        attach(model, "logit_generator.label_embeddings", nn.Parameter(torch.rand(num_classes, final_dim)))
        attach(model, "logit_generator.final_proj", nn.Linear(encoder_embed_dim, final_dim))
        self.hubert_pretrain_model = model
        self.length = self.network.length
        self.register_buffer("global_step", torch.zeros(1, dtype=torch.int64))

    @property
    def network(self) -> WaveformNetwork:
        """The network without the parameters that only pretraining reads."""
        return self.hubert_pretrain_model.wav2vec2  # type: ignore[return-value]


class FairseqHubertEncoder(Projected):
    """HuBERT with fairseq's names, fine-tuned with a projection and a normalisation of its own.

    The sizes of the network come from `hubert_conf`, from the file in `hubert_dir_path` that `hubert_url` ends with, or
    from the table of published files. Weights come from the checkpoint.

    Args:
        input_size: not used; the input is samples.
        hubert_url: address of the pretrained file; its name is looked for in `hubert_dir_path`.
        hubert_dir_path: directory of that file.
        output_size: D.
        normalize_before: normalise the output.
        freeze_finetune_updates and the following: of training.
        hubert_conf: options of fairseq's model, for networks whose file is missing and not a published one.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        hubert_url: str = "./",
        hubert_dir_path: str = "./",
        output_size: int = 256,
        normalize_before: bool = False,
        freeze_finetune_updates: int = 0,
        dropout_rate: float = 0.0,
        activation_dropout: float = 0.1,
        attention_dropout: float = 0.0,
        mask_length: int = 10,
        mask_prob: float = 0.75,
        mask_selection: str = "static",
        mask_other: int = 0,
        apply_mask: bool = True,
        mask_channel_length: int = 64,
        mask_channel_prob: float = 0.5,
        mask_channel_other: int = 0,
        mask_channel_selection: str = "static",
        layerdrop: float = 0.1,
        feature_grad_mult: float = 0.0,
        hubert_conf: dict | None = None,
    ):
        require_rates(dropout_rate=dropout_rate, layerdrop=layerdrop)
        options = fairseq.options_of(hubert_url, hubert_dir_path, fairseq.HUBERT, hubert_conf)
        super().__init__(fairseq.hubert(options), output_size, normalize_before)


SPECIAL = 4  # symbols that fairseq adds to a dictionary


class FairseqHubertPretrainEncoder(WaveformEncoder):
    """HuBERT with fairseq's names, as it is pretrained; the output is that of the network without masking.

    Only the number of lines is read from the file `hubert_dict`, if it exists.

    Args:
        input_size: not used; the input is samples.
        output_size: D.
        linear_units: size between the feed-forward layers.
        attention_heads: H.
        num_blocks: number of layers.
        hubert_dict: pretraining's file with one class per line; without it there is one class.
        kwargs: further options of fairseq's model.
        label_rate and others that are not named here: of training.
    """

    @typechecked
    def __init__(
        self,
        input_size: int = 1,
        output_size: int = 1024,
        linear_units: int = 1024,
        attention_heads: int = 12,
        num_blocks: int = 12,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        activation_dropout_rate: float = 0.0,
        hubert_dict: str = "./dict.txt",
        label_rate: int = 100,
        checkpoint_activations: bool = False,
        sample_rate: int = 16000,
        use_amp: bool = False,
        **kwargs: Any,
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate)
        fairseq.check_names(kwargs)
        path = Path(hubert_dict)
        classes = (
            sum(1 for _ in lines_of(path, "a dictionary of fairseq", ConfigError)) if path.is_file() else SPECIAL + 1
        )
        options = {
            "encoder_embed_dim": output_size,
            "encoder_ffn_embed_dim": linear_units,
            "encoder_attention_heads": attention_heads,
            "encoder_layers": num_blocks,
            "classes": classes,
            **kwargs,
        }
        self.encoder = fairseq.hubert(options)
        self._output_size = output_size
        self.length = self.encoder.length

    @property
    def network(self) -> WaveformNetwork:
        """The network."""
        return self.encoder
