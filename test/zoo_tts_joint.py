"""Rows of models of text to features and vocoders that are trained together."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_tts import FASTSPEECH2, HIFIGAN, LANGUAGE, MODEL, SPEAKER, TEXT, VOICE, F, V
from zoo_tts_fastspeech import BASE
from zoo_tts_gst import OF_MODELS, REFERENCE
from zoo_tts_jets import BANDS, DISCRIMINATOR, HOP
from zoo_tts_tacotron2 import SMALL as TACOTRON2_SMALL
from zoo_tts_tacotron2 import SURE
from zoo_tts_transformer import SMALL as TRANSFORMER_SMALL
from zoo_tts_transformer import SURE as TRANSFORMER_SURE

OWN = {"idim", "odim", "in_channels"}  # options that the model gives to its parts
OF_FASTSPEECH2 = {name: value for name, value in FASTSPEECH2.items() if name not in OWN}
OF_HIFIGAN = {name: value for name, value in HIFIGAN.items() if name not in OWN}
OF_FASTSPEECH = {name: value for name, value in BASE.items() if name not in OWN}
OF_TACOTRON2 = {name: value for name, value in TACOTRON2_SMALL.items() if name not in OWN}
TACOTRON2: dict[str, Any] = {"text2mel_type": "tacotron2", "text2mel_params": OF_TACOTRON2}
OF_TRANSFORMER = {name: value for name, value in TRANSFORMER_SMALL.items() if name not in OWN}
TRANSFORMER = {"text2mel_type": "transformer", "text2mel_params": {**OF_TRANSFORMER, **TRANSFORMER_SURE}}
DEFAULT: dict[str, Any] = {
    "segment_size": 8,
    "sampling_rate": 8000,
    "text2mel_type": "fastspeech2",
    "text2mel_params": OF_FASTSPEECH2,
    "vocoder_type": "hifigan_generator",
    "vocoder_params": OF_HIFIGAN,
    "discriminator_params": DISCRIMINATOR,
    "mel_loss_params": BANDS,
}
MELGAN: dict[str, Any] = {
    "vocoder_type": "melgan_generator",
    "vocoder_params": {"out_channels": 4, "channels": 16, "upsample_scales": [3], "stacks": 2},
    "use_pqmf": True,
    "pqmf_params": {"subbands": 4, "taps": 30, "cutoff_ratio": 0.142, "beta": 9.0},
}
PARALLEL_WAVEGAN: dict[str, Any] = {
    "vocoder_type": "parallel_wavegan_generator",
    "vocoder_params": {
        **{"layers": 2, "stacks": 1, "residual_channels": 6, "gate_channels": 10, "skip_channels": 5},
        "upsample_params": {"upsample_scales": [4, 3]},
    },
}
STYLE_MELGAN: dict[str, Any] = {
    "vocoder_type": "style_melgan_generator",
    "vocoder_params": {
        **{"in_channels": 5, "channels": 6, "kernel_size": 5},
        **{"noise_upsample_scales": [4, 2], "upsample_scales": [3, 2, 2]},
    },
}
OF_PARALLEL_WAVEGAN = {
    "discriminator_type": "parallel_wavegan_discriminator",
    "discriminator_params": {"layers": 3, "conv_channels": 6},
    "use_feat_match_loss": False,
}
OF_MELGAN = {
    "discriminator_type": "melgan_multi_scale_discriminator",
    "discriminator_params": {"scales": 2, "channels": 4, "max_downsample_channels": 8, "downsample_scales": [2, 2]},
}
SPEAKERS = {**OF_FASTSPEECH2, "spks": 3, "langs": 4, "spk_embed_dim": 5}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "speakers": ({"text2mel_params": SPEAKERS}, (SPEAKER, LANGUAGE, VOICE)),
    "tacotron2": ({**TACOTRON2, "text2mel_params": {**OF_TACOTRON2, **SURE}}, ()),
    "transformer": (TRANSFORMER, ()),
    "melgan-bands": (MELGAN, ()),
    "parallel_wavegan": (PARALLEL_WAVEGAN, ()),
    "style_melgan": (STYLE_MELGAN, ()),
    "fastspeech-style": (
        {"text2mel_type": "fastspeech", "text2mel_params": {**OF_FASTSPEECH, **OF_MODELS}},
        (REFERENCE,),
    ),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "weighted": {
        "text2mel_params": {**OF_FASTSPEECH2, "use_masking": True},
        "lambda_text2mel": 0.5,
        "lambda_adv": 1.5,
        "lambda_mel": 2.0,
        "lambda_feat_match": 3.0,
        "generator_adv_loss_params": {"loss_type": "hinge"},
        "discriminator_adv_loss_params": {"loss_type": "hinge"},
    },
    "tacotron2": TACOTRON2,
    "transformer": TRANSFORMER,
    "melgan-bands": {**MELGAN, **OF_MELGAN},
    "parallel_wavegan": {**PARALLEL_WAVEGAN, **OF_PARALLEL_WAVEGAN},
    "style_melgan": STYLE_MELGAN,
    "fastspeech": {"text2mel_type": "fastspeech", "text2mel_params": OF_FASTSPEECH},
    "adversary-alone": {"use_mel_loss": False, "use_feat_match_loss": False},
}
FRAMES = 24
SPEECH = (Array("feats", (FRAMES, F)), Array("speech", (FRAMES * HOP,)))
OF_TOKENS = (Array("pitch", (10, 1)), Array("energy", (10, 1)))
DURATIONS = {"generator.text2mel.duration_predictor.linear.bias": 1.5}
# Of models without durations: they do not stop after the first frame.
STOPS = {
    "tacotron2": {"generator.text2mel.dec.prob_out.bias": -3.0},
    "transformer": {"generator.text2mel.prob_out.bias": -3.0},
}
LENGTHS = (9, 5, 1)
JOINT = "joint_text2wav"
TARGET = "espnet2.gan_tts.joint.joint_text2wav:JointText2Wav"


def _rows() -> list[Row]:
    rows = []
    for name, (options, conditions) in OPTIONS.items():
        fixed = STOPS.get(name, DURATIONS)
        make = New(TARGET, {"idim": V, "odim": F, **DEFAULT, **options})
        rows.append(Row(f"{JOINT}-{name}", JOINT, make, (TEXT, *conditions), LENGTHS, 1e-4, fixed=fixed))
    for name, options in LOSSES.items():
        make = New(TARGET, {"idim": V, "odim": F, **DEFAULT, **options})
        rows.append(Row(f"{JOINT}-losses-{name}", f"{JOINT}_losses", make, (TEXT, *SPEECH, *OF_TOKENS), LENGTHS, 5e-4))
    keys = {**MODEL, "tts": JOINT, "tts_conf": DEFAULT}
    make, fixed = Config("espnet2.tasks.tts:TTSTask", keys), {f"tts.{key}": value for key, value in DURATIONS.items()}
    rows.append(Row("tts-model-joint", "tts_model", make, (TEXT,), LENGTHS, 1e-4, fixed=fixed))
    return rows


ROWS = _rows()
SAME_GRAPH = {f"{JOINT}-{name}" for name in OPTIONS}  # FastSpeech 2's and HiFi-GAN's
REFUSED = [
    (f"{JOINT}-default", {"use_pqmf": True}, "pqmf_params.subbands.*out_channels 1.*4"),
    (f"{JOINT}-parallel_wavegan", {"use_pqmf": True}, "use_pqmf.*without noise.*ParallelWaveGAN"),
    (f"{JOINT}-default", {"text2mel_type": "vits"}, "text2mel_type.*vits.*tacotron2, transformer, fastspeech"),
    (f"{JOINT}-default", {"vocoder_type": "wavenet"}, "vocoder_type.*wavenet.*hifigan_generator"),
    (f"{JOINT}-default", {"discriminator_type": "judge"}, "discriminator_type.*judge.*style_melgan_discriminator"),
]
