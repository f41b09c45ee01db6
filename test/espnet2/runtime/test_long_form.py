"""Memory of recordings, which ones are cut, and their results, over graphs written in numpy."""

import numpy as np
import pytest
from numpy_graphs import Graph

from espnet.nets.beam_search import Hypothesis
from espnet.nets.ctc_greedy import GreedyCTC
from espnet2.interface.errors import AudioError, BundleError
from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.decode import SecondsBar
from espnet2.runtime.long_form import GB, MOST, UNDECLARED_HEADS, LongForm
from espnet2.runtime.long_recording import Found, join, recognize_long
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Result, ResultMaker
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.text.char_tokenizer import CharTokenizer

TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
SPECIAL = {"blank": 0, "sos": 5, "eos": 5}
V = len(TOKENS)
RATE, UNIT = 1000, 20
LOUDNESS = {0: 0.001, 2: 0.1, 3: 0.2, 4: 0.3}  # of a token's frames


def component(heads=2, longest=0, speakers=()):
    return Component(
        "encoder",
        "encode",
        (Tensor("speech", ("batch", "samples")), Tensor("speech_lengths", ("batch",), "int64", "samples")),
        (
            Tensor("encoder_out", ("batch", *speakers, "frames", V)),
            Tensor("encoder_out_lens", ("batch", *speakers), "int64", "frames"),
        ),
        lengths=(OutputLength("frames", "samples", Length.conv(UNIT, UNIT)),),
        attributes={**({} if heads is None else {"attention_heads": heads}), "longest": longest},
    )


def encoder(heads=2, longest=0):
    """Every frame is the token of its loudness."""

    def encode(speech, lengths):
        frames = speech.shape[1] // UNIT
        loud = np.abs(speech[:, : frames * UNIT]).reshape(len(speech), frames, UNIT).mean(axis=2)
        tokens = np.array(list(LOUDNESS))[np.abs(loud[..., None] - list(LOUDNESS.values())).argmin(axis=-1)]
        return np.eye(V, dtype=np.float32)[tokens], lengths // UNIT

    return Graph(component(heads, longest), encode)


def ctc():
    def log_softmax(x):
        return ((8 * x - np.logaddexp.reduce(8 * x, axis=-1, keepdims=True)).astype(np.float32),)

    frames = (Tensor("encoder_out", ("batch", "frames", V)),)
    return Graph(Component("ctc", "log_softmax", frames, (Tensor("log_probs", ("batch", "frames", V)),)), log_softmax)


def said(*words, pause=0.6, seed=0):
    """Words of a and b, 100 ms a token with a blank behind it, and pauses between the words."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], 10**6)
    pieces = []
    for word in words:
        for letter in word:
            pieces += [np.full(80, LOUDNESS[TOKENS.index(letter)]), np.full(20, LOUDNESS[0])]
        pieces.append(np.full(int(pause * RATE), LOUDNESS[0]))
    speech = np.concatenate(pieces)
    return (speech * signs[: len(speech)]).astype(np.float32)


def recognizer(graphs=None, **options):
    graphs = graphs or {"encoder": encoder(), "ctc": ctc()}
    options = {"beam_size": 3, "ctc_weight": 1.0, **options}
    model = SearchModel(graphs, SearchSection(RATE, TOKENS, SPECIAL), CharTokenizer())
    return Recognizer(model, DecodeOptions(**options))


WORDS = ["abab" * 8, "babba" * 6, "aabb" * 7, "ba" * 12, "bbaab" * 5]


def limit_for(seconds, heads=2):
    """The limit in GB that recordings of so many seconds just need."""
    return LongForm(component(heads), DecodeOptions(), RATE).memory(int(seconds * RATE)) / GB


@pytest.mark.parametrize("heads", [0, 1, 8])
def test_memory_grows_with_the_square_where_attention_sees_all(heads):
    form = LongForm(component(heads), DecodeOptions(), RATE)
    one, two = form.memory(10**6), form.memory(2 * 10**6)
    assert two / one == pytest.approx(4 if heads else 2, rel=0.1)
    assert form.memory(10**6, 3) == 3 * one
    assert form.memory(0) == 0
    if heads:
        frames = 10**6 // UNIT
        assert one == pytest.approx(heads * frames**2 * 4 * 8, rel=0.1)


def test_heads_that_are_not_declared():
    memory = {heads: LongForm(component(heads), DecodeOptions(), RATE).memory(10**6) for heads in (None, 2)}
    assert memory[None] == pytest.approx(UNDECLARED_HEADS / 2 * memory[2], rel=0.1)


def test_the_limit(monkeypatch):
    available = {"now": 3 * GB}
    monkeypatch.setattr("espnet2.runtime.memory.available_memory", lambda: available["now"])
    assert LongForm(component(), DecodeOptions(), RATE).limit == 1.5 * GB
    available["now"] = 100 * GB
    assert LongForm(component(), DecodeOptions(), RATE).limit == MOST
    assert LongForm(component(), DecodeOptions(memory_limit=0.5), RATE).limit == GB / 2


@pytest.mark.parametrize(
    ("mode", "seconds", "cut"),
    [
        ("auto", 50, False),
        ("auto", 70, True),
        ("true", 29, False),
        ("true", 50, True),
        (True, 50, True),
        ("false", 70, False),
    ],
)
def test_what_is_cut(mode, seconds, cut):
    form = LongForm(component(), DecodeOptions(long_form=mode, memory_limit=limit_for(60)), RATE)
    assert form.cuts(seconds * RATE) is cut


def test_input_that_would_be_left_out_is_cut():
    form = LongForm(component(longest=10 * RATE), DecodeOptions(), RATE)
    assert not form.cuts(10 * RATE)
    assert form.cuts(10 * RATE + 1)
    assert form.cutter.longest == 10 * RATE


@pytest.mark.parametrize(
    ("made", "options", "sentence"),
    [
        (
            component(),
            {"long_form": False},
            r"^x.wav: expected at most what 0.594 GB of memory are enough for, found 120 s, which would take about "
            r"2.34 GB; set long_form to auto to have it cut, or set memory_limit$",
        ),
        (component(longest=RATE), {"long_form": "false"}, "are enough for, or 1 s, found 120 s"),
        (component(speakers=(2,)), {}, "; cut it, since the speakers of its parts could not be matched, or set memory"),
        (component(), {"memory_limit": 1e-8}, "x.wav: memory_limit: expected room for a part, found 1e-08 GB"),
    ],
)
def test_what_cannot_be_recognised(made, options, sentence):
    form = LongForm(made, DecodeOptions(**{"memory_limit": limit_for(60), **options}), RATE)
    with pytest.raises(AudioError, match=sentence) as error:
        form.require(120 * RATE, "x.wav")
    assert len(str(error.value)) < 400
    assert not form.cuts(120 * RATE) or options.get("memory_limit")


def test_batches_are_as_large_as_memory_allows():
    form = LongForm(component(), DecodeOptions(batch_size=3, memory_limit=limit_for(2)), RATE)
    speeches = [np.zeros(size) for size in (RATE, RATE, 500, 500, 500, 500, RATE)]
    assert [[len(speech) for speech in group] for group in form.groups(speeches)] == [
        [RATE, RATE],
        [500, 500, 500],
        [500],
        [RATE],  # twice as long: padding would cost more than a batch saves
    ]


@pytest.mark.parametrize("options", [{"ctc_greedy": True}, {}, {"time_sync": True}], ids=str)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_frames_of_parts_are_joined(options, batch_size):
    speech = said(*WORDS)
    whole = recognizer(**options, timestamps="token")
    cut = recognizer(**options, timestamps="token", batch_size=batch_size, memory_limit=limit_for(5))
    assert cut.long_form.joins_frames
    (expected,) = whole(speech)
    (found,) = cut(speech)
    assert len(cut.encoder.calls) > 2 if batch_size == 1 else len(cut.encoder.calls) >= 2
    assert max(call["speech"].shape[1] for call in cut.encoder.calls) <= cut.long_form.cutter.longest
    if options.get("ctc_greedy"):
        assert found[:3] == expected[:3]
        assert found.hypothesis.score == pytest.approx(expected.hypothesis.score)
        assert found.hypothesis.frames == expected.hypothesis.frames
    else:
        assert found.text.replace(" ", "") == expected.text
        times = [time for time in cut.times(found) if time.text != "<space>"]
        assert times == whole.times(expected)


def test_parts_of_a_decoder_are_joined():
    """A decoder that reads the frames: one whose tokens are CTC's, so that each part's text is known."""
    cut = recognizer(memory_limit=limit_for(5), timestamps="token", nbest=2)
    cut.long_form.joins_frames = False
    best, second = cut(said(*WORDS))
    whole = recognizer(timestamps="token")
    assert best.text.replace(" ", "") == whole(said(*WORDS))[0].text
    assert second.hypothesis.score < best.hypothesis.score
    assert second.text != best.text
    assert best.hypothesis.yseq.tolist() == [5, *best.token_int, 5]
    frames = best.hypothesis.frames
    assert len(frames) == len(best.token_int)
    assert list(frames) == sorted(frames)


def test_silence_between_is_not_recognised():
    silence = np.zeros(40 * RATE, np.float32)
    speech = np.concatenate([said("abab" * 3), silence, said("bbaa" * 3)])
    cut = recognizer(memory_limit=limit_for(5))
    cut.long_form.joins_frames = False
    done = []
    (best,) = recognize_long(cut, speech, done.append)
    assert best.text.split()[0][:4] == "abab"
    assert best.text.split()[-1][-4:] == "bbaa"
    assert sum(call["speech"].shape[1] for call in cut.encoder.calls) < 20 * RATE
    assert sum(done) == len(speech)


def test_a_recording_alone_and_among_others():
    long, short = said(*WORDS), said("ab")
    cut = recognizer(memory_limit=limit_for(5), batch_size=3)
    texts = [results[0].text for results in cut.batch([short, long, short])]
    assert texts == ["ab", cut(long)[0].text, "ab"]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_what_is_cut_does_not_depend_on_the_batch(order):
    """With `long_form` true, recordings that memory allows in one batch with others are cut all the same."""
    speeches = [said("ab"), said(*WORDS, *WORDS), said("ba")]
    cut = recognizer(long_form="true", batch_size=3)
    alone = [cut(speech)[0].text for speech in speeches]
    assert len(speeches[1]) > cut.long_form.cutter.longest
    cut.encoder.calls.clear()
    assert [results[0].text for results in cut.batch([speeches[i] for i in order])] == [alone[i] for i in order]
    assert max(call["speech"].shape[1] for call in cut.encoder.calls) <= cut.long_form.cutter.longest


@pytest.mark.parametrize("rate", [RATE, 16 * RATE])
def test_the_bar_counts_seconds(rate, monkeypatch):
    """Those of features, too, whose frames have a rate of their own."""
    shown = []

    class Bar:
        n = 0

        def __init__(self, total, **options):
            shown.append(total)

        def close(self):
            shown.append("closed")

        def update(self, count):
            self.n += count
            shown.append(self.n)

    monkeypatch.setattr("espnet2.runtime.decode.tqdm", Bar)
    cut, speech = recognizer(memory_limit=limit_for(5)), said(*WORDS)
    cut.long_form.rate = rate
    with SecondsBar([(speech, "long")], rate, 0) as bar:
        recognize_long(cut, speech, bar)
    assert (shown[0], *shown[-2:]) == (len(speech) // rate, len(speech) // rate, "closed")


def result(maker, tokens, score=-1.0, frames=()):
    yseq = np.array([5, *tokens, 5])
    return maker.result(Hypothesis(yseq, score, {"ctc": score}, frames=frames))


def test_the_best_combinations():
    maker = recognizer()
    first = [result(maker, [2], -1.0), result(maker, [3], -1.5)]
    second = [result(maker, [2, 2], -2.0), result(maker, [2, 3], -2.25), result(maker, [3, 3], -2.75)]
    found = join(maker, [Found(first, 0, 10), Found([], 10, 10), Found(second, 20, 10)], 4)
    assert [(r.text, r.hypothesis.score) for r in found] == [
        ("a aa", -3.0),
        ("a ab", -3.25),
        ("b aa", -3.5),
        ("a bb", -3.75),
    ]
    assert found[0].hypothesis.scores == {"ctc": -3.0}
    assert join(maker, [], 4) == []


def test_the_order_of_a_part_is_kept():
    """As with `normalize_length`, where the first need not have the best score."""
    maker = recognizer()
    part = [result(maker, [2], -3.0), result(maker, [3], -1.0)]
    assert [r.text for r in join(maker, [Found(part, 0, 10)], 2)] == ["a", "b"]


@pytest.mark.parametrize("timed", [True, False])
def test_texts_that_overlap(timed):
    maker = recognizer()

    def spans(*starts):
        return tuple((start, start + 1) for start in starts) if timed else ()

    left = [result(maker, [2, 3, 2, 2, 3, 3], frames=spans(0, 2, 4, 6, 8, 10))]
    right = [result(maker, [2, 3, 3, 2, 2], frames=spans(0, 2, 4, 6, 8))]
    parts = [Found(left, 0, 12, paused=False), Found(right, 6, 12, shared=6, paused=False)]
    (found,) = join(maker, parts, 1)
    assert found.text == "abaabbaa"
    assert [start for start, _ in found.hypothesis.frames] == ([0, 2, 4, 6, 8, 10, 12, 14] if timed else [])


def test_a_short_part_after_a_long_one_that_says_the_same_twice():
    """The overlap's tokens are reckoned by the length of the part before, not by that of the part itself."""
    section = SearchSection(RATE, [*TOKENS, *map(str, range(100))], SPECIAL)
    maker = ResultMaker(SearchModel({}, section), DecodeOptions(), None)
    phrase = [50, 51, 52, 53, 54]
    left = [*range(6, 11), *phrase, *range(55, 105)]
    right = [101, 102, 103, 104, *phrase]
    parts = [Found([result(maker, left)], 0, 750), Found([result(maker, right)], 700, 100, 50, paused=False)]
    (found,) = join(maker, parts, 1)
    assert list(found.token_int) == [*left, *phrase]


def test_greedy_search_in_blocks(monkeypatch):
    frames = np.random.default_rng(0).standard_normal((50, V)).astype(np.float32)
    search = GreedyCTC(type("CTC", (), {"log_softmax": staticmethod(lambda x: x)}), 5, 5)
    (expected,) = search(frames)
    monkeypatch.setattr("espnet.nets.ctc_greedy.FRAMES", 10)
    (found,) = search(frames)
    assert found.yseq.tolist() == expected.yseq.tolist()
    assert found.frames == expected.frames
    assert found.score == pytest.approx(expected.score)
    assert search(frames[:0])[0].yseq.tolist() == [5, 5]


def test_old_interfaces():
    data = component(heads=3, longest=7).to_dict()
    keys = data.pop("attributes")
    assert Component.from_dict({**data, **keys}) == component(heads=3, longest=7)
    assert not Component.from_dict({**data, "attention_heads": None, "longest": 0}).attributes
    for heads in (-1, 1.5):
        with pytest.raises(ValueError, match="attention_heads: expected true, false, a string or an integer of at le"):
            Component.from_dict({**data, "attention_heads": heads})
    with pytest.raises(BundleError, match=r"encoder: attributes.attention_heads: expected a value of type int, fou"):
        LongForm(Component.from_dict({**data, "attention_heads": "many"}), DecodeOptions(), RATE)


def test_results_are_tuples():
    assert isinstance(recognizer(memory_limit=limit_for(5))(said(*WORDS))[0], Result)
