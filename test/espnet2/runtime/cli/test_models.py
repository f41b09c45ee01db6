"""Demands of verbs on models: languages and tasks of models of many, and refusals of other models."""

from types import SimpleNamespace

import pytest

from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.cli.models import prompt_options


def bundle(task, token_type="bpe"):
    section = SimpleNamespace(tokenizer={"token_type": token_type})
    return SimpleNamespace(family=family_of(task), section=section, manifest=SimpleNamespace(task=task))


@pytest.mark.parametrize(
    ("task", "verb", "language", "to", "options"),
    [
        ("s2t", "transcribe", None, None, {"task_sym": "<asr>"}),
        ("s2t", "transcribe", "jpn", None, {"lang_sym": "<jpn>", "task_sym": "<asr>"}),
        ("s2t_ctc", "translate", "<eng>", "deu", {"lang_sym": "<eng>", "task_sym": "<st_deu>"}),
        ("s2t", "translate", None, "<deu>", {"task_sym": "<st_deu>"}),
        ("s2t_ctc", "phonemize", "deu", None, {"lang_sym": "<deu>", "task_sym": "<pr>"}),
        ("s2t_ctc", "align", "deu", None, {"lang_sym": "<deu>"}),
        ("asr", "transcribe", None, None, {}),
        ("asr", "align", None, None, {}),
    ],
)
def test_models_of_many_tasks_get_symbols(task, verb, language, to, options):
    assert prompt_options(bundle(task), verb, language, to) == options


def test_recognisers_of_phonemes_phonemize():
    assert prompt_options(bundle("asr", "phn"), "phonemize", None, None) == {}


@pytest.mark.parametrize(
    ("task", "verb", "language", "to", "sentence"),
    [
        ("s2t", "translate", None, None, "--to: expected one, such as deu, for a model of many languages, found none"),
        (
            "asr",
            "translate",
            None,
            "deu",
            "translate: expected a model of speech translation, found one of speech recog",
        ),
        ("asr", "phonemize", None, None, "phonemize: expected a model of phone recognition, found one of speech recog"),
        ("tts", "transcribe", None, None, "transcribe: expected a model of speech recognition, found one of"),
        (
            "asr",
            "transcribe",
            "eng",
            None,
            "--language: expected none, since the model is of one language, found 'eng'",
        ),
    ],
)
def test_other_models_are_refused(task, verb, language, to, sentence):
    with pytest.raises(OptionError, match=sentence):
        prompt_options(bundle(task), verb, language, to)
