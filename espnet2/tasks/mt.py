"""Translation of texts, and recognition of discrete units: keys of a configuration, choices, the model they make."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError
from espnet2.interface.graph import Graph
from espnet2.runtime.families.mt import with_reader
from espnet2.runtime.family import Family
from espnet2.runtime.mt_section import MTSection, TextSearchModel
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.text_reader import SOURCE_MODEL
from espnet2.tasks import asr
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import CTC, require_fit, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.exported import BundledFile
from espnet2.tasks.recognition import RecognitionTask
from espnet2.tasks.rows import Conf
from espnet2.tasks.shared import (
    INIT,
    INPUT_SIZE,
    SPECAUG,
    TOKEN_LIST,
    TOKEN_TYPE,
    TOKENIZER,
    USE_PREPROCESSOR,
    described_text,
)
from espnet2.tasks.two_texts import (
    BPEMODEL,
    ENCODING,
    SRC_BPEMODEL,
    SRC_TOKEN_LIST,
    SRC_TOKEN_TYPE,
    TwoTexts,
    bundled_source,
    source_model,
)
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel

FRONTEND = Choices(
    "frontend",
    {
        "embed": "espnet2.mt.frontend.embedding:Embedding",
        "patch": "espnet2.mt.frontend.embedding:PatchEmbedding",
    },
    default="embed",
)
ENCODER = asr.ENCODER.only(
    "conformer", "transformer", "contextual_block_transformer", "vgg_rnn", "rnn", "branchformer", "e_branchformer"
)
POSTENCODER = asr.POSTENCODER.only("hugging_face_transformers")
DECODERS = "transformer", "lightweight_conv", "lightweight_conv2d", "dynamic_conv", "dynamic_conv2d", "rnn"
DECODER = dataclasses.replace(asr.DECODER.only(*DECODERS), default="rnn", optional=False)
MODEL = Choices(
    "model",
    {
        "mt": "espnet2.mt.espnet_model:ESPnetMTModel",
        "discrete_asr": "espnet2.asr.discrete_asr_espnet_model:ESPnetDiscreteASRModel",
    },
    default="mt",
)
UNITS = "discrete_asr"  # the model with CTC and SpecAugment


class MTTask(TwoTexts, RecognitionTask, AbsTask):
    """Translators of texts, and recognisers of discrete units."""

    name = "mt"
    rows = (
        TOKEN_LIST,
        SRC_TOKEN_LIST,
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        USE_PREPROCESSOR,
        TOKEN_TYPE,
        SRC_TOKEN_TYPE,
        BPEMODEL,
        SRC_BPEMODEL,
        *TOKENIZER[1:],
        *ENCODING,
        FRONTEND,
        SPECAUG,
        asr.PREENCODER,
        ENCODER,
        POSTENCODER,
        DECODER,
        MODEL,
    )
    required = ("output_dir", "src_token_list", "token_list")
    required_data = ("src_text", "text")
    inference_data = ("src_text",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        vocab_size = vocab_size_of(config)
        if not config.src_token_list:
            raise ConfigError("src_token_list: expected the tokens of source texts, found none")
        if config.input_size is not None:
            raise ConfigError(f"input_size: expected null, since source texts are tokens, found {config.input_size}")
        source = len(config.src_token_list)
        frontend = FRONTEND.build(config.frontend, config.frontend_conf, input_size=source)
        preencoder = asr.PREENCODER.build(config.preencoder, config.preencoder_conf)
        size = frontend.output_size() if preencoder is None else preencoder.output_size()
        encoder = ENCODER.build(config.encoder, config.encoder_conf, input_size=size)
        require_fit(config, frontend, preencoder, encoder)
        size = encoder.output_size()
        postencoder = POSTENCODER.build(config.postencoder, config.postencoder_conf, input_size=size)
        size = size if postencoder is None else postencoder.output_size()
        name, of_units = config.model or "mt", {}
        if name == UNITS:
            of_units["ctc"] = build("ctc_conf", CTC, config.ctc_conf, odim=vocab_size, encoder_output_size=size)
            of_units["specaug"] = SPECAUG.build(config.specaug, config.specaug_conf)
        return MODEL.build(
            name,
            config.model_conf,
            vocab_size=vocab_size,
            src_vocab_size=source,
            token_list=config.token_list,
            src_token_list=config.src_token_list,
            frontend=frontend,
            preencoder=preencoder,
            encoder=encoder,
            postencoder=postencoder,
            decoder=DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size, encoder_output_size=size),
            **of_units,
        )

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> MTSection:
        """Return the section of every recogniser, with the tokens of source texts."""
        plain = super().section(model, config, tokenizer, streams).to_dict()
        source = described_text(config, config.src_token_type)
        return MTSection(**{**plain, "sample_rate": 1, "source": source, "source_tokens": list(config.src_token_list)})

    @classmethod
    def further_files(cls, config: Namespace) -> dict[str, Path]:
        """Return the model of the tokenizer of source texts, where it has one that is there."""
        return source_model(config)

    @classmethod
    def bundled_files(cls, tokenizer: AbsTokenizer | None, files: Mapping[str, Path]) -> dict[str, BundledFile]:
        """Return the tokenizers' models and the n-gram model, if any."""
        return {**super().bundled_files(tokenizer, files), **bundled_source(files)}

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: DecodeOptions
    ) -> TextSearchModel:
        """Return the model with the tokenizers and the n-gram scorer of the trained one."""
        return with_source(super().runtime_model(family, graphs, section, trained, options), trained.config)


def with_source(model: SearchModel, config: Namespace) -> TextSearchModel:
    """The model of a search with what reads source texts, as its configuration says."""
    return with_reader(model, source_model(config).get(SOURCE_MODEL))
