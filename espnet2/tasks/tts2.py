"""Text to discrete units of speech: the registries of its parts, and how they fit together."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError
from espnet2.tasks.choices import Choices, load_class
from espnet2.tasks.declaration import TEXT_AND_SPEECH
from espnet2.tasks.shared import TOKEN_LIST, TOKEN_TYPE, TOKENIZER, USE_PREPROCESSOR
from espnet2.tasks.tts import (
    ENERGY_EXTRACT,
    ENERGY_NORMALIZE,
    MODEL_CONF,
    PITCH_EXTRACT,
    PITCH_NORMALIZE,
    TTSTask,
)
from espnet2.train.abs_espnet_model import AbsESPnetModel

DISCRETE_FEATS_EXTRACT = Choices(
    "discrete_feats_extract",
    {"identity": "espnet2.tts2.feats_extract.identity:IdentityFeatureExtract"},
    default="identity",
)
TTS2 = Choices(
    "tts",
    {"fastspeech2": "espnet2.tts2.fastspeech2.fastspeech2_discrete:FastSpeech2Discrete"},
    default="fastspeech2",
)
BESIDE = ("pitch_extract", "pitch_normalize", "energy_extract", "energy_normalize")
UNIT_RATE = 16_000  # Hz, of the speech that models of discrete units read, where a configuration says none


class TTS2Task(TTSTask):
    """Synthesisers of discrete units of speech from text."""

    name = "tts2"
    rows = (
        dataclasses.replace(TOKEN_LIST, name="src_token_list", help="file of tokens of the text; required"),
        dataclasses.replace(TOKEN_LIST, name="tgt_token_list", help="file of units, one in a line; required"),
        MODEL_CONF,
        USE_PREPROCESSOR,
        dataclasses.replace(TOKEN_TYPE, name="src_token_type", default="phn"),
        *TOKENIZER,
        DISCRETE_FEATS_EXTRACT,
        TTS2,
        PITCH_EXTRACT,
        PITCH_NORMALIZE,
        ENERGY_EXTRACT,
        ENERGY_NORMALIZE,
    )
    required = ("output_dir", "src_token_list", "tgt_token_list")
    required_data = ("text", "speech", "discrete_speech")
    preprocessor_options: ClassVar[Mapping[str, str]] = {
        **TEXT_AND_SPEECH,
        "token_type": "src_token_type",
        "token_list": "src_token_list",
    }
    model: ClassVar[str] = "espnet2.tts2.espnet_model:ESPnetTTS2Model"
    token_keys: ClassVar[tuple[str, str]] = ("src_token_list", "src_token_type")

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build what measures speech, and the synthesis model."""
        if config.model_conf:
            raise ConfigError(f"model_conf: expected nothing, found {', '.join(map(str, config.model_conf))}")
        parts = {row.section: row for row in cls.choices()}
        names = ("discrete_feats_extract", *BESIDE)
        found = {name: parts[name].build(getattr(config, name), getattr(config, f"{name}_conf")) for name in names}
        sizes = {"idim": len(config.src_token_list), "odim": len(config.tgt_token_list)}
        return load_class(cls.model)(tts=parts["tts"].build(config.tts, config.tts_conf, **sizes), **found)

    @classmethod
    def sample_rate(cls, model: Any, config: Namespace) -> int:
        """Sampling rate in Hz of the vocoder that makes speech of the units; without one, that of training."""
        confs = (config.pitch_extract_conf, config.energy_extract_conf)
        trained = next((conf["fs"] for conf in confs if type(conf.get("fs")) is int), UNIT_RATE)
        return int(getattr(config, "vocoder_rate", trained))

    @classmethod
    def require_companion(cls, name: str, config: Namespace, companion: Namespace, source: Path) -> None:
        """A vocoder reads all units of the synthesiser, and sets the sampling rate."""
        units = len(config.tgt_token_list)
        if companion.units < units:
            found = f"{companion.units} units" if companion.units else "a vocoder of features"
            raise ConfigError(f"{source}: expected a vocoder of at least {units} discrete units, found {found}")
        config.vocoder_rate = companion.fs
