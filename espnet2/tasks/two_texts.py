"""Texts of two languages: options, preprocessing and tokenizers that tasks of translation share."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.runtime.text_reader import BPE, SOURCE_MODEL
from espnet2.tasks.choices import Choices
from espnet2.tasks.declaration import TEXT_AND_SPEECH, TaskDeclaration
from espnet2.tasks.exported import BundledFile
from espnet2.tasks.options import MAPPING, UNREAD, Option
from espnet2.tasks.shared import TOKEN_LIST, TOKEN_TYPE, TOKENIZER
from espnet2.utils.types import str_or_none

TEXTS = "text", "src_text"  # fields of the data: the translation, and what is translated
BPEMODEL = TOKENIZER[0]
SRC_TOKEN_LIST = dataclasses.replace(
    TOKEN_LIST, name="src_token_list", help="file of tokens of the source language, one in a line"
)
SRC_TOKEN_TYPE = dataclasses.replace(TOKEN_TYPE, name="src_token_type", help="kind of tokens of the source language")
SRC_BPEMODEL = dataclasses.replace(BPEMODEL, name="src_bpemodel", help="SentencePiece model of the source language")
SRC_G2P = Option("src_g2p", str_or_none, None, "grapheme-to-phoneme conversion of the source language")
ENCODING = tuple(
    Option(f"{prefix}tokenizer_encode_conf", MAPPING, None, "options of SentencePiece in training", key=UNREAD)
    for prefix in ("src_", "")
)
# Arguments of the preprocessor that have a value for each text, and the options that they come from.
OF_EACH: Mapping[str, tuple[str, ...]] = {
    "token_type": ("token_type", "src_token_type"),
    "token_list": ("token_list", "src_token_list"),
    "bpemodel": ("bpemodel", "src_bpemodel"),
}


class TwoTexts(TaskDeclaration):
    """Base of tasks that translate."""

    preprocessor = Choices(
        "preprocessor",
        {"default": "espnet2.train.preprocessor:MutliTokenizerCommonPreprocessor"},
        default="default",
        part_of_model=False,
    )
    preprocessor_options: ClassVar[Mapping[str, str]] = {
        name: option for name, option in TEXT_AND_SPEECH.items() if name not in (*OF_EACH, "aux_task_names")
    }

    @classmethod
    def preprocessor_arguments(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the preprocessor that options of training give, of both texts where they are two."""
        each = {name: [options.get(option) for option in pair] for name, pair in OF_EACH.items()}
        confs = [options.get(option.name) or {} for option in reversed(ENCODING)]
        if "src_g2p" in options:
            each["g2p_type"] = [options["g2p"], options["src_g2p"]]
        return {**super().preprocessor_arguments(options), **each, "text_name": TEXTS, "tokenizer_encode_conf": confs}

    @classmethod
    def given_to_preprocessor(cls) -> Collection[str]:
        """Return the names of the preprocessor's arguments that are options of training, not of `preprocessor_conf`."""
        return (*super().given_to_preprocessor(), *OF_EACH, "g2p_type", "text_name", "tokenizer_encode_conf")


def bundled_source(files: Mapping[str, Path]) -> dict[str, BundledFile]:
    """Return the model of the tokenizer of the source language among the files of a bundle, if it is there."""
    path = files.get(SOURCE_MODEL)
    return {} if path is None else {SOURCE_MODEL: (f"src_{path.name}", path)}


def source_model(config: Namespace) -> dict[str, Path]:
    """Return the model of the tokenizer of the source language by its role, where it has one that is there."""
    path = config.src_bpemodel
    if config.src_token_type != BPE or path is None or not Path(path).is_file():
        return {}
    return {SOURCE_MODEL: Path(path)}
