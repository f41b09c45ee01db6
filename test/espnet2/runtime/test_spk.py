"""Speaker embeddings from a bundle equal upstream's, for each utterance of a batch as for it alone."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
import zoo_data
import zoo_spk

from espnet2.interface.errors import AudioError, BundleError, OptionError
from espnet2.interface.families import family_of
from espnet2.runtime import Speech2Embedding
from espnet2.runtime.spk import cosine

GOLDEN = Path(__file__).parents[2] / "golden"
BUNDLE = GOLDEN / "spk"  # of the row below, by tools/make_spk_bundle.py
ROW = next(row for row in zoo_spk.ROWS if row.name == "spk-task")


@pytest.fixture(scope="module")
def speeches():
    return [zoo_data.utterance(ROW, index)["speech"] for index in range(len(ROW.lengths))]


@pytest.fixture(scope="module")
def expected():
    with np.load(GOLDEN / f"{ROW.name}.npz") as arrays:
        return np.stack([arrays[f"{index}.out"] for index in range(len(ROW.lengths))])


def test_an_embedding_equals_upstream(speeches, expected):
    speech2embedding = Speech2Embedding(BUNDLE, num_threads=1)
    for speech, embedding in zip(speeches, expected, strict=True):
        found = speech2embedding(speech)
        assert (found.shape, found.dtype) == ((1, 5), np.float32)
        np.testing.assert_allclose(found[0], embedding, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_batch_gives_what_each_utterance_gives_alone(speeches, expected, batch_size):
    speech2embedding = Speech2Embedding(BUNDLE, batch_size=batch_size)
    np.testing.assert_allclose(speech2embedding.batch(speeches), expected, atol=1e-5)


def test_what_lies_in_the_padding_does_not_matter(speeches, expected):
    lengths = np.array([len(speech) for speech in speeches])
    padded = np.full((len(speeches), lengths.max() + 100), 7.0, np.float32)
    for row, speech in zip(padded, speeches, strict=True):
        row[: len(speech)] = speech
    speech2embedding = Speech2Embedding(BUNDLE, batch_size=3)
    np.testing.assert_allclose(speech2embedding.batch(padded, lengths), expected, atol=1e-5)
    graph = speech2embedding.model.graph({"speech": padded, "speech_lengths": lengths})
    np.testing.assert_allclose(graph["embedding"].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("speech", "message"),
    [
        (np.zeros(160, np.int16), "expected floating point numbers"),
        (np.zeros((2, 160), np.float32), r"expected shape \(samples\)"),
        (np.zeros(100, np.float32), "expected at least [0-9]+ samples, found 100"),
        (np.full(900, np.nan, np.float32), "expected finite numbers"),
        ([0.1] * 900, "expected a numpy array, found list"),
    ],
)
def test_bad_speech(speech, message):
    with pytest.raises(AudioError, match=message):
        Speech2Embedding(BUNDLE)(speech)


def limited(monkeypatch, attributes: dict) -> Speech2Embedding:
    """The model with these attributes, and memory for the attention of 10 frames of one head."""
    monkeypatch.setattr("espnet2.runtime.memory.available_memory", lambda: 2 * 8 * 4 * 10**2)
    found = Speech2Embedding(BUNDLE, num_threads=1)
    (rule,) = found.model.component.lengths
    assert rule.length(rule.length.shortest(10)) == 10
    graph = found.model.graph
    monkeypatch.setattr(graph, "component", dataclasses.replace(graph.component, attributes=attributes))
    return found


def test_speech_that_is_too_long_for_memory(monkeypatch, speeches):
    model = limited(monkeypatch, {"attention_heads": 1})
    length = model.model.component.lengths[0].length
    speech = np.tile(speeches[0], 9)
    model.check(speech[: length.shortest(10)])
    sentence = (
        r"expected speech that 3.2e-06 GB of memory are enough for, found \d+ samples, which would take about 3.87"
    )
    with pytest.raises(AudioError, match=sentence):
        model.check(speech[: length.shortest(11)])
    limited(monkeypatch, {"attention_heads": 0}).check(speech)


def test_speech_that_is_longer_than_the_model_reads(monkeypatch, speeches):
    model = limited(monkeypatch, {"longest": 900, "attention_heads": 0})
    model.check(np.tile(speeches[0], 9)[:900])
    with pytest.raises(AudioError, match=r"^a: expected at most 900 samples, as many as the model reads, found 901$"):
        model.check(np.tile(speeches[0], 9)[:901], "a")


def test_batches_are_as_large_as_memory_allows(monkeypatch, speeches, expected):
    model = limited(monkeypatch, {"attention_heads": 1})
    sizes, outputs = [], type(model.model).outputs
    monkeypatch.setattr(type(model.model), "outputs", lambda self, some: sizes.append(len(some)) or outputs(self, some))
    monkeypatch.setattr(
        "espnet2.runtime.memory.available_memory", lambda: 2 * model.model.memory(max(map(len, speeches)))
    )
    np.testing.assert_allclose(model.embed(speeches), expected, atol=1e-5)
    assert sizes == [1, 2]  # the first is the longest


def test_an_empty_batch():
    with pytest.raises(AudioError, match="expected at least one utterance"):
        Speech2Embedding(BUNDLE).batch([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, found 0"),
        ({"batchsize": 1}, "batchsize: expected an option among batch_size"),
        ({"quantized": True}, "quantized: expected a bundle with int8 graphs"),
        ({"num_threads": 0}, "num_threads: expected at least 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        Speech2Embedding(BUNDLE, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spk": {"sample_rate": "16k"}}, "spk.sample_rate: expected a rate in Hz, found 16k"),
        ({"spk": {}}, "spk: expected the key 'sample_rate'"),
        ({"task": "asr", "asr": {}}, "bundle.yaml: "),
    ],
)
def test_a_broken_manifest(tmp_path, change, message):
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(BundleError, match=message):
        Speech2Embedding(tmp_path / "bundle")


def test_other_inputs_are_refused(tmp_path):
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.yaml"
    manifest = yaml.safe_load(path.read_text())
    del manifest["components"]["embedding"]["interface"]["inputs"][1]
    path.write_text(yaml.safe_dump(manifest))
    with pytest.raises(BundleError, match="embedding: expected the inputs and outputs of that component"):
        Speech2Embedding(tmp_path / "bundle")


def test_a_bundle_by_its_path(speeches, expected):
    found = Speech2Embedding.from_pretrained(str(BUNDLE))(speeches[0])
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)


def test_a_difference_is_found():
    family = family_of("spk")
    one = np.ones((1, 5), np.float32)
    assert [check.passed for check in family.compare(one, one, "a")] == [True]
    assert [check.passed for check in family.compare(one, one + 0.01, "a")] == [False]


def test_the_duration_of_speech():
    speech2embedding = Speech2Embedding(BUNDLE)
    components, section = speech2embedding.bundle.components, speech2embedding.bundle.section
    assert family_of("spk").duration(components, section, np.zeros(8000), None) == 0.5


def test_cosines():
    first, second = np.array([[3.0, 0.0]]), np.array([1.0, 1.0])
    assert cosine(first, first) == pytest.approx(1.0)
    assert cosine(first, second) == pytest.approx(0.5**0.5)
    assert cosine(first, -first) == pytest.approx(-1.0)
    assert cosine(first, 0 * first) == 0.0
