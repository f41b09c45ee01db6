"""Whole decodes of models of understanding against upstream's; `tools/make_slu_golden.py` decodes more cases."""

import json
from pathlib import Path

import numpy as np
import pytest
import slu_cases
import zoo_slu
from zoo_training_calls import condensed, difference

from espnet2.bin.slu_inference import Speech2Understand
from espnet2.interface.errors import ConfigError, DataError, OptionError
from espnet2.tasks.slu import SLUTask

GOLDEN, TRAINING = (
    json.loads((Path(__file__).parents[2] / f"golden/slu_{name}.json").read_text(encoding="utf-8"))
    for name in ("decodes", "training")
)
CASES = [case for case in slu_cases.cases(slu_cases.STORED) if GOLDEN[case.name] is not None]
SPEECH = slu_cases.speech(CASES[0])


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    return {name: slu_cases.write(directory / name, name) for name in dict.fromkeys(case.model for case in CASES)}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_results_are_those_of_upstream(case, configs):
    found = slu_cases.decoded(case, slu_cases.recogniser(case, configs[case.model]))
    assert not slu_cases.difference(GOLDEN[case.name], found)


@pytest.fixture(scope="module")
def understand(configs):
    return Speech2Understand(configs["deliberation"], None, maxlenratio=-4, beam_size=2)


def tokens(results):
    return [(result.token_int, float(result.hypothesis.score)) for result in results]


def test_a_transcript_is_a_text_or_indices_of_words(understand, caplog):
    words = zoo_slu.TRANSCRIPT_TOKENS
    text, indices = "play a  b", [words.index(word) for word in ("play", "a", "b")]
    assert tokens(understand(SPEECH, text)) == tokens(understand(SPEECH, np.array([indices])))
    assert tokens(understand(SPEECH, text)) != tokens(understand(SPEECH, "a b"))
    assert "unknown" not in caplog.text
    assert tokens(understand(SPEECH, "play jazz")) == tokens(understand(SPEECH, "play <unk>"))
    assert "transcript: 1 of 2 words are unknown, as jazz" in caplog.text
    both = understand([SPEECH, SPEECH], [text, "a b"])
    assert list(map(tokens, both)) == [tokens(understand(SPEECH, text)), tokens(understand(SPEECH, "a b"))]


@pytest.mark.parametrize(
    ("transcript", "error", "sentence"),
    [
        (None, OptionError, "transcript: expected the transcript of the recording, which the model reads, found none"),
        (" ", DataError, "transcript: expected at least one word, found ' '"),
        ([11], OptionError, "transcript: expected indices of 11 words, found 11"),
        ([1, -1], OptionError, "transcript: expected indices of 11 words, found -1"),
    ],
)
def test_transcripts_that_cannot_be_read(understand, transcript, error, sentence):
    with pytest.raises(error) as caught:
        understand(SPEECH, transcript)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timestamps": "word"}, "timestamps: expected none, since the model's frames are those of a transcript, too"),
        ({"long_form": "true"}, "long_form: expected false, since a transcript is that of a whole recording"),
        ({"run_chunk": True}, "run_chunk: expected False, the only value known here, found True"),
        ({"transcript": 3}, "transcript: expected a text or indices of tokens, found 3"),
        ({"beams": 3}, "beams: expected an option of Speech2Understand, found an unknown name"),
    ],
)
def test_options_that_cannot_be_had(configs, options, sentence):
    with pytest.raises(OptionError) as caught:
        Speech2Understand(configs["deliberation"], None, **options)
    assert str(caught.value).startswith(sentence)


def test_models_without_a_postdecoder_take_no_notice_of_transcripts(configs):
    plain = Speech2Understand(configs["plain"], None, maxlenratio=-4, beam_size=2, sim_chunk_length=640)
    assert tokens(plain(SPEECH)) == tokens(plain(SPEECH, [3])) == tokens(plain(SPEECH, ""))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"decoder": "mlm"}, "decoder: expected one that upstream trains in this task, found mlm"),
        ({"model_conf": {"superb_setup": True}}, "model_conf: superb_setup: expected false, since a classifier of"),
        (
            {"deliberationencoder": "transformer", "deliberationencoder_conf": {"output_size": 8}},
            "deliberationencoder_conf.output_size: expected 16, as without postdecoder it is not used, found 8",
        ),
        (
            {"postencoder": "conformer", "postencoder_conf": {"output_size": 8}},
            "postencoder_conf: output_size: expected 16, the size of the input, found 8",
        ),
    ],
)
def test_configurations_of_no_model(keys, sentence):
    with pytest.raises(ConfigError) as caught:
        SLUTask.build_model({**zoo_slu.PLAIN, **keys})
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("row", slu_cases.trainings(slu_cases.TRAINED), ids=lambda row: row.name)
def test_training_equals_upstream(row, tmp_path):
    found = condensed(slu_cases.trained(row, tmp_path / "model"))
    assert not difference(TRAINING[row.name], found)
