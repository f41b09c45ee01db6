"""Text to speech: the registries of its parts, and how they fit together."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError
from espnet2.interface.graph import Graph
from espnet2.runtime.family import Family
from espnet2.runtime.synthesis_model import SynthesisSection
from espnet2.runtime.text_reader import BPE
from espnet2.runtime.vocoder_features import mismatch
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices, load_class
from espnet2.tasks.exported import BundledFile
from espnet2.tasks.options import MAPPING, Option
from espnet2.tasks.rows import Row
from espnet2.tasks.shared import TOKEN_LIST, TOKEN_TYPE, TOKENIZER, USE_PREPROCESSOR, described_text
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.utils.types import int_or_none

_EXTRACTORS = "espnet2.tts.feats_extract."
FEATS_EXTRACT = Choices(
    "feats_extract",
    {
        "fbank": _EXTRACTORS + "log_mel_fbank:LogMelFbank",
        "spectrogram": _EXTRACTORS + "log_spectrogram:LogSpectrogram",
        "linear_spectrogram": _EXTRACTORS + "linear_spectrogram:LinearSpectrogram",
    },
    default="fbank",
)
TTS = Choices(
    "tts",
    {
        "fastspeech": "espnet2.tts.fastspeech.fastspeech:FastSpeech",
        "fastspeech2": "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
        "joint_text2wav": "espnet2.gan_tts.joint.joint_text2wav:JointText2Wav",
        "prodiff": "espnet2.tts.prodiff.prodiff:ProDiff",
        "jets": "espnet2.gan_tts.jets.jets:JETS",
        "tacotron2": "espnet2.tts.tacotron2.tacotron2:Tacotron2",
        "transformer": "espnet2.tts.transformer.transformer:Transformer",
        "vits": "espnet2.gan_tts.vits.vits:VITS",
    },
    default="tacotron2",
)
PITCH_EXTRACT = Choices("pitch_extract", {"dio": _EXTRACTORS + "dio:Dio"}, optional=True)
ENERGY_EXTRACT = Choices("energy_extract", {"energy": _EXTRACTORS + "energy:Energy"}, optional=True)


def _normalize(section: str, default: str | None = None) -> Choices:
    classes = {"global_mvn": "espnet2.layers.global_mvn:GlobalMVN"}
    return Choices(section, classes, default=default, optional=True, files=("stats_file",))


NORMALIZE = _normalize("normalize", "global_mvn")
PITCH_NORMALIZE, ENERGY_NORMALIZE = _normalize("pitch_normalize"), _normalize("energy_normalize")
ODIM = Option("odim", int_or_none, None, "size of features, where they are given")
MODEL_CONF = Option("model_conf", MAPPING, {}, "options of the model; it has none")
NOT_SEQUENCES = ("spembs", "sids", "lids")  # fields of an utterance without a time axis
# Optional parts beside the features and the synthesis model.
BESIDE = ("normalize", "pitch_extract", "pitch_normalize", "energy_extract", "energy_normalize")


class TTSTask(AbsTask):
    """Synthesisers of speech from text."""

    name = "tts"
    rows: ClassVar[tuple[Row, ...]] = (
        TOKEN_LIST,
        ODIM,
        MODEL_CONF,
        USE_PREPROCESSOR,
        dataclasses.replace(TOKEN_TYPE, default="phn"),
        *TOKENIZER,
        FEATS_EXTRACT,
        NORMALIZE,
        TTS,
        PITCH_EXTRACT,
        PITCH_NORMALIZE,
        ENERGY_EXTRACT,
        ENERGY_NORMALIZE,
    )
    required: ClassVar[tuple[str, ...]] = ("output_dir", "token_list")
    required_data: ClassVar[tuple[str, ...]] = ("text", "speech")
    optional_data = ("spembs", "durations", "pitch", "energy", "sids", "lids")
    inference_data = ("text",)
    int_pad_value = 0
    model: ClassVar[str] = "espnet2.tts.espnet_model:ESPnetTTSModel"
    token_keys: ClassVar[tuple[str, str]] = ("token_list", "token_type")  # of the text

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build features, normalisation and the synthesis model."""
        if config.model_conf:
            raise ConfigError(f"model_conf: expected nothing, found {', '.join(map(str, config.model_conf))}")
        parts = {row.section: row for row in cls.choices()}
        feats_extract, size = None, config.odim
        if size is None:
            feats_extract = parts["feats_extract"].build(config.feats_extract, config.feats_extract_conf)
            size = feats_extract.output_size()
        found = {name: parts[name].build(getattr(config, name), getattr(config, f"{name}_conf")) for name in BESIDE}
        tts = parts["tts"].build(config.tts, config.tts_conf, idim=len(config.token_list), odim=size)
        return load_class(cls.model)(feats_extract=feats_extract, tts=tts, **found)

    @classmethod
    def build_collate_fn(cls, args: Namespace, train: bool) -> Callable[..., Any]:
        """Build the function from utterances to a batch, in which speakers have no lengths."""
        return CommonCollateFn(0.0, cls.int_pad_value, NOT_SEQUENCES)

    @classmethod
    def tokenizer(cls, model: Any, config: Namespace, source: Path | None = None) -> AbsTokenizer | None:
        """The tokenizer that has a file; others are made when a text is first spoken."""
        return load_tokenizer(BPE, config.bpemodel, source) if getattr(config, cls.token_keys[1]) == BPE else None

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> SynthesisSection:
        """Sampling rate, tokens, how texts become tokens, and how features become samples without a vocoder."""
        extract = model.feats_extract
        token_list, token_type = (getattr(config, key) for key in cls.token_keys)
        return SynthesisSection(
            sample_rate=cls.sample_rate(model, config),
            tokens=list(token_list),
            text=described_text(config, token_type),
            griffin_lim={} if extract is None else extract.inversion(),
        )

    @classmethod
    def sample_rate(cls, model: Any, config: Namespace) -> int:
        """Sampling rate in Hz; raises `ConfigError` where the configuration has none."""
        places = (getattr(model.tts, "fs", None), getattr(model.feats_extract, "fs", None))
        confs = (config.feats_extract_conf, config.pitch_extract_conf)
        rate = next((rate for rate in (*places, *(conf.get("fs") for conf in confs)) if rate), None)
        if type(rate) is not int:
            raise ConfigError("feats_extract_conf.fs: expected the sampling rate in Hz, found none")
        return rate

    @classmethod
    def bundled_files(cls, tokenizer: AbsTokenizer | None, files: Mapping[str, Path]) -> dict[str, BundledFile]:
        """The tokenizer's model, where it has one."""
        return {} if tokenizer is None else dict(zip(("bpemodel",), tokenizer.bundled()[1].items(), strict=False))

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: Any
    ) -> Any:
        """The model with the tokenizer's file of the trained one."""
        bpemodel = trained.config.bpemodel
        return family.model(graphs, section, {} if bpemodel is None else {"bpemodel": Path(bpemodel)}, options)

    @classmethod
    def require_companion(cls, name: str, config: Namespace, companion: Namespace, source: Path) -> None:
        """A vocoder has the synthesiser's features."""
        if companion.units:
            raise ConfigError(
                f"{source}: expected a vocoder of features, found one of {companion.units} discrete units"
            )
        features = {**companion.features, "sampling_rate": companion.fs, "num_mels": companion.in_channels}
        own = FEATS_EXTRACT.build(config.feats_extract, config.feats_extract_conf).get_parameters()
        found = mismatch(own, features)
        if found is not None:
            raise ConfigError(f"{source}: {found}")
