"""Spoken language understanding: keys of its configuration, choices of its parts, and the model that they make."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, ClassVar

from espnet2.interface.errors import ConfigError
from espnet2.interface.graph import Graph
from espnet2.runtime.family import Family
from espnet2.runtime.slu_model import TOKENIZER_FILE, SLUModel, with_transcripts
from espnet2.runtime.slu_section import SLUSection
from espnet2.tasks import asr, files
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import CTC, JOINT_NETWORK, decoder_of, encoding_parts, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.declaration import TEXT_AND_SPEECH
from espnet2.tasks.exported import BundledFile
from espnet2.tasks.options import Key, Option
from espnet2.tasks.recognition import RecognitionTask
from espnet2.tasks.rows import Conf
from espnet2.tasks.shared import (
    INIT,
    INPUT_SIZE,
    NORMALIZE,
    SHORT_NOISE_THRES,
    SPECAUG,
    SPEECH,
    TEXT,
    TOKEN_LIST,
    USE_PREPROCESSOR,
)
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.types import str2bool, str_or_none


def only(choices: Choices, *names: str) -> Choices:
    """Some of the choices that another task has, in this order."""
    return dataclasses.replace(choices, classes={name: choices.classes[name] for name in names})


_SLU = "espnet2.slu."
_HUGGING_FACE = "hugging_face_transformers"
_POSTENCODERS = {
    _HUGGING_FACE: asr.POSTENCODER.classes[_HUGGING_FACE],
    "conformer": _SLU + "postencoder.conformer_postencoder:ConformerPostEncoder",
    "transformer": _SLU + "postencoder.transformer_postencoder:TransformerPostEncoder",
}
FRONTEND = only(asr.FRONTEND, "default", "sliding_window", "s3prl", "fused")
ENCODER = only(
    asr.ENCODER,
    "conformer",
    "transformer",
    "contextual_block_transformer",
    "contextual_block_conformer",
    "vgg_rnn",
    "rnn",
    "wav2vec2",
    "hubert",
    "hubert_pretrain",
    "longformer",
    "branchformer",
    "whisper",
)
POSTENCODER = Choices("postencoder", _POSTENCODERS, optional=True)
DELIBERATION_ENCODER = Choices("deliberationencoder", _POSTENCODERS, optional=True)
DECODER = dataclasses.replace(
    only(
        asr.DECODER,
        "transformer",
        "lightweight_conv",
        "lightweight_conv2d",
        "dynamic_conv",
        "dynamic_conv2d",
        "rnn",
        "transducer",
        "mlm",
    ),
    default="rnn",
    optional=False,
)
POSTDECODER = Choices(
    "postdecoder",
    {_HUGGING_FACE: (_SLU + "postdecoder.hugging_face_transformers_postdecoder:HuggingFaceTransformersPostDecoder")},
    optional=True,
)
MODEL = Choices("model", {"espnet": "espnet2.slu.espnet_model:ESPnetSLUModel"}, default="espnet")
PREPROCESSOR = Choices(
    "preprocessor",
    {"slu": "espnet2.train.preprocessor:SLUPreprocessor"},
    default="slu",
    part_of_model=False,
)
TRANSCRIPT_TOKEN_LIST = Option(
    "transcript_token_list",
    str_or_none,
    None,
    "file of words of transcripts, one in a line, for a model with a postdecoder",
    key=Key(hint=list[str] | None, resolve=files.tokens),
)


class SLUTask(RecognitionTask, AbsTask):
    """Recognisers of meanings, which may read a transcript."""

    name = "slu"
    rows = (
        TOKEN_LIST,
        TRANSCRIPT_TOKEN_LIST,
        Option("two_pass", str2bool, False, "without effect, as in upstream"),
        Option("pre_postencoder_norm", str2bool, False, "without effect, as in upstream"),
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        Conf("joint_net_conf", JOINT_NETWORK, written=False),
        USE_PREPROCESSOR,
        *TEXT,
        *SPEECH,
        SHORT_NOISE_THRES,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        MODEL,
        asr.PREENCODER,
        ENCODER,
        POSTENCODER,
        DELIBERATION_ENCODER,
        DECODER,
        POSTDECODER,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "text")
    optional_data = ("transcript",)
    inference_data = ("speech",)
    preprocessor = PREPROCESSOR
    preprocessor_options: ClassVar[Mapping[str, str]] = {
        **TEXT_AND_SPEECH,
        "transcript_token_list": "transcript_token_list",
    }

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        config.decoder = config.decoder and config.decoder.lower()
        if config.decoder == "mlm" and config.model_conf.get("ctc_weight") != 1.0:
            raise ConfigError("decoder: expected one that upstream trains in this task, found mlm")
        vocab_size = vocab_size_of(config)
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER, POSTENCODER)
        size = encoded["encoder_output_size"]
        postdecoder = POSTDECODER.build(config.postdecoder, config.postdecoder_conf)
        deliberation = DELIBERATION_ENCODER.build(
            config.deliberationencoder, config.deliberationencoder_conf, input_size=size
        )
        if deliberation is not None and postdecoder is None and deliberation.output_size() != size:
            raise ConfigError(
                f"deliberationencoder_conf.output_size: expected {size}, as without postdecoder it is not used, found "
                f"{deliberation.output_size()}"
            )
        if deliberation is not None:
            encoded = {"encoder_output_size": deliberation.output_size()}
        decoder, joint_network = decoder_of(config, vocab_size, encoded)
        return MODEL.build(
            config.model or "espnet",
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            transcript_token_list=config.transcript_token_list,
            two_pass=config.two_pass,
            pre_postencoder_norm=config.pre_postencoder_norm,
            decoder=decoder,
            ctc=build("ctc_conf", CTC, config.ctc_conf, odim=vocab_size, **encoded),
            joint_network=joint_network,
            postdecoder=postdecoder,
            deliberationencoder=deliberation,
            **parts,
        )

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> SLUSection:
        """Return the section of every recogniser, with the words of transcripts where the model reads them."""
        plain = super().section(model, config, tokenizer, streams)
        if model.postdecoder is None:
            return SLUSection(**plain.to_dict())
        cleaner = config.cleaner or []
        return SLUSection(
            **plain.to_dict(),
            transcript_tokens=list(model.transcript_token_list),
            transcript_cleaner=[cleaner] if isinstance(cleaner, str) else list(cleaner),
        )

    @classmethod
    def files_of(cls, model: Any) -> dict[str, BundledFile]:
        """Return the tokenizer of transcripts, where the model reads them."""
        tokenizer = transcript_tokenizer(model)
        return {} if tokenizer is None else {TOKENIZER_FILE: (f"{TOKENIZER_FILE}.json", tokenizer.content.encode())}

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: Any
    ) -> SLUModel:
        """Return the model with the tokenizers and the n-gram scorer of the trained one."""
        model = super().runtime_model(family, graphs, section, trained, options)
        return with_transcripts(model, transcript_tokenizer(trained.model))


def transcript_tokenizer(model: Any) -> Any:
    """Return the tokenizer of a model's transcripts; None where it reads none."""
    return None if model.postdecoder is None else model.postdecoder.tokenizer
