"""Language identification: keys of its configuration, which are those of speaker models with languages for speakers."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import ConfigError
from espnet2.runtime.lid import LanguageSection
from espnet2.tasks import files, spk
from espnet2.tasks.choices import Choices
from espnet2.tasks.options import UNREAD, Key, Option
from espnet2.tasks.shared import INIT, INPUT_SIZE, SPECAUG, USE_PREPROCESSOR
from espnet2.tasks.spk import SpeakerTask, sample_rate_of
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.types import int_or_none

MODEL = Choices("model", {"espnet": "espnet2.lid.espnet_model:ESPnetLIDModel"}, default="espnet")
ENCODER = Choices(
    "encoder",
    {name: target for name, target in spk.ENCODER.classes.items() if name != "resnet"},
    default="rawnet3",
)
# Of models that are conditioned on intermediate results, none of which upstream has in its releases: without effect.
CONDITION = tuple(
    Choices(f"{choices.section}_condition", choices.classes, default=choices.default, part_of_model=False)
    for choices in (ENCODER, spk.POOLING, spk.PROJECTOR)
)
PREPROCESSOR = Choices(
    "preprocessor",
    {
        "common": "espnet2.train.preprocessor:CommonPreprocessor",
        "lid": "espnet2.train.preprocessor:LIDPreprocessor",
    },
    default="lid",
    part_of_model=False,
)


class LIDTask(SpeakerTask):
    """Language identification."""

    name = "lid"
    encoder = ENCODER
    count = "lang_num"
    listed = "lang2utt"
    nouns = "languages"
    preparation: ClassVar[tuple[str, ...]] = ("target_duration", "lang2utt", "sample_rate", "rir_scp")
    rows = (
        INIT,
        USE_PREPROCESSOR,
        INPUT_SIZE,
        Option("target_duration", float, 3.0, "duration of utterances in training, in seconds", key=UNREAD),
        Option(
            "lang2utt",
            str,
            "",
            "file of the languages of the training data, and their utterances",
            key=Key(resolve=files.path),
        ),
        Option("lang_num", int_or_none, None, "number of languages of the training data"),
        Option("sample_rate", int, spk.SAMPLE_RATE, "sampling rate of speech, in Hz"),
        Option("num_eval", int, 10, "without effect", key=UNREAD),
        Option("rir_scp", str, "", "list of room impulse responses", key=UNREAD),
        MODEL,
        spk.FRONTEND,
        SPECAUG,
        spk.NORMALIZE,
        ENCODER,
        spk.POOLING,
        spk.PROJECTOR,
        *CONDITION,
        PREPROCESSOR,
        spk.LOSS,
    )
    required_data = ("speech", "lid_labels")
    optional_data = ()
    preprocessor = PREPROCESSOR

    @classmethod
    def whole(cls, config: Namespace, **parts: Any) -> AbsESPnetModel:
        """Build the model of its parts."""
        return MODEL.build(config.model, config.model_conf, **parts)

    @classmethod
    def read_files(cls, config: Namespace, files: Mapping[str, Path]) -> None:
        """Take the list of languages that is given instead of the configuration's."""
        config.lang2utt = str(files.get("lang2utt", config.lang2utt))

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> LanguageSection:
        """Return sampling rate and languages; raises `ConfigError` for a list that is not the model's."""
        return LanguageSection(sample_rate_of(model, config), languages_of(config))


def languages_of(config: Namespace) -> list[str]:
    """The languages in the order of their numbers; raises `ConfigError` for a list that is not the model's."""
    path = config.lang2utt
    if not path or not Path(path).is_file():
        found = f"no such file: {path}" if path else "none"
        raise ConfigError(
            f"lang2utt: expected the file of the languages of training, lines 'LANGUAGE ...', found {found}"
        )
    languages = list(read_2columns_text(path))
    if len(languages) != config.lang_num:
        raise ConfigError(f"{path}: expected {config.lang_num} languages, as many as lang_num, found {len(languages)}")
    return languages
