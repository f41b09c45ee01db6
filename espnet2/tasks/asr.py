"""Speech recognition: the registries of its parts, and how they fit together."""

from __future__ import annotations

from argparse import Namespace

from espnet2.runtime.errors import ConfigError
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.config import ASRConfig
from espnet2.train.abs_espnet_model import AbsESPnetModel

FRONTEND = Choices("frontend", {"default": "espnet2.asr.frontend.default:DefaultFrontend"}, optional=True)
SPECAUG = Choices("specaug", {"specaug": "espnet2.asr.specaug.specaug:SpecAug"}, optional=True)
NORMALIZE = Choices(
    "normalize",
    {
        "global_mvn": "espnet2.layers.global_mvn:GlobalMVN",
        "utterance_mvn": "espnet2.layers.utterance_mvn:UtteranceMVN",
    },
    optional=True,
)
PREENCODER = Choices("preencoder", {}, optional=True)
ENCODER = Choices(
    "encoder",
    {
        "conformer": "espnet2.asr.encoder.conformer_encoder:ConformerEncoder",
        "transformer": "espnet2.asr.encoder.transformer_encoder:TransformerEncoder",
    },
)
POSTENCODER = Choices("postencoder", {}, optional=True)
DECODER = Choices(
    "decoder", {"transformer": "espnet2.asr.decoder.transformer_decoder:TransformerDecoder"}, optional=True
)
MODEL = Choices("model", {"espnet": "espnet2.asr.espnet_model:ESPnetASRModel"})

PREPROCESSORS = ("default", "multi")  # of tokens and samples; other ones belong to other tasks
# Without these a recogniser could be built, but samples would not go in, or the decoder's scores not come out.
NEEDED = (
    ("frontend_conf", "apply_stft", True),
    ("decoder_conf", "input_layer", "embed"),
    ("decoder_conf", "use_output_layer", True),
)


class ASRTask(AbsTask):
    """Hybrid CTC/attention recognisers."""

    schema = ASRConfig
    choices = (FRONTEND, SPECAUG, NORMALIZE, PREENCODER, ENCODER, POSTENCODER, DECODER, MODEL)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build from left to right: each part is told the size of what the one before it gives."""
        if config.preprocessor not in (None, *PREPROCESSORS):
            known = ", ".join(PREPROCESSORS)
            raise ConfigError(f"preprocessor: expected one of {known}, found {config.preprocessor!r}")
        for section, key, needed in NEEDED:
            found = getattr(config, section).get(key, needed)
            if found != needed:
                raise ConfigError(f"{section}.{key}: expected {needed} in a recogniser, found {found}")
        frontend, size = None, config.input_size
        if size is None:
            frontend = FRONTEND.build(config.frontend, config.frontend_conf)
            if frontend is None:
                raise ConfigError("input_size: expected the size of the features, since frontend is null; found null")
            size = frontend.output_size()
        if size < 1:
            raise ConfigError(f"input_size: expected a positive number, found {size}")
        vocab_size = len(config.token_list)
        if vocab_size < 2:
            raise ConfigError(f"token_list: expected a blank and at least one more token, found {vocab_size}")
        preencoder = PREENCODER.build(config.preencoder, config.preencoder_conf, input_size=size)
        encoder = ENCODER.build(config.encoder, config.encoder_conf, input_size=size)
        encoded = {"encoder_output_size": encoder.output_size()}
        return MODEL.build(
            config.model or "espnet",
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            frontend=frontend,
            specaug=SPECAUG.build(config.specaug, config.specaug_conf),
            normalize=NORMALIZE.build(config.normalize, config.normalize_conf),
            preencoder=preencoder,
            encoder=encoder,
            postencoder=POSTENCODER.build(config.postencoder, config.postencoder_conf, **encoded),
            decoder=DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size, **encoded),
            ctc=build("ctc_conf", "espnet2.asr.ctc:CTC", config.ctc_conf, odim=vocab_size, **encoded),
            joint_network=None,
        )
