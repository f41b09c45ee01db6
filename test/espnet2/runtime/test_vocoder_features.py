"""Features of a synthesiser and of a vocoder: which differences are told."""

import dataclasses
from types import SimpleNamespace

import pytest
import synthesis_graphs

from espnet2.interface.errors import BundleError
from espnet2.interface.spec import Tensor
from espnet2.runtime.families.vocoder import VocoderSection
from espnet2.runtime.vocoder_features import mismatch, require_fit

OWN = {"fs": 8000, "n_mels": 8, "n_fft": 48, "n_shift": 12, "fmin": 0, "fmax": None, "htk": False}
OTHER = {"sampling_rate": 8000, "num_mels": 8, "fft_size": 48, "hop_size": 12, "fmin": None, "fmax": 4000}


def test_features_that_agree():
    assert mismatch(OWN, OTHER) is None
    assert mismatch({}, OTHER) is None and mismatch(OWN, {}) is None


@pytest.mark.parametrize("key", OTHER)
def test_features_that_differ(key):
    assert mismatch(OWN, {**OTHER, key: 64}).startswith(f"{key}: expected ")


def bundle(model, section, path) -> SimpleNamespace:
    components = {name: graph.component for name, graph in model.graphs.items()}
    return SimpleNamespace(components=components, section=section, path=path)


def of_units(bundle: SimpleNamespace, name: str, units: int) -> SimpleNamespace:
    """A bundle whose tensors of this name are units."""
    unit = Tensor(name, ("batch", "frames"), "int64", below=units)
    components = {
        key: dataclasses.replace(
            component,
            inputs=tuple(unit if tensor.name == name else tensor for tensor in component.inputs),
            outputs=tuple(unit if tensor.name == name else tensor for tensor in component.outputs),
        )
        for key, component in bundle.components.items()
    }
    return SimpleNamespace(**{**vars(bundle), "components": components})


def test_vocoders_of_units():
    own = bundle(synthesis_graphs.model(), synthesis_graphs.SECTION, "t")
    vocoder = bundle(synthesis_graphs.of_graphs(synthesis_graphs.vocoder()), VocoderSection(16000), "v")
    for units in (12, 15):
        require_fit(of_units(own, "feat_gen", 12), of_units(vocoder, "feats", units))
    for given, read, sentence in (
        (of_units(own, "feat_gen", 12), of_units(vocoder, "feats", 11), "12 discrete units, as t gives, found 11"),
        (of_units(own, "feat_gen", 12), vocoder, "v: expected 12 discrete units, as t gives, found features"),
        (own, of_units(vocoder, "feats", 5), "v: expected features, as t gives, found 5 discrete units"),
    ):
        with pytest.raises(BundleError, match=sentence):
            require_fit(given, read)


def test_vocoders_of_others_are_refused():
    own = synthesis_graphs.SECTION
    vocoder = bundle(synthesis_graphs.of_graphs(synthesis_graphs.vocoder()), VocoderSection(8000), "v")
    for model in (synthesis_graphs.model(), synthesis_graphs.stepwise_model()):
        require_fit(bundle(model, own, "t"), vocoder)
    for model, section, sentence in (
        (synthesis_graphs.latent_model(), own, "v: expected no vocoder, since t makes samples itself"),
        (
            synthesis_graphs.model(),
            dataclasses.replace(own, sample_rate=16000),
            "v: expected a sampling rate in Hz of 16000",
        ),
    ):
        with pytest.raises(BundleError, match=sentence):
            require_fit(bundle(model, section, "t"), vocoder)
    small = bundle(synthesis_graphs.of_graphs(synthesis_graphs.vocoder(4)), VocoderSection(8000), "v")
    with pytest.raises(BundleError, match="v: expected a number of features of 9, as t has, found 4"):
        require_fit(bundle(synthesis_graphs.model(), own, "t"), small)
