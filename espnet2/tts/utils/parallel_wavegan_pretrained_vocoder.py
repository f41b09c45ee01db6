"""Vocoders as the package parallel_wavegan saves them: weights, config.yml and statistics of the features."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from espnet2.fileio.arrays import read_array
from espnet2.fileio.hdf5 import open_hdf5, read_dataset
from espnet2.interface.errors import CheckpointError, ConfigError, kind_of, listed, shortened
from espnet2.interface.spec import Component
from espnet2.torch_utils.checkpoint import load_checkpoint, load_state
from espnet2.torch_utils.size_limit import bounded, require_sizes
from espnet2.utils.yaml_file import read_mapping

GENERATORS = {
    "DiscreteSymbolHiFiGANGenerator": "espnet2.gan_tts.hifigan.discrete_symbol:DiscreteSymbolHiFiGANGenerator",
    "HiFiGANGenerator": "espnet2.gan_tts.hifigan.hifigan:HiFiGANGenerator",
    "MelGANGenerator": "espnet2.gan_tts.melgan.melgan:MelGANGenerator",
    "ParallelWaveGANGenerator": "espnet2.gan_tts.parallel_wavegan.parallel_wavegan:ParallelWaveGANGenerator",
    "StyleMelGANGenerator": "espnet2.gan_tts.style_melgan.style_melgan:StyleMelGANGenerator",
}
DEFAULT = "ParallelWaveGANGenerator"  # of a config that names none
# Options that have only this value here; the package itself cannot run generators of another `concat_spk_emb`.
UNUSED: Mapping[str, Any] = {"use_causal_conv": False, "concat_spk_emb": False}
RENAMED = {"dropout": "dropout_rate"}  # options with another name here
# Releases up to this one joined bands by filters of another cutoff frequency.
FORMER_BANDS, FORMER_CUTOFF = (0, 4, 2), 0.15
BANDS = "pqmf."  # beginning of the filters' names, which a checkpoint of the package has not
CONFIG = "config.yml"  # beside the weights
STATISTICS = ("mean", "scale")
GAIN, HELD = ".weight_g", "vocoder."  # ends and beginnings of names of weights


class ParallelWaveGANPretrainedVocoder(nn.Module):
    """Features, or discrete units, to samples.

    Args:
        model_file: checkpoint-*.pkl, of which the generator's weights are read.
        config_file: its configuration; None: config.yml beside it. Statistics (stats.h5 or stats.npy) lie there, too,
            where the features are normalised.

    Attributes:
        fs: sampling rate in Hz.
        normalize_before: whether features are normalised first.

    Raises:
        ConfigError: the configuration cannot be used.
        CheckpointError: the weights do not fit it.
    """

    mean: Any
    scale: Any
    vocoder: Any

    def __init__(self, model_file: Path | str | None, config_file: Path | str | None = None):
        super().__init__()
        if model_file is None and config_file is None:
            raise ConfigError("vocoder: expected a file of weights or a config, found neither")
        path = Path(config_file) if config_file is not None else Path(str(model_file)).with_name(CONFIG)
        if config_file is None and not path.is_file():
            raise ConfigError(
                f"vocoder_file {model_file}: expected {CONFIG} beside it, or vocoder_config, found neither"
            )
        config = read_mapping(path)
        self.fs = _whole(config, "sampling_rate", path)
        self.features = {
            name: config[name] for name in ("num_mels", "hop_size", "fft_size", "fmin", "fmax") if name in config
        }
        self.vocoder = _generator(config, path, model_file)
        mels, size = self.features.get("num_mels", self.vocoder.in_channels), self.vocoder.in_channels
        if mels != size and not self.vocoder.units:
            raise ConfigError(f"{path}: num_mels: expected {size}, which the generator reads, found {mels!r}")
        self.normalize_before = False
        if model_file is not None:
            state = own_weights(load_checkpoint(model_file, part="generator"))
            if not any(name.endswith(GAIN) for name in state):
                self.vocoder.remove_weight_norm()
            load_state(self.vocoder, state, model_file)
        _join_bands(self.vocoder, config, path)
        if model_file is not None and not self.vocoder.units:
            self._read_statistics(Path(model_file).parent, str(config.get("format", "npy")))
        self.vocoder.remove_weight_norm()
        self.eval()

    def _read_statistics(self, directory: Path, kind: str) -> None:
        """Register mean and scale of the features where there is a file of them."""
        path = directory / ("stats.h5" if kind == "hdf5" else "stats.npy")
        if not path.is_file():
            return
        found = read_statistics(path)
        size = self.vocoder.in_channels
        if found.shape != (2, size) or not np.isfinite(found).all() or not found[1].all():
            raise CheckpointError(f"{path}: expected finite mean and scale of {size} features, found {found.shape}")
        for name, values in zip(STATISTICS, found, strict=True):
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)))
        self.normalize_before = True

    def forward(self, feats: Tensor, f0: Tensor | None = None) -> Tensor:
        """Features (T, F), or units (T, 1) → samples (N,), of drawn noise where the vocoder reads some; `f0` is not
        used."""
        return self.vocoder.inference(self._normalized(feats))[:, 0]

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F) or units (B, T), and what the graph reads beside them → samples (B, N)."""
        return self.vocoder.generate(self._normalized(feats), *further)

    def _normalized(self, feats: Tensor) -> Tensor:
        return (feats - self.mean) / self.scale if self.normalize_before else feats

    def components(self) -> tuple[Component, ...]:
        """The graph "vocoder"."""
        return self.vocoder.components()

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """The graph of the vocoder, with this module."""
        return tuple((self, component) for component in self.components())


def own_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a generator, or of a `ParallelWaveGANPretrainedVocoder` that holds it, without statistics and
    filters of bands."""
    held = any(name.startswith(HELD) for name in state)
    own = {name.removeprefix(HELD): value for name, value in state.items() if name.startswith(HELD) or not held}
    return {name: value for name, value in own.items() if not name.startswith(BANDS)}


def read_statistics(path: Path) -> np.ndarray:
    """Mean and scale (2, F) of a file; raises `CheckpointError` for another content."""
    expected = "statistics of features"
    if path.suffix != ".h5":
        return read_array(path, expected, CheckpointError)
    with open_hdf5(path, expected, CheckpointError) as file:
        found = [read_dataset(file, name, path, CheckpointError) for name in STATISTICS]
    if found[0].shape != found[1].shape:
        raise CheckpointError(f"{path}: expected {expected}, found {found[0].shape} and {found[1].shape}")
    return np.stack(found)


def _whole(config: Mapping[str, Any], name: str, path: Path) -> int:
    value = config.get(name)
    if type(value) is not int or value < 1:
        raise ConfigError(f"{path}: {name}: expected a positive number, found {shortened(repr(value), 80)}")
    return value


def _join_bands(generator: Any, config: Mapping[str, Any], path: Path) -> None:
    """Have filters join what a MelGAN with several channels gives, which are bands."""
    if not hasattr(generator, "join_bands") or generator.out_channels == 1:
        return
    version = [int(part) for part in re.findall(r"\d+", str(config.get("version", "0")))[:3]]
    options = {"cutoff_ratio": FORMER_CUTOFF} if tuple(version) <= FORMER_BANDS else {}
    given = config.get("pqmf_params", options)
    if not isinstance(given, Mapping):
        raise ConfigError(f"{path}: pqmf_params: expected a mapping, found {kind_of(given)}")
    try:
        require_sizes("pqmf_params", given)
        generator.join_bands(**given)
    except Exception as error:
        raise ConfigError(f"{path}: pqmf_params: {listed(str(error).splitlines())}") from error


def _generator(config: Mapping[str, Any], path: Path, weights: Path | str | None) -> nn.Module:
    """The generator that a config describes, with fresh weights, which others are to fill."""
    kind, options = config.get("generator_type", DEFAULT), config.get("generator_params", {})
    if kind not in GENERATORS:
        found = shortened(repr(kind), 80)
        raise ConfigError(f"{path}: generator_type: expected one of {', '.join(GENERATORS)}, found {found}")
    if not isinstance(options, Mapping):
        raise ConfigError(f"{path}: generator_params: expected a mapping, found {kind_of(options)}")
    for name, value in UNUSED.items():
        if options.get(name, value) != value:
            raise ConfigError(f"{path}: generator_params.{name}: expected {value}, found {options[name]!r}")
    module, name = GENERATORS[kind].split(":")
    used: dict[str, Any] = {
        str(RENAMED.get(name, name)): value for name, value in options.items() if name not in UNUSED
    }
    try:
        require_sizes("generator_params", used)
        with bounded(weights):
            return getattr(importlib.import_module(module), name)(**used)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except Exception as error:
        found = listed(str(error).splitlines())
        raise ConfigError(f"{path}: generator_params: expected those of {kind}, found: {found}") from error
