"""Classes that scripts import from the packages of synthesis models, by upstream's names."""

import importlib

import pytest

NAMES = {
    "espnet2.tts.fastspeech": "FastSpeech",
    "espnet2.tts.fastspeech2": "FastSpeech2",
    "espnet2.tts.prodiff": "ProDiff",
    "espnet2.tts.tacotron2": "Tacotron2",
    "espnet2.tts.transformer": "Transformer",
    "espnet2.tts.utils": "DurationCalculator ParallelWaveGANPretrainedVocoder",
    "espnet2.tts2.fastspeech2": "FastSpeech2Discrete",
    "espnet2.gan_tts.hifigan": "HiFiGANGenerator HiFiGANMultiScaleMultiPeriodDiscriminator HiFiGANPeriodDiscriminator",
    "espnet2.gan_tts.jets": "JETS",
    "espnet2.gan_tts.joint": "JointText2Wav",
    "espnet2.gan_tts.vits": "VITS",
}


@pytest.mark.parametrize("package", NAMES)
def test_package_has_upstreams_names(package):
    for name in NAMES[package].split():
        assert callable(getattr(importlib.import_module(package), name))
