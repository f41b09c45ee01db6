"""Speech recognition: keys of its configuration, choices of its parts, and the model that they make."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from typing import Any

from espnet2.interface.errors import ConfigError
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.options import fixed
from espnet2.tasks.recognition import RecognitionTask
from espnet2.tasks.rows import Conf
from espnet2.tasks.shared import (
    AUX_CTC_TASKS,
    INIT,
    INPUT_SIZE,
    NORMALIZE,
    PREPROCESSOR,
    SHORT_NOISE_THRES,
    SPECAUG,
    SPEECH,
    TEXT,
    TOKEN_LIST,
    USE_PREPROCESSOR,
)
from espnet2.text.build_tokenizer import PRETRAINED
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.types import str2bool

FRONTEND = Choices(
    "frontend",
    {
        "default": "espnet2.asr.frontend.default:DefaultFrontend",
        "sliding_window": "espnet2.asr.frontend.windowing:SlidingWindow",
        "s3prl": "espnet2.asr.frontend.s3prl:S3prlFrontend",
        "espnet_ssl": "espnet2.asr.frontend.espnet_ssl:ESPnetSSLFrontend",
        "fused": "espnet2.asr.frontend.fused:FusedFrontends",
        "whisper": "espnet2.asr.frontend.whisper:WhisperFrontend",
        "huggingface": "espnet2.asr.frontend.huggingface:HuggingFaceFrontend",
        "wav2vec_cnn": "espnet2.asr.frontend.cnn:CNNFrontend",
    },
    default="default",
    optional=True,
)
PREENCODER = Choices(
    "preencoder",
    {
        "sinc": "espnet2.asr.preencoder.sinc:LightweightSincConvs",
        "linear": "espnet2.asr.preencoder.linear:LinearProjection",
    },
    optional=True,
)
ENCODER = Choices(
    "encoder",
    {
        "conformer": "espnet2.asr.encoder.conformer_encoder:ConformerEncoder",
        "transformer": "espnet2.asr.encoder.transformer_encoder:TransformerEncoder",
        "transformer_multispkr": "espnet2.asr.encoder.transformer_encoder_multispkr:TransformerEncoder",
        "contextual_block_transformer": (
            "espnet2.asr.encoder.contextual_block_transformer_encoder:ContextualBlockTransformerEncoder"
        ),
        "contextual_block_conformer": (
            "espnet2.asr.encoder.contextual_block_conformer_encoder:ContextualBlockConformerEncoder"
        ),
        "vgg_rnn": "espnet2.asr.encoder.vgg_rnn_encoder:VGGRNNEncoder",
        "rnn": "espnet2.asr.encoder.rnn_encoder:RNNEncoder",
        "wav2vec2": "espnet2.asr.encoder.wav2vec2_encoder:FairSeqWav2Vec2Encoder",
        "hubert": "espnet2.asr.encoder.hubert_encoder:FairseqHubertEncoder",
        "hubert_pretrain": "espnet2.asr.encoder.hubert_encoder:FairseqHubertPretrainEncoder",
        "torchaudiohubert": "espnet2.asr.encoder.hubert_encoder:TorchAudioHuBERTPretrainEncoder",
        "longformer": "espnet2.asr.encoder.longformer_encoder:LongformerEncoder",
        "branchformer": "espnet2.asr.encoder.branchformer_encoder:BranchformerEncoder",
        "whisper": "espnet2.asr.encoder.whisper_encoder:OpenAIWhisperEncoder",
        "e_branchformer": "espnet2.asr.encoder.e_branchformer_encoder:EBranchformerEncoder",
        "e_branchformer_ctc": "espnet2.asr.encoder.e_branchformer_ctc_encoder:EBranchformerCTCEncoder",
        "avhubert": "espnet2.asr.encoder.avhubert_encoder:FairseqAVHubertEncoder",
        "multiconv_conformer": "espnet2.asr.encoder.multiconvformer_encoder:MultiConvConformerEncoder",
        "beats": "espnet2.asr.encoder.beats_encoder:BeatsEncoder",
        "linear": "espnet2.asr.encoder.linear_encoder:LinearEncoder",
    },
    default="rnn",
)
POSTENCODER = Choices(
    "postencoder",
    {
        "hugging_face_transformers": (
            "espnet2.asr.postencoder.hugging_face_transformers_postencoder:HuggingFaceTransformersPostEncoder"
        ),
        "length_adaptor": "espnet2.asr.postencoder.length_adaptor_postencoder:LengthAdaptorPostEncoder",
    },
    optional=True,
)
_DECODERS = "espnet2.asr.decoder."
DECODER = Choices(
    "decoder",
    {
        "transformer": _DECODERS + "transformer_decoder:TransformerDecoder",
        "lightweight_conv": _DECODERS + "transformer_decoder:LightweightConvolutionTransformerDecoder",
        "lightweight_conv2d": _DECODERS + "transformer_decoder:LightweightConvolution2DTransformerDecoder",
        "dynamic_conv": _DECODERS + "transformer_decoder:DynamicConvolutionTransformerDecoder",
        "dynamic_conv2d": _DECODERS + "transformer_decoder:DynamicConvolution2DTransformerDecoder",
        "rnn": _DECODERS + "rnn_decoder:RNNDecoder",
        "transducer": _DECODERS + "transducer_decoder:TransducerDecoder",
        "mlm": _DECODERS + "mlm_decoder:MLMDecoder",
        "whisper": _DECODERS + "whisper_decoder:OpenAIWhisperDecoder",
        "hugging_face_transformers": _DECODERS + "hugging_face_transformers_decoder:HuggingFaceTransformersDecoder",
        "s4": _DECODERS + "s4_decoder:S4Decoder",
        "linear_decoder": _DECODERS + "linear_decoder:LinearDecoder",
    },
    optional=True,
)
MODEL = Choices(
    "model",
    {
        "espnet": "espnet2.asr.espnet_model:ESPnetASRModel",
        "maskctc": "espnet2.asr.maskctc_model:MaskCTCModel",
        "pit_espnet": "espnet2.asr.pit_espnet_model:ESPnetASRModel",
    },
    default="espnet",
)

JOINT_NETWORK = "espnet2.asr_transducer.joint_network:JointNetwork"
CTC = "espnet2.asr.ctc:CTC"
# Options whose other values give a model that takes no samples, or whose decoder has no scores.
NEEDED = (
    ("frontend_conf", "apply_stft", True),
    ("decoder_conf", "input_layer", "embed"),
    ("decoder_conf", "use_output_layer", True),
)


class ASRTask(RecognitionTask, AbsTask):
    """Hybrid CTC/attention recognisers."""

    name = "asr"
    rows = (
        TOKEN_LIST,
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        Conf("joint_net_conf", JOINT_NETWORK, written=False),
        USE_PREPROCESSOR,
        fixed("use_lang_prompt", str2bool, False),
        fixed("use_nlp_prompt", str2bool, False),
        *TEXT,
        *SPEECH,
        SHORT_NOISE_THRES,
        AUX_CTC_TASKS,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        MODEL,
        PREENCODER,
        ENCODER,
        POSTENCODER,
        DECODER,
        PREPROCESSOR,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "text")
    optional_data = ("text_spk2", "text_spk3", "text_spk4", "prompt")
    inference_data = ("speech",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        if config.preprocessor not in (None, *PREPROCESSOR.classes):  # others belong to other tasks
            known = ", ".join(PREPROCESSOR.classes)
            raise ConfigError(f"preprocessor: expected one of {known}, found {config.preprocessor!r}")
        for section, key, needed in NEEDED:
            found = getattr(config, section).get(key, needed)
            if found != needed:
                raise ConfigError(f"{section}.{key}: expected {needed} in a recogniser, found {found}")
        for section in ("decoder", "model"):  # names are known in letters of either case
            setattr(config, section, getattr(config, section) and getattr(config, section).lower())
        if (config.decoder == "mlm") != (config.model == "maskctc"):
            raise ConfigError(
                f"decoder: expected mlm in a model maskctc and nowhere else, found {config.decoder} in {config.model}"
            )
        config.token_list = with_blanks(config.token_list, config.model_conf)
        vocab_size = vocab_size_of(config)
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER, POSTENCODER)
        decoder, joint_network = decoder_of(config, vocab_size, encoded)
        return MODEL.build(
            config.model or "espnet",
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            decoder=decoder,
            ctc=build("ctc_conf", CTC, config.ctc_conf, odim=vocab_size, **encoded),
            joint_network=joint_network,
            **parts,
        )


def encoding_parts(
    config: Namespace, frontends: Choices, encoders: Choices, postencoders: Choices | None = None
) -> tuple[dict[str, Any], dict[str, int]]:
    """Build the parts from the input to the encoder output, in order: each gets the output size of the one before it.

    Returns:
        Arguments of the model, and the size of the output as an argument of the parts that read it.
    """
    frontend, size = frontend_of(config, frontends)
    preencoder = PREENCODER.build(config.preencoder, config.preencoder_conf)
    size = size if preencoder is None else preencoder.output_size()
    encoder = encoders.build(config.encoder, config.encoder_conf, input_size=size)
    require_fit(config, frontend, preencoder, encoder)
    parts = {
        "frontend": frontend,
        "specaug": SPECAUG.build(config.specaug, config.specaug_conf),
        "normalize": NORMALIZE.build(config.normalize, config.normalize_conf),
        "preencoder": preencoder,
        "encoder": encoder,
    }
    last = encoder
    if postencoders is not None:
        parts["postencoder"] = postencoders.build(
            config.postencoder, config.postencoder_conf, input_size=encoder.output_size()
        )
        last = parts["postencoder"] or encoder
    return parts, {"encoder_output_size": last.output_size()}


def frontend_of(config: Namespace, choices: Choices) -> tuple[Any, int]:
    """Return the front end (None where the input is features), and the size of its frames.

    Raises `ConfigError` for invalid options, and where there is neither front end nor size.
    """
    frontend, size = None, config.input_size
    if size is None:
        frontend = choices.build(config.frontend, config.frontend_conf)
        if frontend is None:
            raise ConfigError("input_size: expected the size of the features, since frontend is null; found null")
        size = frontend.output_size()
    if size < 1:
        raise ConfigError(f"input_size: expected a positive number, found {size}")
    return frontend, size


def with_blanks(token_list: list[str], model_conf: Mapping[str, Any]) -> list[str]:
    """Return the tokens with those of a transducer's multi-frame blanks, if missing, in front."""
    durations = model_conf.get("transducer_multi_blank_durations") or []
    blanks = [f"<blank{duration}>" for duration in durations] if isinstance(durations, list) else []
    return [*(blank for blank in reversed(blanks) if blank not in token_list), *token_list]


def vocab_size_of(config: Namespace) -> int:
    """Return the number of tokens; raises `ConfigError` for an unusable list."""
    vocab_size = len(config.token_list)
    if vocab_size < 2:
        raise ConfigError(f"token_list: expected a blank and at least one more token, found {vocab_size}")
    if config.token_type in PRETRAINED:  # their lists are not what indices are looked up in
        return vocab_size
    repeated = next((token for token, count in Counter(config.token_list).items() if count > 1), None)
    if repeated is not None:
        raise ConfigError(f"token_list: expected each token once, found {repeated!r} again")
    return vocab_size


def decoder_of(config: Namespace, vocab_size: int, encoded: dict[str, int]) -> tuple[Any, Any]:
    """Return the decoder, and a transducer's joint network; None where the config has none."""
    if config.decoder != "transducer":
        return DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size, **encoded), None
    decoder = DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size)
    sizes = {"encoder_size": encoded["encoder_output_size"], "decoder_size": decoder.output_size()}
    joint_network = build("joint_net_conf", JOINT_NETWORK, config.joint_net_conf, output_size=vocab_size, **sizes)
    return decoder, joint_network


def require_fit(config: Namespace, frontend: Any, preencoder: Any, encoder: Any) -> None:
    """Raise `ConfigError` where the first part reads frames of another shape than the front end outputs."""
    if frontend is None:
        return
    name, reader = ("encoder", encoder) if preencoder is None else ("preencoder", preencoder)
    given, wanted = frontend.frame_axes(), tuple(reader.reads[1:])
    if len(given) != len(wanted) or any(size != axis for size, axis in zip(given, wanted, strict=True)):
        found = getattr(config, name, type(reader).__name__)
        raise ConfigError(
            f"frontend: expected frames of shape {list(wanted)}, which {name} {found} reads, found {list(given)} of "
            f"{config.frontend}"
        )
