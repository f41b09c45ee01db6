"""Front ends of the package transformers: wav2vec 2.0 (Baevski et al. 2020) and its relatives, on raw samples."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.pretrained.waveform import TimeNorm
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.interface.spec import Length
from espnet2.layers.frequency import parse_frequency
from espnet2.layers.hugging_face import feature_extractor, new_network, pretrained_network, read_config, require_type

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "unispeech-sat")
FLOOR = 1e-7  # added to the variance of the samples, by transformers' Wav2Vec2FeatureExtractor


class HuggingFaceFrontend(AbsFrontend):
    """Last hidden vectors of a pretrained waveform network. If `preprocessor_config.json` says so, samples are scaled
    to mean 0 and variance 1 first.

    Args:
        model: directory, or name in the hub's cache, of a model of one of `MODEL_TYPES`; nothing is downloaded.
        fs: sampling rate in Hz, which must be the model's.
        download_dir: where the hub's files are kept; transformers' own cache by default.
        load_pretrained: start from the published weights rather than random ones; see
            `reload_pretrained_parameters`.

    Raises:
        ValueError: the model is not there, is of another type, has an adapter, or another sampling rate.
        MissingPackageError: transformers is not installed.
    """

    @typechecked
    def __init__(
        self,
        model: Any,
        fs: int | str = 16000,
        download_dir: str | None = None,
        load_pretrained: bool = True,
    ):
        super().__init__()
        config = read_config("model", model, cache_dir=download_dir)
        require_type("model", config, MODEL_TYPES)
        if getattr(config, "add_adapter", False):
            raise ValueError("model: expected a model without adapter, found add_adapter: true")
        extractor = feature_extractor("model", model, download_dir)
        self.fs = parse_frequency(fs)
        if self.fs != extractor.sampling_rate:
            raise ValueError(f"fs: expected {extractor.sampling_rate}, the rate of the model, found {self.fs}")
        self.model, self.download_dir, self.load_pretrained = str(model), download_dir, load_pretrained
        self.scaled = bool(extractor.do_normalize)
        network: Any = new_network("AutoModel", config)
        self.normed_in_time = config.feat_extract_norm == "group"
        if self.normed_in_time:
            network.feature_extractor.conv_layers[0].layer_norm = TimeNorm(config.conv_dim[0])
        self.encoder: Any = network
        self.keeps_unprojected = config.model_type != "hubert"
        lengths = [Length.conv(*size) for size in zip(config.conv_kernel, config.conv_stride, strict=True)]
        self.first_length, self.length = lengths[0], functools.reduce(Length.then, lengths)

    def output_size(self) -> int:
        """D."""
        return self.encoder.config.hidden_size

    def reload_pretrained_parameters(self) -> None:
        """Load the published weights, from which training starts; raises `ValueError` if they are missing."""
        if self.load_pretrained:
            published = pretrained_network("AutoModel", self.model, self.encoder.config, self.download_dir)
            self.encoder.load_state_dict(published.state_dict())

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N) and lengths (B,) to vectors (B, T, D) and lengths (B,)."""
        real = make_non_pad_mask(input_lengths, input.shape[1])
        x = _scaled(input, real, input_lengths) if self.scaled else input
        x = self._convolved(x.masked_fill(~real, 0.0).unsqueeze(1), input_lengths)
        lengths = self.length(input_lengths)
        encoder: Any = self.encoder
        projected = encoder.feature_projection(x.transpose(1, 2))
        hidden = projected[0] if self.keeps_unprojected else projected
        with warnings.catch_warnings():  # WavLM's attention passes two kinds of masks to PyTorch
            warnings.filterwarnings("ignore", "Support for mismatched")
            encoded = encoder.encoder(hidden, make_non_pad_mask(lengths, x.shape[-1])).last_hidden_state
        return encoded, lengths

    def _convolved(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Scaled samples (B, 1, N) of lengths (B,) to features (B, C, T)."""
        first, *others = self.encoder.feature_extractor.conv_layers
        if self.normed_in_time:
            # With the layer's own forward, padding would change the statistics.
            x = first.conv(x)
            x = first.activation(first.layer_norm(x, self.first_length(lengths)))
        else:
            x = first(x)
        for convolution in others:
            x = convolution(x)
        return x


def _scaled(x: Tensor, real: Tensor, lengths: Tensor) -> Tensor:
    """Scale samples x (B, N) to mean 0 and variance 1 over each utterance; `real` (B, N) marks samples that are no
    padding."""
    count = lengths.unsqueeze(1).to(x.dtype)
    centred = x - x.masked_fill(~real, 0.0).sum(dim=1, keepdim=True) / count
    variance = centred.masked_fill(~real, 0.0).square().sum(dim=1, keepdim=True) / count
    return centred / (variance + FLOOR).sqrt()
