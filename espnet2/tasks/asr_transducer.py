"""Stand-alone transducers: keys of their configuration, choices of their parts, and the model that they make."""

from __future__ import annotations

from argparse import Namespace

from espnet2.interface.errors import ConfigError
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import JOINT_NETWORK, frontend_of, require_fit, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.options import Key, Option
from espnet2.tasks.recognition import RecognitionTask
from espnet2.tasks.rows import Conf
from espnet2.tasks.shared import INIT, INPUT_SIZE, NORMALIZE, SPECAUG, SPEECH, TEXT, TOKEN_LIST, USE_PREPROCESSOR
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.types import str_or_none

FRONTEND = Choices(
    "frontend",
    {
        "default": "espnet2.asr.frontend.default:DefaultFrontend",
        "sliding_window": "espnet2.asr.frontend.windowing:SlidingWindow",
    },
    default="default",
    optional=True,
)
_DECODERS = "espnet2.asr_transducer.decoder."
DECODER = Choices(
    "decoder",
    {
        "mega": _DECODERS + "mega_decoder:MEGADecoder",
        "rnn": _DECODERS + "rnn_decoder:RNNDecoder",
        "rwkv": _DECODERS + "rwkv_decoder:RWKVDecoder",
        "stateless": _DECODERS + "stateless_decoder:StatelessDecoder",
    },
    default="rnn",
)
ENCODER = "espnet2.asr_transducer.encoder.encoder:Encoder"
MODEL = "espnet2.asr_transducer.espnet_transducer_model:ESPnetASRTransducerModel"
NO_MODEL = Option("model", str_or_none, None, key=Key(offered=False))  # named in an error, as other tasks have it


class ASRTransducerTask(RecognitionTask, AbsTask):
    """Transducers whose encoder is a list of blocks."""

    name = "asr_transducer"
    rows = (
        TOKEN_LIST,
        INPUT_SIZE,
        INIT,
        NO_MODEL,
        Conf("model_conf", MODEL),
        Conf("encoder_conf", ENCODER, {}, written=False),
        Conf("joint_network_conf", JOINT_NETWORK, {}, written=False),
        USE_PREPROCESSOR,
        *TEXT,
        *SPEECH,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        DECODER,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "text")
    inference_data = ("speech",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        if config.model is not None:
            raise ConfigError(f"model: expected none in a stand-alone transducer, found {config.model!r}")
        frontend, size = frontend_of(config, FRONTEND)
        vocab_size = vocab_size_of(config)
        encoder = build("encoder_conf", ENCODER, config.encoder_conf, input_size=size)
        require_fit(config, frontend, None, encoder)
        decoder = DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size)
        sizes = {"encoder_size": encoder.output_size, "decoder_size": decoder.output_size}
        joint_network = build(
            "joint_network_conf", JOINT_NETWORK, config.joint_network_conf, output_size=vocab_size, **sizes
        )
        return build(
            "model_conf",
            MODEL,
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            frontend=frontend,
            specaug=SPECAUG.build(config.specaug, config.specaug_conf),
            normalize=NORMALIZE.build(config.normalize, config.normalize_conf),
            encoder=encoder,
            decoder=decoder,
            joint_network=joint_network,
        )
