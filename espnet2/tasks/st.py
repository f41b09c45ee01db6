"""Translation of speech: keys of its configuration, choices of its parts, and the model that they make."""

from __future__ import annotations

import dataclasses
import logging
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError
from espnet2.interface.graph import Graph
from espnet2.runtime.families.st import SOURCE_NGRAM, two_pass
from espnet2.runtime.family import Family
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.st import PREFIX
from espnet2.runtime.st_section import STSection
from espnet2.tasks import asr
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import CTC, JOINT_NETWORK, encoding_parts, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.exported import BundledFile, Part
from espnet2.tasks.mt import DECODERS
from espnet2.tasks.options import Option
from espnet2.tasks.recognition import RecognitionTask
from espnet2.tasks.rows import Conf
from espnet2.tasks.shared import (
    INIT,
    INPUT_SIZE,
    NORMALIZE,
    SHORT_NOISE_THRES,
    SPECAUG,
    SPEECH,
    TOKEN_LIST,
    TOKEN_TYPE,
    TOKENIZER,
    USE_PREPROCESSOR,
)
from espnet2.tasks.two_texts import (
    BPEMODEL,
    SRC_BPEMODEL,
    SRC_G2P,
    SRC_TOKEN_LIST,
    SRC_TOKEN_TYPE,
    TwoTexts,
    bundled_source,
    source_model,
)
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel

_BLOCKS = ("conformer", "transformer", "contextual_block_transformer", "contextual_block_conformer", "vgg_rnn", "rnn")
FRONTEND = asr.FRONTEND.only("default", "sliding_window", "s3prl")
ENCODER = asr.ENCODER.only(
    *_BLOCKS, "wav2vec2", "hubert", "hubert_pretrain", "branchformer", "e_branchformer", "whisper"
)


def _further(section: str, *others: str) -> Choices:
    """Choices of an encoder of hidden vectors, which a model may have beside that of speech."""
    chosen = asr.ENCODER.only(*_BLOCKS, "branchformer", "e_branchformer")
    return dataclasses.replace(chosen, section=section, default=None, optional=True)


def _decoder(section: str, choices: Mapping[str, str]) -> Choices:
    return Choices(section, choices, optional=True)


_MD = {"transformer_md": "espnet2.asr.decoder.transformer_decoder:TransformerMDDecoder"}
_PLAIN = asr.DECODER.only(*DECODERS).classes
DECODER = Choices(
    "decoder",
    {**_MD, **_PLAIN, **asr.DECODER.only("transducer", "whisper", "hugging_face_transformers").classes},
    default="rnn",
)
EXTRA_ASR_DECODER = Choices("extra_asr_decoder", {**_MD, **_PLAIN}, optional=True)
EXTRA_MT_DECODER = Choices("extra_mt_decoder", _PLAIN, optional=True)
EXTRA_MT_ENCODER = _further("extra_mt_encoder")
MD_ENCODER = _further("md_encoder")
HIER_ENCODER = _further("hier_encoder")
CTC_SAMPLE_RATE = Option("ctc_sample_rate", float, 0.0, "known with its default only", fixed=True)
MODEL = "espnet2.st.espnet_model:ESPnetSTModel"
SOURCE_LM, SOURCE_NGRAM_FILE = "src_lm", "src_ngram_file"  # a task, and an option

_log = logging.getLogger(__name__)


class STTask(TwoTexts, RecognitionTask, AbsTask):
    """Translators of speech."""

    name = "st"
    rows = (
        TOKEN_LIST,
        SRC_TOKEN_LIST,
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        Conf("st_joint_net_conf", JOINT_NETWORK, written=False),
        Conf("model_conf", MODEL),
        USE_PREPROCESSOR,
        TOKEN_TYPE,
        SRC_TOKEN_TYPE,
        BPEMODEL,
        SRC_BPEMODEL,
        *TOKENIZER[1:],
        SRC_G2P,
        *SPEECH,
        SHORT_NOISE_THRES,
        CTC_SAMPLE_RATE,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        asr.PREENCODER,
        ENCODER,
        asr.POSTENCODER,
        DECODER,
        EXTRA_ASR_DECODER,
        EXTRA_MT_DECODER,
        MD_ENCODER,
        HIER_ENCODER,
        EXTRA_MT_ENCODER,
        TwoTexts.preprocessor,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "text")
    optional_data = ("src_text",)
    inference_data = ("speech",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        vocab_size = vocab_size_of(config)
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER)
        size = encoded["encoder_output_size"]
        hier = HIER_ENCODER.build(config.hier_encoder, config.hier_encoder_conf, input_size=size)
        read = size if hier is None else hier.output_size()
        postencoder = asr.POSTENCODER.build(config.postencoder, config.postencoder_conf, input_size=read)
        read = read if postencoder is None else postencoder.output_size()
        source = config.src_token_list or []
        sizes = {"vocab_size": len(source), "encoder_output_size": size}
        recognising = EXTRA_ASR_DECODER.build(config.extra_asr_decoder, config.extra_asr_decoder_conf, **sizes)
        second = MD_ENCODER.build(config.md_encoder, config.md_encoder_conf, input_size=size)
        if second is not None and second.output_size() != read:
            raise ConfigError(
                f"md_encoder_conf: expected an output of {read}, as speech has, found {second.output_size()}"
            )
        tokens = {"input_size": len(source) or vocab_size}
        of_texts = EXTRA_MT_ENCODER.build(config.extra_mt_encoder, config.extra_mt_encoder_conf, **tokens)
        mt_size = size if of_texts is None else of_texts.output_size()
        written = {"vocab_size": vocab_size, "encoder_output_size": mt_size}
        decoder, joint_network = decoder_of(config, vocab_size, read)
        target = {"odim": vocab_size, "encoder_output_size": read}
        return build(
            "model_conf",
            MODEL,
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            src_vocab_size=len(source) or None,
            src_token_list=source or None,
            decoder=decoder,
            st_joint_network=joint_network,
            extra_asr_decoder=recognising,
            extra_mt_decoder=EXTRA_MT_DECODER.build(config.extra_mt_decoder, config.extra_mt_decoder_conf, **written),
            hier_encoder=hier,
            postencoder=postencoder,
            md_encoder=second,
            extra_mt_encoder=of_texts,
            ctc=build("ctc_conf", CTC, config.ctc_conf, odim=len(source), **encoded) if source else None,
            st_ctc=build("ctc_conf", CTC, config.ctc_conf, **target),
            **parts,
        )

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> STSection:
        """Return the section of every recogniser, with the tokens of the source language where they are written."""
        plain = super().section(model, config, tokenizer, streams).to_dict()
        if model.md_encoder is None:
            return STSection(**plain)
        return STSection(
            **plain,
            recognition={
                "tokens": list(config.src_token_list),
                "special": {"blank": 0, "sos": model.src_sos, "eos": model.src_eos},
                "tokenizer": {"token_type": config.src_token_type},
            },
        )

    @classmethod
    def further_files(cls, config: Namespace) -> dict[str, Path]:
        """Return the model of the tokenizer of the source language, where one is written and has such a file."""
        return {} if config.md_encoder is None else source_model(config)

    @classmethod
    def bundled_files(cls, tokenizer: AbsTokenizer | None, files: Mapping[str, Path]) -> dict[str, BundledFile]:
        """Return the tokenizers' models and the n-gram models, if any."""
        found = {**super().bundled_files(tokenizer, files), **bundled_source(files)}
        path = files.get(SOURCE_NGRAM_FILE)
        return found if path is None else {**found, SOURCE_NGRAM: (SOURCE_NGRAM + path.suffix, path)}

    @classmethod
    def require_companion(cls, name: str, config: Namespace, companion: Namespace, source: Path) -> None:
        """Raise `ConfigError` for a language model with other tokens than those of the language that it is of."""
        tokens = config.src_token_list if name == SOURCE_LM else config.token_list
        super().require_companion(name, Namespace(token_list=tokens), companion, source)

    @classmethod
    def companion_parts(cls, name: str, config: Namespace, companion: Any) -> Sequence[Part]:
        """Return the parts of a language model; one of the source language is part of a multi-decoder model alone."""
        parts = super().companion_parts(name, config, companion)
        if name != SOURCE_LM:
            return parts
        if config.md_encoder is None:
            _log.warning("%s: without effect, since the model does not recognise before it translates", name)
            return ()
        return tuple((module, dataclasses.replace(part, name=PREFIX + part.name)) for module, part in parts)

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: DecodeOptions
    ) -> SearchModel:
        """Return the model with the tokenizers and the n-gram scorer of the trained one."""
        return recognising_first(super().runtime_model(family, graphs, section, trained, options), trained, options)


def decoder_of(config: Namespace, vocab_size: int, size: int) -> tuple[Any, Any]:
    """Return the decoder of translations, and a transducer's joint network, or None."""
    if config.decoder != "transducer":
        sizes = {"vocab_size": vocab_size, "encoder_output_size": size}
        return DECODER.build(config.decoder, config.decoder_conf, **sizes), None
    decoder = DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size)
    joint_sizes = {"encoder_size": size, "decoder_size": decoder.output_size()}
    conf = config.st_joint_net_conf or {}
    return decoder, build("st_joint_net_conf", JOINT_NETWORK, conf, output_size=vocab_size, **joint_sizes)


def recognising_first(
    model: SearchModel,
    trained: Any,
    options: DecodeOptions,
    ngram_scorer: str = "full",
    token_type: str | None = None,
    bpemodel: str | Path | None = None,
) -> SearchModel:
    """The model of a search as one that recognises first, where it does.

    The tokenizer of what it recognises is that of the trained model's configuration, or the one given instead.
    """
    tokens = model.section.recognition.get("tokens", ()) if isinstance(model.section, STSection) else ()
    if not tokens:
        return model
    kind, file = token_type or trained.config.src_token_type, bpemodel or trained.config.src_bpemodel
    tokenizer = load_tokenizer(kind, file, token_list=tokens)
    return two_pass(model, tokenizer, trained.files.get(SOURCE_NGRAM_FILE), options, ngram_scorer)
