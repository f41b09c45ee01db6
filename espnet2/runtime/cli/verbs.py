"""The verbs of `espnet`, a row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MODELS = "models"
ON_RAY = "espnet2.serving.corpus:transcribe"  # what runs verbs of recordings with `--ray`


class Verb(NamedTuple):
    """A verb.

    Attributes:
        help: What it does.
        arguments: The function that adds its options, as `module:function`.
        run: The function that runs it, likewise.
        inputs: The option that holds the words behind it, the first of which may be the model; `MODELS`: all are.
        aliases: Other names.
    """

    help: str
    arguments: str
    run: str
    inputs: str = "recordings"
    aliases: tuple[str, ...] = ()


VERBS: Mapping[str, Verb] = {
    "transcribe": Verb(
        "speech to text: plain, subtitles or JSON",
        "espnet2.runtime.cli.options:add_recognition_arguments",
        "espnet2.runtime.cli.transcribe:transcribe",
        aliases=("asr",),
    ),
    "translate": Verb(
        "speech to text in another language",
        "espnet2.runtime.cli.options:add_translation_arguments",
        "espnet2.runtime.cli.transcribe:transcribe",
    ),
    "align": Verb(
        "times of a known text in a recording",
        "espnet2.runtime.cli.align:add_arguments",
        "espnet2.runtime.cli.align:align",
    ),
    "phonemize": Verb(
        "speech to phones",
        "espnet2.runtime.cli.options:add_phone_arguments",
        "espnet2.runtime.cli.transcribe:transcribe",
    ),
    "synthesize": Verb(
        "text to speech",
        "espnet2.runtime.cli.synthesize:add_arguments",
        "espnet2.runtime.cli.synthesize:synthesize",
        inputs="texts",
        aliases=("tts",),
    ),
    "serve": Verb(
        "a service over HTTP and WebSocket",
        "espnet2.serving.command:add_arguments",
        "espnet2.serving.command:serve",
        inputs=MODELS,
    ),
}
