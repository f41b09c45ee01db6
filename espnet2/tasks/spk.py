"""Speaker embeddings: the registries of their parts, and how they fit together."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError
from espnet2.runtime.map_model import MapSection
from espnet2.tasks import shared
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import frontend_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.options import MAPPING, UNREAD, Option
from espnet2.tasks.rows import Row
from espnet2.tasks.shared import INIT, INPUT_SIZE, SPECAUG, USE_PREPROCESSOR
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.types import int_or_none

FRONTEND = Choices(
    "frontend",
    {
        "asteroid_frontend": "espnet2.asr.frontend.asteroid_frontend:AsteroidFrontend",
        "default": "espnet2.asr.frontend.default:DefaultFrontend",
        "fused": "espnet2.asr.frontend.fused:FusedFrontends",
        "melspec_torch": "espnet2.asr.frontend.melspec_torch:MelSpectrogramTorch",
        "sliding_window": "espnet2.asr.frontend.windowing:SlidingWindow",
        "s3prl": "espnet2.asr.frontend.s3prl:S3prlFrontend",
    },
    optional=True,
)
NORMALIZE = dataclasses.replace(shared.NORMALIZE, default=None)
_SPK = "espnet2.spk."
ENCODER = Choices(
    "encoder",
    {
        "ecapa_tdnn": _SPK + "encoder.ecapa_tdnn_encoder:EcapaTdnnEncoder",
        "identity": _SPK + "encoder.identity_encoder:IdentityEncoder",
        "mfaconformer": _SPK + "encoder.conformer_encoder:MfaConformerEncoder",
        "rawnet3": _SPK + "encoder.rawnet3_encoder:RawNet3Encoder",
        "resnet": _SPK + "encoder.resnet_encoder:ResNetEncoder",
        "ska_tdnn": _SPK + "encoder.ska_tdnn_encoder:SkaTdnnEncoder",
        "xvector": _SPK + "encoder.xvector_encoder:XvectorEncoder",
    },
    default="rawnet3",
)
POOLING = Choices(
    "pooling",
    {
        "chn_attn_stat": _SPK + "pooling.chn_attn_stat_pooling:ChnAttnStatPooling",
        "mean": _SPK + "pooling.mean_pooling:MeanPooling",
        "stats": _SPK + "pooling.stat_pooling:StatsPooling",
    },
    default="chn_attn_stat",
)
PROJECTOR = Choices(
    "projector",
    {
        "rawnet3": _SPK + "projector.rawnet3_projector:RawNet3Projector",
        "ska_tdnn": _SPK + "projector.ska_tdnn_projector:SkaTdnnProjector",
        "xvector": _SPK + "projector.xvector_projector:XvectorProjector",
    },
    default="rawnet3",
)
PREPROCESSOR = Choices(
    "preprocessor",
    {
        "common": "espnet2.train.preprocessor:CommonPreprocessor",
        "spk": "espnet2.train.preprocessor:SpkPreprocessor",
    },
    default="spk",
    part_of_model=False,
)
LOSS = Choices(
    "loss",
    {
        "aamsoftmax": _SPK + "loss.aamsoftmax:AAMSoftmax",
        "aamsoftmax_sc_topk": _SPK + "loss.aamsoftmax_subcenter_intertopk:ArcMarginProduct_intertopk_subcenter",
        "softmax": _SPK + "loss.softmax:Softmax",
    },
    default="aamsoftmax",
)
SAMPLE_RATE = 16000  # Hz, by default
MODEL = _SPK + "espnet_model:ESPnetSpeakerModel"


class SpeakerTask(AbsTask):
    """Speaker embeddings, trained to tell speakers apart.

    Attributes:
        encoder: Classes of encoders.
        count: Key of the number of speakers.
        listed: Key of the file that lists them.
        nouns: Their name in messages.
        preparation: Options of training that are arguments of its own preprocessor, where `preprocessor_conf` does not
            give them.
    """

    name = "spk"
    encoder: ClassVar[Choices] = ENCODER
    count: ClassVar[str] = "spk_num"
    listed: ClassVar[str] = "spk2utt"
    nouns: ClassVar[str] = "speakers"
    preparation: ClassVar[tuple[str, ...]] = ("target_duration", "spk2utt", "sample_rate", "num_eval", "rir_scp")
    rows: ClassVar[tuple[Row, ...]] = (
        INIT,
        USE_PREPROCESSOR,
        INPUT_SIZE,
        Option("target_duration", float, 3.0, "duration of utterances in training, in seconds", key=UNREAD),
        Option("spk2utt", str, "", "file of the speakers of the training data, and their utterances", key=UNREAD),
        Option("spk_num", int_or_none, None, "number of speakers of the training data"),
        Option("sample_rate", int, SAMPLE_RATE, "sampling rate of speech, in Hz"),
        Option("num_eval", int, 10, "parts of an utterance that validation reads", key=UNREAD),
        Option("rir_scp", str, "", "list of room impulse responses", key=UNREAD),
        Option("model_conf", MAPPING, {}, "options of the model"),
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        ENCODER,
        POOLING,
        PROJECTOR,
        PREPROCESSOR,
        LOSS,
    )
    required_data: ClassVar[tuple[str, ...]] = ("speech", "spk_labels")
    optional_data: ClassVar[tuple[str, ...]] = ("speech2", "trial", "task_tokens")
    inference_data = ("speech",)
    preprocessor = PREPROCESSOR

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build from left to right: each part is told the size of what the one before it gives."""
        frontend, size = frontend_of(config, FRONTEND)
        if frontend is not None and frontend.frame_axes() != (size,):
            found = f"{list(frontend.frame_axes())} of {config.frontend}"
            raise ConfigError(f"frontend: expected frames of one axis, which encoders read, found {found}")
        encoder = cls.encoder.build(config.encoder, config.encoder_conf, input_size=size)
        pooling = POOLING.build(config.pooling, config.pooling_conf, input_size=encoder.output_size())
        projector = PROJECTOR.build(config.projector, config.projector_conf, input_size=pooling.output_size())
        count, loss = getattr(config, cls.count), None
        if count is not None:
            if count < 1:
                raise ConfigError(f"{cls.count}: expected a positive number, found {count}")
            loss = LOSS.build(config.loss, config.loss_conf, nout=projector.output_size(), nclasses=count)
        return cls.whole(
            config,
            frontend=frontend,
            specaug=SPECAUG.build(config.specaug, config.specaug_conf),
            normalize=NORMALIZE.build(config.normalize, config.normalize_conf),
            encoder=encoder,
            pooling=pooling,
            projector=projector,
            loss=loss,
        )

    @classmethod
    def whole(cls, config: Namespace, **parts: Any) -> AbsESPnetModel:
        """Build the model of its parts."""
        return build("model_conf", MODEL, config.model_conf, **parts)

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> MapSection:
        """Return the sampling rate."""
        return MapSection(sample_rate_of(model, config))

    @classmethod
    def given_to_preprocessor(cls) -> Collection[str]:
        """Return the names of the preprocessor's arguments that are options of training."""
        return cls.preparation

    @classmethod
    def build_preprocess_fn(cls, args: Namespace, train: bool) -> Callable[..., dict[str, Any]] | None:
        """Build the function from an utterance to arrays: `preprocessor_conf` wins over options of the same name.

        Raises:
            ConfigError: An option cannot be used, or the number of speakers is not that of `spk2utt`.
        """
        count = getattr(args, cls.count)
        if count is None:
            raise ConfigError(f"{cls.count}: expected the number of {cls.nouns} of the training data, found null")
        if not getattr(args, "use_preprocessor", True):
            return None
        choice, conf = args.preprocessor or cls.preprocessor.default, dict(args.preprocessor_conf or {})
        own = choice == cls.preprocessor.default
        given = {name: getattr(args, name) for name in cls.preparation if own and name not in conf}
        preprocess = cls.preprocessor.build(choice, conf, train=train, **given)
        known = getattr(preprocess, "speakers", None)
        if known is not None and len(known) != count:
            found = f"{len(known)}, the {cls.nouns} of {cls.listed}, found {count}"
            raise ConfigError(f"{cls.count}: expected {found}")
        return preprocess


def sample_rate_of(model: Any, config: Namespace) -> int:
    """The sampling rate: the configuration's or the front end's, whichever is not the default."""
    rates = config.sample_rate, getattr(model.frontend, "fs", None) or SAMPLE_RATE
    return next((rate for rate in rates if rate != SAMPLE_RATE), SAMPLE_RATE)
