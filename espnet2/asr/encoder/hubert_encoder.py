"""HuBERT (Hsu et al. 2021) as torchaudio and as fairseq build it."""

from __future__ import annotations

import torch
from torch import nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_rates
from espnet.nets.pytorch_backend.pretrained.names import TORCHAUDIO, attach
from espnet.nets.pytorch_backend.pretrained.waveform import BASE_CONVOLUTIONS, WaveformNetwork, WaveformSizes
from espnet2.asr.encoder.waveform_encoder import WaveformEncoder

EXTRACTOR_MODES = {"group_norm": "group", "layer_norm": "layer"}
_CONVOLUTIONS = [list(convolution) for convolution in BASE_CONVOLUTIONS]


class TorchAudioHuBERTPretrainEncoder(WaveformEncoder):
    """HuBERT with torchaudio's names, as ESPnet's own recipes pretrain it.

    What only pretraining reads (masks, classes, how long the encoder is frozen, gradients' weight) is kept where
    checkpoints hold it and otherwise not looked at; the output is that of a network without masks, which upstream gives
    where `finetuning` is true.

    Args:
        input_size: not looked at; samples come in.
        extractor_mode: "group_norm" over time after the first convolution, or "layer_norm" after every one.
        extractor_conv_layer_config: channels, kernel and stride of each convolution over samples.
        extractor_conv_bias: whether these have a bias.
        encoder_embed_dim: D.
        encoder_pos_conv_kernel, encoder_pos_conv_groups: of the convolution that encodes positions.
        encoder_num_layers: number of layers.
        encoder_num_heads: H.
        encoder_ff_interm_features: size between the feed-forward layers.
        encoder_layer_norm_first: normalise before (True) or after (False) each branch.
        num_classes, final_dim: sizes of the embeddings of classes, which only pretraining reads.
    """

    @typechecked
    def __init__(
        self,
        input_size: int | None = None,
        extractor_mode: str = "group_norm",
        extractor_conv_layer_config: list[list[int]] | None = _CONVOLUTIONS,  # noqa: B006 - never changed
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
        sizes = WaveformSizes(
            size=encoder_embed_dim,
            heads=encoder_num_heads,
            units=encoder_ff_interm_features,
            layers=encoder_num_layers,
            normalize_before=encoder_layer_norm_first,
            norm=choose("extractor_mode", extractor_mode, EXTRACTOR_MODES),
            convolutions=tuple(map(tuple, extractor_conv_layer_config or _CONVOLUTIONS)),  # type: ignore[arg-type]
            conv_bias=extractor_conv_bias,
            positional_kernel=encoder_pos_conv_kernel,
            positional_groups=encoder_pos_conv_groups,
        )
        self.input_size = 1
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
        """The network without what only pretraining reads."""
        return self.hubert_pretrain_model.wav2vec2  # type: ignore[return-value]
