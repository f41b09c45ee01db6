"""Parts of end-to-end models, built of a configuration."""

from typing import Any

import pytest

from espnet2.gan_tts.jets.jets import JETS
from espnet2.gan_tts.joint.joint_text2wav import JointText2Wav
from espnet2.gan_tts.vits.vits import VITS

TEXT2MEL: dict[str, Any] = {"text2mel_params": {"adim": 4, "elayers": 1, "dlayers": 1, "eunits": 4, "dunits": 4}}
VOCODER: dict[str, Any] = {**TEXT2MEL, "vocoder_params": {"channels": 16}}


@pytest.mark.parametrize(
    ("model", "options", "place"),
    [
        (JETS, {"generator_params": {"adims": 4}}, "generator_params.adims: expected an option of JETSGenerator"),
        (JETS, {"generator_params": {"generator_x": 4}}, "generator_params.generator_x: expected an option of JETS"),
        (VITS, {"generator_params": {"x": 4}}, "generator_params.x: expected an option of VITSGenerator"),
        (JointText2Wav, {"text2mel_params": {"x": 4}}, "text2mel_params.x: expected an option of FastSpeech2"),
        (JointText2Wav, {**TEXT2MEL, "vocoder_params": {"x": 4}}, "vocoder_params.x: expected an option of HiFiGAN"),
        (JointText2Wav, {**VOCODER, "discriminator_params": {"x": 4}}, "discriminator_params.x: expected an option of"),
        (JointText2Wav, {**VOCODER, "mel_loss_params": {"x": 4}}, "mel_loss_params.x: expected an option of MelSpec"),
        (JointText2Wav, {**VOCODER, "use_pqmf": True, "pqmf_params": {"x": 4}}, "pqmf_params.x: expected an option of"),
    ],
)
def test_unknown_options_are_named_with_their_keys(model, options, place):
    with pytest.raises(ValueError, match=place):
        model(5, 8, **options)
