"""Rows that the tasks share: text, speech, and the parts that come before an encoder."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from espnet2.tasks import files
from espnet2.tasks.choices import Choices
from espnet2.tasks.options import UNREAD, Key, Option
from espnet2.text.build_tokenizer import TOKENIZERS
from espnet2.text.symbols import read_symbols
from espnet2.utils.types import float_or_none, int_or_none, str2bool, str_or_none

INITS = ("chainer", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal")
TEXTS = str | list[str] | None

TOKEN_LIST = Option(
    "token_list",
    str_or_none,
    None,
    "file of tokens, one in a line; required",
    key=Key(hint=list[str], resolve=files.tokens),
)
INIT = Option("init", str_or_none, None, "initialisation of parameters", INITS, key=UNREAD)
INPUT_SIZE = Option("input_size", int_or_none, None, "size of features, where no front end is used")
USE_PREPROCESSOR = Option("use_preprocessor", str2bool, True, "convert text to tokens, and augment speech", key=UNREAD)
TOKEN_TYPE = Option("token_type", str, "bpe", "kind of tokens", tuple(TOKENIZERS), key=Key(hint=str | None))
TOKENIZER = (
    Option("bpemodel", str_or_none, None, "SentencePiece model", key=Key(resolve=files.tokenizer_model)),
    Option(
        "non_linguistic_symbols",
        str_or_none,
        None,
        "file of symbols that are not split",
        key=Key(hint=TEXTS, resolve=files.path),
    ),
    Option("cleaner", str_or_none, None, "cleaners of text", key=Key(hint=TEXTS)),
    Option("g2p", str_or_none, None, "grapheme-to-phoneme conversion, for token_type phn"),
)
TEXT = (TOKEN_TYPE, *TOKENIZER)
SPEECH = (
    Option("speech_volume_normalize", float_or_none, None, "peak that speech is scaled to", key=UNREAD),
    Option("rir_scp", str_or_none, None, "list of room impulse responses", key=UNREAD),
    Option("rir_apply_prob", float, 1.0, "probability of reverberation", key=UNREAD),
    Option("noise_scp", str_or_none, None, "list of noises", key=UNREAD),
    Option("noise_apply_prob", float, 1.0, "probability of noise", key=UNREAD),
    Option("noise_db_range", str, "13_15", "range of signal-to-noise ratios, in dB", key=UNREAD),
)
SHORT_NOISE_THRES = Option(
    "short_noise_thres", float, 0.5, "warn of noises that are shorter than this share of the speech", key=UNREAD
)
AUX_CTC_TASKS = Option(
    "aux_ctc_tasks", str, [], "fields of the data that aux_ctc of model_conf names", nargs="+", key=UNREAD
)
TRAINING_ONLY = (INIT, USE_PREPROCESSOR, *SPEECH, SHORT_NOISE_THRES, AUX_CTC_TASKS)

SPECAUG = Choices("specaug", {"specaug": "espnet2.asr.specaug.specaug:SpecAug"}, optional=True)
NORMALIZE = Choices(
    "normalize",
    {
        "global_mvn": "espnet2.layers.global_mvn:GlobalMVN",
        "utterance_mvn": "espnet2.layers.utterance_mvn:UtteranceMVN",
    },
    default="utterance_mvn",
    optional=True,
    files=("stats_file",),
)
_PREPROCESSOR = "espnet2.train.preprocessor:CommonPreprocessor"
PREPROCESSOR = Choices(
    "preprocessor",
    {"default": _PREPROCESSOR, "multi": f"{_PREPROCESSOR}_multi"},
    default="default",
    part_of_model=False,
)


def described_text(config: Namespace, token_type: str | None, g2p: str | None = None) -> dict[str, Any]:
    """Describe how texts become tokens of `token_type`, as a section of `bundle.yaml` states it.

    `g2p` replaces that of the configuration.
    """
    cleaner = config.cleaner or []
    return {
        "token_type": token_type,
        "cleaner": [cleaner] if isinstance(cleaner, str) else list(cleaner),
        "g2p": g2p or config.g2p,
        "non_linguistic_symbols": read_symbols(config.non_linguistic_symbols),
    }
