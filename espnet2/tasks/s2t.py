"""Speech to text of many tasks, as OWSM: keys of its configuration, choices of its parts, and the model they make."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, ClassVar

from espnet2.runtime.s2t_section import S2TSection
from espnet2.tasks import asr
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import CTC, encoding_parts, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.declaration import require_fields
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


def without(choices: Choices, *names: str) -> Choices:
    """Choices that another task has, but for some."""
    classes = {name: target for name, target in choices.classes.items() if name not in names}
    return dataclasses.replace(choices, classes=classes)


FRONTEND = without(asr.FRONTEND, "espnet_ssl", "huggingface", "wav2vec_cnn")
ENCODER = without(asr.ENCODER, "e_branchformer_ctc", "avhubert", "multiconv_conformer", "beats", "linear")
POSTENCODER = without(asr.POSTENCODER, "length_adaptor")
DECODER = without(asr.DECODER, "transducer", "linear_decoder")
MODEL = Choices("model", {"espnet": "espnet2.s2t.espnet_model:ESPnetS2TModel"}, default="espnet")
PREPROCESSOR = Choices(
    "preprocessor",
    {"s2t": "espnet2.train.preprocessor:S2TPreprocessor"},
    default="s2t",
    part_of_model=False,
)
SPEECH_LENGTH = 30.0  # seconds, where a configuration states none
# Symbols in the options of the preprocessor, with upstream's defaults.
TIMES = {
    "notime_symbol": "<notimestamps>",
    "first_time_symbol": "<0.00>",
    "last_time_symbol": "<30.00>",
}
LANGUAGES = "<abk>", "<zul>"  # the first and the last one, in the order of codes of ISO 639-3


class PromptedTask(RecognitionTask, AbsTask):
    """Base of tasks whose texts begin with a language and a task."""

    prompted_rows = (
        TOKEN_LIST,
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        USE_PREPROCESSOR,
        *TEXT,
        *SPEECH,
        SHORT_NOISE_THRES,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "text")
    optional_data = ("text_prev", "text_ctc", "text_spk2", "text_spk3", "text_spk4")
    inference_data = ("speech",)
    section_class: ClassVar[type[S2TSection]] = S2TSection

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> S2TSection:
        """Return the section of every recogniser, with the window and the symbols of prompts."""
        plain = super().section(model, config, tokenizer, streams)
        return cls.section_class(**{**plain.to_dict(), **prompts_of(model, config, plain.tokens, plain.special)})


class S2TTask(PromptedTask):
    """Models with an encoder and a decoder whose texts begin with a language and a task."""

    name = "s2t"
    rows = (
        *PromptedTask.prompted_rows,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        MODEL,
        asr.PREENCODER,
        ENCODER,
        POSTENCODER,
        DECODER,
        PREPROCESSOR,
    )
    preprocessor = PREPROCESSOR

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        vocab_size = vocab_size_of(config)
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER, POSTENCODER)
        return MODEL.build(
            config.model or "espnet",
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            decoder=DECODER.build(config.decoder, config.decoder_conf, vocab_size=vocab_size, **encoded),
            ctc=build("ctc_conf", CTC, config.ctc_conf, odim=vocab_size, **encoded),
            **parts,
        )

    @classmethod
    def check_task_requirements(
        cls, dataset: Any, allow_variable_data_keys: bool, train: bool, inference: bool = False
    ) -> None:
        """As in other tasks; training needs the text before a recording, and that of CTC, too."""
        super().check_task_requirements(dataset, allow_variable_data_keys, train, inference)
        needed = () if inference else (*cls.required_data, "text_prev", "text_ctc")
        require_fields("data_path_and_name_and_type", dataset.names(), needed, (), allow_others=True)


def prompts_of(model: Any, config: Namespace, tokens: Any, special: Mapping[str, int]) -> dict[str, Any]:
    """Window and symbols of prompts as keys of an `S2TSection`, of a model with these tokens."""
    indices = {token: index for index, token in enumerate(tokens)}
    options = getattr(config, "preprocessor_conf", None) or {}
    untimed, *span = (indices.get(options.get(name, symbol)) for name, symbol in TIMES.items())
    own = {"sop": getattr(model, "sop", None), "na": getattr(model, "na", None)}
    own["notimestamps"] = untimed
    languages = [indices.get(symbol) for symbol in LANGUAGES]
    return {
        "special": {**special, **{name: index for name, index in own.items() if index is not None}},
        "speech_length": float(options.get("speech_length", SPEECH_LENGTH)),
        "languages": languages if None not in languages else [],
        "times": span if None not in (untimed, *span) else [],
    }
