"""The recogniser over graphs written in numpy, and `Speech2Text` over a small bundle."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy_graphs import Graph

from espnet2.fileio.audio import read_audio
from espnet2.interface.errors import AudioError, BundleError, OptionError
from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.text.char_tokenizer import CharTokenizer

RECOGNISER = Path(__file__).parents[2] / "golden" / "format_1" / "recogniser"
TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
SPECIAL = {"blank": 0, "sos": 5, "eos": 5}
V = len(TOKENS)
ENCODER_OUT = Tensor("encoder_out", ("batch", "frames", V))


def log_softmax(x):
    return (x - np.logaddexp.reduce(x, axis=-1, keepdims=True)).astype(np.float32)


def encoder(features=False):
    speech = Tensor("speech", ("batch", "frames_in", V) if features else ("batch", "samples"))
    axis = speech.axes[1]
    component = Component(
        name="encoder",
        method="encode",
        inputs=(speech, Tensor("speech_lengths", ("batch",), "int64", axis)),
        outputs=(ENCODER_OUT, Tensor("encoder_out_lens", ("batch",), "int64", "frames")),
        lengths=(OutputLength("frames", axis, Length.conv(3, 3)),),
    )

    def encode(x, lengths):
        x = x[:, 2::3]
        return (x if features else np.eye(V, dtype=np.float32)[np.rint(10 * x).astype(int)]), lengths // 3

    return Graph(component, encode)


def ctc():
    outputs = (Tensor("ctc_log_probs", ("batch", "frames", V)),)
    return Graph(Component("ctc", "log_softmax", (ENCODER_OUT,), outputs), lambda x: (log_softmax(8 * x),))


def decoder_step(liked=3):
    """Likes one token, and the end after three steps."""
    inputs = tuple(Tensor(name, ("batch", "beam"), "int64") for name in ("tokens", "parents"))
    outputs = (Tensor("log_probs", ("batch", "beam", V)),)

    def step(tokens, parents):
        scores = np.zeros((*tokens.shape, V))
        scores[..., liked] = 5
        scores[..., -1] = 2
        return (log_softmax(scores),)

    return Graph(Component("decoder_step", "step", inputs, outputs), step)


def recognizer(graphs=None, tokenizer=True, ngram=None, **options):
    graphs = graphs or {"encoder": encoder(), "ctc": ctc()}
    options = {"beam_size": 3, "ctc_weight": 1.0, **options}
    model = SearchModel(graphs, SearchSection(16000, TOKENS, SPECIAL), CharTokenizer() if tokenizer else None, ngram)
    return Recognizer(model, DecodeOptions(**options))


def test_results_are_upstreams_tuples(say):
    (text, token, token_int, hypothesis), *others = recognizer(nbest=3)(say(2, 2, 0, 3, 4, 2))
    assert (text, token, token_int) == ("ab a", ["a", "b", "<space>", "a"], [2, 3, 4, 2])
    assert hypothesis.yseq.tolist() == [5, 2, 3, 4, 2, 5]
    assert set(hypothesis.scores) == {"ctc"}
    assert hypothesis.score == pytest.approx(hypothesis.scores["ctc"])
    assert [r.hypothesis.score for r in others] == sorted((r.hypothesis.score for r in others), reverse=True)
    assert len(others) == 2


def test_no_text_without_tokenizer(say):
    assert recognizer(tokenizer=False)(say(2, 3))[0][:2] == (None, ["a", "b"])


def test_blanks_are_left_out(say):
    found = recognizer({"encoder": encoder(), "decoder_step": decoder_step(liked=0)}, ctc_weight=0.0, maxlenratio=-2.0)
    assert any(0 in result.hypothesis.yseq for result in found(say(2, 3)))
    assert all(0 not in result.token_int for result in found(say(2, 3)))


def test_every_scorer_has_its_weight(say):
    graphs = {"encoder": encoder(), "ctc": ctc(), "decoder_step": decoder_step(), "lm_step": decoder_step(liked=2)}
    found = recognizer(graphs, ctc_weight=0.4, lm_weight=0.2, penalty=0.5, beam_size=V)
    assert found.beam_search.weights == {"decoder": 0.6, "ctc": 0.4, "length_bonus": 0.5, "lm": 0.2}
    (best,) = found(say(2, 2, 3, 0))
    scores = best.hypothesis.scores
    total = sum(found.beam_search.weights[name] * scores[name] for name in scores)
    assert best.hypothesis.score == pytest.approx(total)
    assert scores["length_bonus"] == len(best.hypothesis.yseq) - 1


@pytest.mark.parametrize(("ctc_weight", "key"), [(1.0, None), (0.3, "full"), (0.0, "full")])
def test_what_ranks_candidates(ctc_weight, key):
    graphs = {"encoder": encoder(), "ctc": ctc(), "decoder_step": decoder_step()}
    assert recognizer(graphs, ctc_weight=ctc_weight).beam_search.pre_beam_score_key == key


def test_batches_are_padded_and_equal_single_utterances(say):
    graphs = {"encoder": encoder(), "ctc": ctc()}
    speeches = [say(4), say(2, 3, 0, 2, 3, 2), say(3, 3, 0, 3, 2)]
    found = recognizer(graphs, batch_size=2, nbest=2)
    together = found.batch(speeches)
    fed = [call["speech_lengths"].tolist() for call in graphs["encoder"].calls]
    assert fed == [[18, 15], [3]]
    assert not graphs["encoder"].calls[0]["speech"][1, 15:].any()
    for results, speech in zip(together, speeches, strict=True):
        for one, other in zip(results, found(speech), strict=True):
            assert one[:3] == other[:3]
            assert one.hypothesis.score == pytest.approx(other.hypothesis.score, abs=1e-5)
    assert found.batch([]) == []


def test_features(say):
    graphs = {"encoder": encoder(features=True), "ctc": ctc()}
    speech = np.eye(V)[np.repeat([2, 3], 3)]
    assert recognizer(graphs)(speech)[0].text == "ab"
    with pytest.raises(AudioError, match=r"speech: expected shape \(frames_in, 6\), found \(6,\)"):
        recognizer(graphs)(say(2, 3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_samples(say, dtype):
    assert recognizer()(say(2, 3).astype(dtype))[0].text == "ab"


def test_first_channel_counts(say):
    speech = say(2, 3)
    assert recognizer()(np.stack([speech, np.ones_like(speech)], axis=1))[0].text == "ab"


@pytest.mark.parametrize(
    ("speech", "sentence"),
    [
        (np.zeros(0, np.float32), "speech: expected at least 3 samples, found 0"),
        (np.ones(2, np.float32), "speech: expected at least 3 samples, found 2"),
        (np.array([0.1, np.nan, 0.1]), "speech: expected finite numbers, found NaN or infinity"),
        (np.array([0.1, np.inf, 0.1]), "speech: expected finite numbers, found NaN or infinity"),
        (np.full(9, 1e20, np.float32), "speech: expected numbers in [-1, 1), found one of size 1e+20"),
        (np.full(9, -1e300), "speech: expected numbers in [-1, 1), found one of size 1e+300"),
        (np.ones((2, 100)), "speech: expected shape (samples), found (2, 100); channels come last"),
        (np.ones((100, 2, 1)), "speech: expected shape (samples), found (100, 2, 1)"),
        (np.ones(100, np.int16), "found int16; divide samples of 16 bits by 32768"),
        (np.ones(100, np.int64), "speech: expected floating point numbers in [-1, 1), found int64"),
        (np.ones(100, np.complex64), "speech: expected floating point numbers in [-1, 1), found complex64"),
        ([0.1, 0.2, 0.3], "speech 1: expected a numpy array, found float"),
        ("a.wav", "speech: expected a numpy array, found str"),
    ],
)
def test_speech_that_cannot_be_recognised(speech, sentence):
    with pytest.raises(AudioError) as error:
        recognizer()(speech)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beam_size": 0}, "beam_size: expected an integer from 1 to 10000, found 0"),
        ({"beam_size": 2.5}, "beam_size: expected an integer from 1 to 10000, found 2.5"),
        ({"nbest": True}, "nbest: expected an integer of at least 1, found True"),
        ({"batch_size": -1}, "batch_size: expected an integer from 0 to 1024, or auto, found -1"),
        ({"batch_size": 1025}, "batch_size: expected an integer from 0 to 1024, or auto, found 1025"),
        ({"ctc_weight": 1.5}, "ctc_weight: expected a number from 0 to 1, found 1.5"),
        ({"ctc_weight": "0.3"}, "ctc_weight: expected a number from 0 to 1, found '0.3'"),
        ({"lm_weight": float("nan")}, "lm_weight: expected a finite number, found nan"),
        ({"normalize_length": 1}, "normalize_length: expected True or False, found 1"),
        ({"time_sync": "yes"}, "time_sync: expected True or False, found 'yes'"),
        ({"timestamps": "words"}, "timestamps: expected one of none, token, word, found 'words'"),
        ({"long_form": "no"}, "long_form: expected auto, true or false, found 'no'"),
        ({"memory_limit": -1}, "memory_limit: expected at least 0 GB, found -1"),
        ({"search_hop_size": -2}, "search_hop_size: expected a number of frames, or -1 for the model's, found -2"),
        ({"max_seq_len": 0}, "max_seq_len: expected an integer from 1 to 100000, found 0"),
        ({"time_sync": True, "partial_ar": True}, "time_sync and partial_ar: expected one of them, found True"),
        ({"beam_size": 10**12}, "beam_size: expected an integer from 1 to 10000, found 1000000000000"),
        *(
            (
                {name: value},
                f"{name}: expected a number of at most 100, or minus a number of tokens up to 100000, found {value}",
            )
            for name in ("maxlenratio", "minlenratio")
            for value in (1e300, -1e300)
        ),
        ({"maskctc_n_iterations": -1}, "maskctc_n_iterations: expected an integer of at least 0, found -1"),
        (
            {"maskctc_threshold_probability": 2},
            "maskctc_threshold_probability: expected a number from 0 to 1, found 2",
        ),
    ],
)
def test_options_that_are_not_allowed(options, sentence):
    with pytest.raises(OptionError) as error:
        DecodeOptions(**options)
    assert str(error.value) == sentence


def test_a_batch_of_none_is_one_utterance_after_the_other():
    assert DecodeOptions(batch_size=0) == DecodeOptions(batch_size=1)


@pytest.mark.parametrize(
    ("part", "graph", "weight", "said"),
    [
        ("ctc", ctc, 1.0, "ctc_weight: 1.0, not 0.3, since the model has no decoder_step"),
        ("decoder_step", decoder_step, 0.0, "ctc_weight: 0.0, not 0.3, since the model has no ctc"),
    ],
)
def test_a_weight_for_what_the_model_has_not(part, graph, weight, said, caplog):
    caplog.set_level("INFO")
    found = recognizer({"encoder": encoder(), part: graph()}, ctc_weight=0.3)
    assert found.options.ctc_weight == weight
    assert found.beam_search.weights[{"ctc": "ctc", "decoder_step": "decoder"}[part]] == 1.0
    assert caplog.messages == [said]


def test_upstreams_defaults():
    assert dataclasses.asdict(DecodeOptions()) == {
        "beam_size": 20,
        "ctc_weight": 0.5,
        "ctc_window_margin": 0,
        "lm_weight": 1.0,
        "ngram_weight": 0.9,
        "penalty": 0.0,
        "hotwords": None,
        "hotword_weight": 3.0,
        "maxlenratio": 0.0,
        "minlenratio": 0.0,
        "nbest": 1,
        "normalize_length": False,
        "time_sync": False,
        "transducer_conf": None,
        "multi_asr": False,
        "hugging_face_decoder": False,
        "hugging_face_decoder_conf": None,
        "ctc_greedy": False,
        "partial_ar": False,
        "threshold_probability": 0.99,
        "max_seq_len": 5,
        "maskctc_n_iterations": 10,
        "maskctc_threshold_probability": 0.99,
        "lang_prompt_token": None,
        "nlp_prompt_token": None,
        "prompt_token_file": None,
        "lid_prompt": False,
        "batch_size": 1,
        "streaming": False,
        "search_block_size": -1,
        "search_hop_size": -1,
        "search_look_ahead": -1,
        "disable_repetition_detection": False,
        "encoded_feat_length_limit": 0,
        "ctc_blanks_only": False,
        "timestamps": "none",
        "long_form": "auto",
        "memory_limit": 0.0,
    }


@pytest.mark.parametrize("change", [{"dtype": "bfloat16"}, {"requires_grad": True}])
def test_tensors_that_numpy_cannot_read(change):
    torch = pytest.importorskip("torch")
    with pytest.raises(AudioError, match="speech: expected what numpy can read, found"):
        kind = getattr(torch, change.pop("dtype", "float32"))
        recognizer()(torch.ones(9, dtype=kind, **change))


def test_speech2text(tiny_bundle, say):
    speech2text = Speech2Text(tiny_bundle, ctc_weight=1.0, beam_size=3, num_threads=1)
    (text, token, token_int, _), *_ = speech2text(say(2, 3, 4, 2))
    assert (text, token, token_int) == ("a日 a", ["a", "日", "<space>", "a"], [2, 3, 4, 2])
    assert speech2text.sample_rate == 16000
    assert Speech2Text(Bundle.load(tiny_bundle), ctc_weight=1.0)(say(2))[0].text == "a"
    batched = Speech2Text(tiny_bundle, ctc_weight=1.0, batch_size=3)
    assert [results[0].text for results in batched.batch([say(2), say(2, 3, 4), say(3)])] == ["a", "a日 ", "日"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beams": 3}, "beams: expected an option of recognition, found an unknown name"),
        ({"ctc_weight": 1.0, "quantized": True}, "quantized: expected a bundle with int8 graphs, found none in"),
        ({"ctc_weight": 1.0, "num_threads": 0}, "num_threads: expected at least 1, found 0"),
        ({"ctc_weight": 1.0, "ngram_scorer": "half"}, "ngram_scorer: expected one of full, part, found 'half'"),
        ({"ctc_weight": 1.0, "beam_size": 0}, "beam_size: expected an integer from 1 to 10000, found 0"),
    ],
)
def test_options_that_a_bundle_cannot_satisfy(tiny_bundle, options, sentence):
    with pytest.raises(OptionError) as error:
        Speech2Text(tiny_bundle, **options)
    assert sentence in str(error.value)


def test_ctc_is_opened_when_it_is_asked_for():
    speech = (0.1 * np.random.default_rng(5).standard_normal(6000)).astype(np.float32)
    speech2text = Speech2Text(RECOGNISER, ctc_weight=0.0, long_form="false", num_threads=1)
    assert "ctc" not in speech2text.model.graphs
    expected = Speech2Text(RECOGNISER, num_threads=1).ctc_log_probs(speech)
    np.testing.assert_array_equal(speech2text.ctc_log_probs(speech), expected)


@pytest.mark.parametrize(
    ("files", "options", "unread"),
    [
        ({}, {"ctc_greedy": True, "lm_weight": 0.0}, "lm_weight 0.0"),
        ({}, {"ctc_greedy": True, "ngram_weight": 0.0}, ""),
        ({"ngram_file": "a.arpa"}, {"ctc_greedy": True, "ngram_weight": 0.0}, "ngram_weight 0.0"),
        ({}, {"lm_weight": 0.0, "ngram_weight": 0.0}, ""),
    ],
)
def test_options_without_effect_are_named_for_graphs_that_are_not_opened(files, options, unread, caplog):
    Speech2Text(RECOGNISER, num_threads=1, **files, **options)
    named = [record.getMessage() for record in caplog.records if "without effect" in record.getMessage()]
    assert named == ([f"without effect on this model and search: {unread}"] if unread else [])


def test_a_bundle_without_encoder(tmp_path, manifest, onnx_files):
    components = {"ctc": manifest.components["ctc"]}
    Bundle.write(
        tmp_path / "b", dataclasses.replace(manifest, components=components), {"ctc.onnx": onnx_files / "ctc.onnx"}
    )
    with pytest.raises(BundleError, match="expected a component 'encoder', found ctc"):
        Speech2Text(tmp_path / "b", ctc_weight=1.0)


@pytest.mark.parametrize(
    ("name", "inputs", "sentence"),
    [
        ("encoder", 1, "encoder: expected the inputs and outputs of that component, found others"),
        ("ctc", 0, "ctc: expected the inputs and outputs of that component, found others"),
    ],
)
def test_a_bundle_with_other_inputs(tmp_path, manifest, onnx_files, name, inputs, sentence):
    entry = manifest.components[name]
    component = dataclasses.replace(entry["interface"], inputs=entry["interface"].inputs[:inputs])
    changed = {**manifest.components, name: {**entry, "interface": component}}
    files = {file: onnx_files / file for file in ("encoder.onnx", "ctc.onnx")}
    Bundle.write(tmp_path / "b", dataclasses.replace(manifest, components=changed), files)
    with pytest.raises(BundleError, match=sentence):
        Speech2Text(tmp_path / "b")


def test_quantised_graphs_are_used_where_there_are_some(tmp_path, manifest, onnx_files, say):
    files = {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")}
    quantized = dataclasses.replace(manifest, quantized={"int8": {"ctc": {"file": "other.onnx"}}})
    Bundle.write(tmp_path / "b", quantized, {**files, "other.onnx": onnx_files / "ctc.onnx"})
    assert Speech2Text(tmp_path / "b", ctc_weight=1.0, quantized=True)(say(2))[0].text == "a"


def test_the_demo_model_gives_upstreams_texts(demo_bundle, demo_dir):
    import json

    references = [json.loads(line) for line in (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()]
    speech2text = Speech2Text(demo_bundle, beam_size=10, ctc_weight=0.3, lm_weight=0.5, nbest=5, num_threads=1)
    for reference in references[:2]:
        speech = read_audio(demo_dir / "recordings" / f"{reference['utt']}.flac", speech2text.sample_rate)
        assert [r.text for r in speech2text(speech)] == [r["text"] for r in reference["lm"]["nbest"]]


def test_too_few_channels():
    """The number of channels that an encoder needs is part of its interface."""
    graph = encoder()
    speech = Tensor("speech", ("batch", "samples", "channels"))
    graph.component = dataclasses.replace(
        graph.component, inputs=(speech, graph.component.inputs[1]), attributes={"least_channels": 2}
    )
    made = recognizer({"encoder": graph, "ctc": ctc()})
    assert made.check(np.ones((3200, 2), np.float32)).shape == (3200, 2)
    with pytest.raises(AudioError, match=r"^speech 2: expected at least 2 channels, found 1$"):
        made.check(np.ones((3200, 1), np.float32), "speech 2")
