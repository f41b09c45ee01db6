"""Vocoders of the package parallel_wavegan, against that package's samples."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import vocoder_files
from zoo_kind import attribute

from espnet2.interface.errors import CheckpointError, ConfigError
from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import (
    GENERATORS,
    RENAMED,
    UNUSED,
    ParallelWaveGANPretrainedVocoder,
)


def _write(directory: Path, statistics: bool = False, kind: str = "hifigan", **keys) -> Path:
    generator_type, params, _ = vocoder_files.KINDS[kind]
    own = {RENAMED.get(name, name): value for name, value in params.items() if name not in UNUSED}
    return vocoder_files.write(directory, attribute(GENERATORS[generator_type])(**own), statistics, kind, **keys)


@torch.no_grad()
@pytest.mark.parametrize(("name", "statistics"), [("plain", False), ("normalised", True)])
@pytest.mark.parametrize("kind", vocoder_files.KINDS)
def test_samples_equal_the_package(kind, name, statistics, tmp_path, repo_dir):
    """Units are not normalised, whether there are statistics or not."""
    golden = np.load(repo_dir / "test" / "golden" / "vocoder" / f"{kind}.npz")
    expected, of_units = golden[name if name in golden else "plain"], kind.startswith("units")
    vocoder = ParallelWaveGANPretrainedVocoder(_write(tmp_path, statistics, kind))
    assert (vocoder.fs, vocoder.normalize_before) == (8000, statistics and not of_units)
    torch.manual_seed(0)
    found = vocoder(vocoder_files.read_by(kind)).numpy()
    (component,) = vocoder.components()
    assert found.shape == expected.shape == (component.lengths[0].length(9),)
    assert len(found) == 9 * 12 + (kind == "units")
    assert np.abs(found - expected).max() <= 1e-6 * max(1, np.abs(expected).max())


@torch.no_grad()
def test_weights_of_a_vocoder_load_again(tmp_path):
    """Those of one that is part of another model, with statistics and filters of bands."""
    path = _write(tmp_path, True, "multi-band")
    vocoder = ParallelWaveGANPretrainedVocoder(path)
    torch.save(vocoder.state_dict(), path)
    feats = torch.from_numpy(vocoder_files.FEATS)
    assert torch.equal(ParallelWaveGANPretrainedVocoder(path)(feats), vocoder(feats))


@torch.no_grad()
def test_statistics_of_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "stats.h5", "w") as file:
        file["mean"], file["scale"] = vocoder_files.STATISTICS
    (tmp_path / "other").mkdir()
    feats = torch.from_numpy(vocoder_files.FEATS)
    found = ParallelWaveGANPretrainedVocoder(_write(tmp_path, format="hdf5"))(feats)
    assert torch.equal(found, ParallelWaveGANPretrainedVocoder(_write(tmp_path / "other", True))(feats))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"generator_type": "UHiFiGANGenerator"}, "generator_type.*HiFiGANGenerator.*MelGAN.*found 'UHiFiGAN"),
        ({"kind": "units", "generator_params": {"upsample_kernel_sizes": [3, 3]}}, "upsample_kernel_sizes.*least"),
        ({"kind": "units", "generator_params": {"num_spk_embs": 3, "spk_emb_dim": 4}}, "spk_emb_dim.*in_channels 512"),
        ({"generator_type": "ParallelWaveGANGenerator"}, "generator_params.*channels"),
        ({"kind": "multi-band", "pqmf_params": {"taps": 31}}, "pqmf_params.*taps.*even.*31"),
        ({"kind": "multi-band", "pqmf_params": {"tap": 30}}, "pqmf_params.*tap"),
        ({"kind": "multi-band", "pqmf_params": 4}, "pqmf_params.*mapping.*int"),
        (
            {"generator_params": {**vocoder_files.PARAMS, "channels": "x"}},
            "expected those of HiFiG.*, found: .*channels",
        ),
        ({"generator_params": {"in_channels": 8, "causal": 1}}, "generator_params.*causal"),
        ({"generator_params": {**vocoder_files.PARAMS, "use_causal_conv": True}}, "use_causal_conv.*False.*True"),
        ({"generator_params": {**vocoder_files.PARAMS, "channels": 1 << 20}}, "channels.*at most 100000.*1048576"),
        (
            {"generator_params": {**vocoder_files.PARAMS, "channels": 90000, "kernel_size": 90001}},
            "expected a model that the weights, .* bytes, can fill",
        ),
        ({"generator_params": 3}, "generator_params.*mapping.*int"),
        ({"sampling_rate": "8k"}, "sampling_rate.*8k"),
        ({"num_mels": 40}, "num_mels: expected 8, which the generator reads, found 40"),
    ],
)
def test_configs_that_cannot_be_used(keys, sentence, tmp_path):
    with pytest.raises(ConfigError, match=sentence) as caught:
        ParallelWaveGANPretrainedVocoder(_write(tmp_path, **keys))
    assert str(tmp_path / "config.yml") in str(caught.value)


def test_weights_that_do_not_fit(tmp_path):
    path = _write(tmp_path, generator_params={**vocoder_files.PARAMS, "channels": 32})
    with pytest.raises(CheckpointError, match="another shape"):
        ParallelWaveGANPretrainedVocoder(path)


class _Code:
    def __reduce__(self):
        return os.getenv, ("HOME",)


def test_code_is_not_run(tmp_path):
    path = _write(tmp_path)
    torch.save({"model": {"generator": {}}, "code": _Code()}, path)
    with pytest.raises(CheckpointError, match=r"would run os\.getenv"):
        ParallelWaveGANPretrainedVocoder(path)


@pytest.mark.parametrize("statistics", [np.zeros((2, 3)), np.zeros((2, 8)), np.full((2, 8), np.nan)])
def test_statistics_that_cannot_be_used(statistics, tmp_path):
    path = _write(tmp_path)
    np.save(tmp_path / "stats.npy", statistics)
    with pytest.raises(CheckpointError, match="mean and scale of 8 features"):
        ParallelWaveGANPretrainedVocoder(path)


def test_damaged_statistics_are_named(tmp_path):
    path = _write(tmp_path)
    (tmp_path / "stats.npy").write_bytes(b"no array")
    with pytest.raises(CheckpointError, match=r"stats\.npy"):
        ParallelWaveGANPretrainedVocoder(path)


def test_a_missing_configuration_is_named_with_its_option(tmp_path):
    with pytest.raises(ConfigError, match=r"vocoder_file .*v\.pkl: expected config\.yml beside it, or vocoder_config"):
        ParallelWaveGANPretrainedVocoder(tmp_path / "v.pkl")
