"""Text to speech that is trained with discriminators: its registries, and the two optimisers of its training."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import Any, ClassVar

import torch

from espnet2.tasks.choices import Choices
from espnet2.tasks.optimisation import OPTIM, SCHEDULER, optimizer_of
from espnet2.tasks.options import UNREAD, Option
from espnet2.tasks.rows import Row
from espnet2.tasks.shared import NORMALIZE, TOKEN_LIST, TOKEN_TYPE, TOKENIZER, USE_PREPROCESSOR
from espnet2.tasks.tts import ENERGY_EXTRACT, FEATS_EXTRACT, MODEL_CONF, ODIM, PITCH_EXTRACT, TTSTask
from espnet2.utils.types import str2bool

GAN_FEATS_EXTRACT = Choices(
    "feats_extract",
    {
        "fbank": FEATS_EXTRACT.classes["fbank"],
        "log_spectrogram": FEATS_EXTRACT.classes["spectrogram"],
        "linear_spectrogram": FEATS_EXTRACT.classes["linear_spectrogram"],
    },
    default="linear_spectrogram",
)
GAN_TTS = Choices(
    "tts",
    {
        "vits": "espnet2.gan_tts.vits.vits:VITS",
        "joint_text2wav": "espnet2.gan_tts.joint.joint_text2wav:JointText2Wav",
        "jets": "espnet2.gan_tts.jets.jets:JETS",
    },
    default="vits",
)
OF_TWO_OPTIMISERS = (
    OPTIM,
    SCHEDULER,
    dataclasses.replace(OPTIM, section="optim2"),
    dataclasses.replace(SCHEDULER, section="scheduler2"),
    Option("generator_first", str2bool, False, "train the generator before the discriminator", key=UNREAD),
    Option("skip_discriminator_prob", float, 0.0, "probability that the discriminator is left as it is", key=UNREAD),
)


def _normalize(section: str) -> Choices:
    return dataclasses.replace(NORMALIZE, section=section, default=None)


class GANTTSTask(TTSTask):
    """Synthesisers of speech that are trained against discriminators."""

    name = "gan_tts"
    rows = (
        TOKEN_LIST,
        ODIM,
        MODEL_CONF,
        USE_PREPROCESSOR,
        dataclasses.replace(TOKEN_TYPE, default="phn"),
        *TOKENIZER,
        GAN_FEATS_EXTRACT,
        _normalize("normalize"),
        GAN_TTS,
        PITCH_EXTRACT,
        _normalize("pitch_normalize"),
        ENERGY_EXTRACT,
        _normalize("energy_normalize"),
    )
    num_optimizers: int = 2
    model: ClassVar[str] = "espnet2.gan_tts.espnet_model:ESPnetGANTTSModel"

    @classmethod
    def common_rows(cls) -> tuple[Row, ...]:
        """Return the options that every task has, with those of the second optimiser."""
        return (*(row for row in super().common_rows() if row not in (OPTIM, SCHEDULER)), *OF_TWO_OPTIMISERS)

    @classmethod
    def build_optimizers(cls, args: Namespace, model: torch.nn.Module) -> list[torch.optim.Optimizer]:
        """Build the optimisers of the generator and of the discriminator; raises `ConfigError`."""
        tts: Any = model.tts
        return [optimizer_of(args, tts.generator), optimizer_of(args, tts.discriminator, "optim2")]
