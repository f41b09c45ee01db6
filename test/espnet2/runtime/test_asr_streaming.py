"""Streams over graphs written in numpy, and `Speech2TextStreaming` over a small bundle."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_graphs import Value
from stream_graphs import SEARCHES, TOKENS, S, V, encoder_step, recognizer, slowly, spoken

from espnet2.interface.errors import AudioError, BundleError, OptionError, StreamError
from espnet2.runtime import Speech2Text, Speech2TextStreaming
from espnet2.runtime.stream_encoder import MOST_STEPS
from espnet2.runtime.timestamps import Timed


def cut(speech, sizes):
    """Pieces of the given sizes, and the rest."""
    edges = [0, *(min(end, len(speech)) for end in itertools.accumulate(sizes)), len(speech)]
    return [speech[start:end] for start, end in itertools.pairwise(edges)]


def say(session, pieces):
    *others, last = pieces
    return [*(session(piece, False) for piece in others), session(last, True)][-1]


def plain(results):
    return [(r.text, r.token_int, pytest.approx(float(r.hypothesis.score), abs=1e-5)) for r in results]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("steps", ["steps", 1])
@given(
    tokens=st.lists(st.sampled_from([0, 2, 3, 4]), max_size=20),
    extra=st.integers(0, 2),
    sizes=st.lists(st.one_of(st.integers(0, 7), st.just(1), st.just(100)), max_size=30),
)
def test_cuts_make_no_difference(search, steps, tokens, extra, sizes):
    found = recognizer(encoder_step(steps), **SEARCHES[search])
    speech = np.concatenate([slowly(*tokens), np.zeros(extra, np.float32)])
    whole = found(speech)
    expected = [token for token, _ in itertools.groupby(tokens) if token]
    assert whole[0].token_int == expected
    assert whole[0].text == "".join(TOKENS[token] for token in expected).replace("<space>", " ")
    assert plain(say(found.session(), cut(speech, sizes))) == plain(whole)


def test_results_grow():
    found = recognizer()
    speech = spoken(2, 3, 0, 2, 4, 4, 3)
    texts = [found(piece, False)[0].text for piece in cut(speech, [3] * 6)]
    assert texts == ["", "", "a", "a", "ab", "ab", "aba "]
    found(speech[:0], False).clear()
    assert found(speech[:0], False)[0].text == "aba "
    assert found(speech[:0], True)[0].text == "aba b"


def test_a_new_stream_begins_with_reset():
    found = recognizer(timestamps="token", ctc_weight=1.0, beam_size=3)
    first = found(slowly(2, 2, 3))
    found.reset()
    assert plain(found(slowly(2, 2, 3))) == plain(first)
    found.reset()
    assert found(slowly(3))[0].text == "b"


def test_streams_are_stepped_together():
    speeches = [spoken(*tokens) for tokens in ([2, 3, 2, 0, 2, 3, 3, 0, 4], [3] * 4, [2, 0, 2, 0, 2, 0, 2])]
    sizes = [[6, 6, 6, 6, 3], [5, 1, 0, 6], [1, 20]]
    expected = [plain(recognizer()(speech)) for speech in speeches]
    encoder = encoder_step()
    found = recognizer(encoder)
    sessions = [found.session() for _ in speeches]
    rounds = itertools.zip_longest(*map(cut, speeches, sizes))
    results = {}
    for pieces in rounds:
        given = [index for index, piece in enumerate(pieces) if piece is not None]
        ends = [sessions[index].received + len(pieces[index]) == len(speeches[index]) for index in given]
        active = [(sessions[i], pieces[i], end) for i, end in zip(given, ends, strict=True) if not sessions[i].ended]
        for (session, _, _), result in zip(active, found.advance(active), strict=True):
            results[sessions.index(session)] = result
    assert [plain(results[index]) for index in range(3)] == expected
    assert max(len(call["speech"]) for call in encoder.calls) > 1


def test_one_call_for_all_streams():
    encoder = encoder_step()
    found = recognizer(encoder)
    sessions = [found.session() for _ in range(4)]
    for _ in range(3):
        found.advance([(session, spoken(2, 3), False) for session in sessions])
    assert [call["speech"].shape for call in encoder.calls] == [(4, 1, S)] * 3
    states = [call["past_speech"] for call in encoder.calls[1:]]
    assert all(isinstance(state, Value) for state in states), "what a step returns is fed to the next as it is"
    assert found.advance([]) == []


@pytest.mark.parametrize("count, steps", [(1, 40), (5, 7), (40, 2)])
def test_a_call_has_a_limited_number_of_steps_of_all_streams(count, steps):
    speech = slowly(*[2, 3] * steps)[: steps * S]
    encoder = encoder_step()
    found = recognizer(encoder)
    results = found.advance([(found.session(), speech, True) for _ in range(count)])
    assert all(plain(result) == plain(recognizer()(speech)) for result in results)
    sizes = [call["speech"].shape[:2] for call in encoder.calls]
    assert max(streams * taken for streams, taken in sizes) <= MOST_STEPS


def test_pieces_without_samples_do_nothing():
    encoder = encoder_step()
    found = recognizer(encoder)
    assert found(np.zeros(0), False)[0].text == ""
    assert not encoder.calls
    found(spoken(2, 3, 2), False)
    calls = len(encoder.calls)
    assert found(np.zeros(0, np.float32), False)[0].text == found(np.zeros(0), False)[0].text
    assert len(encoder.calls) == calls
    assert found(np.zeros(0))[0].text == "aba"


@pytest.mark.parametrize(
    ("speech", "sentence"),
    [
        (np.array([0.1, np.nan]), "speech: expected finite numbers, found NaN or infinity"),
        (np.full(9, 1e20, np.float32), "speech: expected numbers in [-1, 1), found one of size 1e+20"),
        (np.ones((100, 2)), "speech: expected shape (samples), found (100, 2); a stream has one channel"),
        (np.ones(100, np.int16), "found int16; divide samples of 16 bits by 32768"),
        (np.ones(100, np.int64), "speech: expected floating point numbers in [-1, 1), found int64"),
        ([0.1, 0.2, 0.3], "speech: expected a numpy array, found list"),
        (b"\0\0", "speech: expected a numpy array, found bytes"),
    ],
)
def test_samples_that_cannot_be_taken_leave_the_stream_as_it_is(speech, sentence):
    found = recognizer()
    found(spoken(2, 3), False)
    for is_final in (False, True):
        with pytest.raises(AudioError) as error:
            found(speech, is_final)
        assert sentence in str(error.value)
    assert found(spoken(0, 2), True)[0].text == "aba"


def test_streams_that_cannot_go_on():
    found = recognizer()
    with pytest.raises(AudioError, match=r"^speech: expected at least 3 samples in a stream, found 2$"):
        found(np.zeros(2), True)
    assert found(spoken(2, 3), True)[0].text == "ab"
    for speech in (spoken(2), np.zeros(0)):
        with pytest.raises(
            StreamError, match=r"^speech: expected reset\(\) before another stream, found samples after"
        ):
            found(speech, False)
    found.reset()
    assert found(spoken(2), True)[0].text == "a"


def test_advance_refuses_what_is_not_its_own():
    found = recognizer()
    session = found.session()
    with pytest.raises(StreamError, match=r"^advance: expected one piece of each session, found several of one$"):
        found.advance([(session, spoken(2), False), (session, spoken(3), True)])
    with pytest.raises(StreamError, match=r"^speech 2: expected a session of this recogniser, found one of another$"):
        found.advance([(session, spoken(2), False), (recognizer().session(), spoken(3), True)])
    with pytest.raises(AudioError, match=r"^b: expected finite numbers"):
        found.advance([(session, spoken(2), False), (found.session(), np.array([np.inf]), True)], ["a", "b"])
    for piece, kinds in (
        ((found, spoken(2), False), "Recognizer, ndarray, bool"),
        ((session,), "Session"),
        (None, "None"),
    ):
        with pytest.raises(StreamError, match=rf"^advance: expected triples of what session\(\) makes, .*{kinds}"):
            found.advance([(session, spoken(2), False), piece])
    assert session.received == 0


def test_features():
    found = recognizer(encoder_step(features=True), tokenizer=False, ctc_greedy=True)
    features = np.eye(V)[np.repeat([2, 3, 0, 3], 3)]
    assert say(found, cut(features, [1, 0, 4]))[0][:2] == (None, ["a", "b", "b"])
    found.reset()
    with pytest.raises(AudioError, match=r"speech: expected shape \(samples, 6\), found \(12,\)"):
        found(spoken(2, 3, 0, 3))
    with pytest.raises(OptionError, match="timestamps: expected none, since the model reads features"):
        recognizer(encoder_step(features=True), timestamps="token")


@pytest.mark.parametrize("search", SEARCHES)
def test_times(search):
    found = recognizer(timestamps="word", **SEARCHES[search])
    (best, *_) = say(found, cut(spoken(0, 2, 3, 4, 0, 2, 0, 0), [4, 1, 9]))
    assert best.text == "ab a"
    seconds = [Timed("ab", 0.03, 0.09), Timed("a", 0.15, 0.18)]
    assert [t.text for t in found.times(best)] == [t.text for t in seconds]
    assert np.allclose([t[1:] for t in found.times(best)], [t[1:] for t in seconds])


@pytest.mark.parametrize("name", ["hugging_face_decoder", "partial_ar", "multi_asr"])
def test_options_that_no_stream_has(name):
    with pytest.raises(OptionError, match=f"^{name}: expected"):
        recognizer(**{name: True})


def test_a_bundle(streaming_bundle, say):
    speech2text = Speech2TextStreaming(streaming_bundle, ctc_weight=1.0, beam_size=3, num_threads=1)
    speech = say(2, 3, 3, 0, 3, 0, 0)
    assert speech2text(speech[:5], False)[0].text == ""
    assert speech2text(speech[5:], True)[0].text == "a日日"
    assert speech2text.sample_rate == 16000
    sessions = [speech2text.session() for _ in range(2)]
    found = speech2text.advance([(sessions[0], say(2, 4, 2, 0, 0), True), (sessions[1], say(3, 0, 0), True)])
    assert [results[0].text for results in found] == ["a a", "日"]


def test_bundles_of_the_other_kind(tiny_bundle, streaming_bundle):
    with pytest.raises(BundleError, match=r"expected a component 'encoder_step', found .*; it is for Speech2Text$"):
        Speech2TextStreaming(tiny_bundle)
    with pytest.raises(BundleError, match=r"expected a component 'encoder', found .*; it is for Speech2TextStreaming$"):
        Speech2Text(streaming_bundle)


def test_a_bundle_that_does_not_say_how_streams_are_fed(streaming_bundle):
    manifest = streaming_bundle / "bundle.yaml"
    text = manifest.read_text(encoding="utf-8")
    start = text.index("  streaming:")
    end = text.index("\n  generation:")
    manifest.write_text(text[:start] + "  streaming: {}" + text[end:], encoding="utf-8")
    with pytest.raises(BundleError, match="streaming: expected how streams are fed to 'encoder_step', found nothing"):
        Speech2TextStreaming(streaming_bundle)
