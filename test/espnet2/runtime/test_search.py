"""Kinds of searches: which one a model gets, with which blocks and graphs, and what is refused."""

import dataclasses
import types

import numpy as np
import pytest
from numpy_graphs import Value

from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search_timesync import BeamSearchTimeSyncOnline
from espnet.nets.ctc_greedy import GreedyCTCOnline
from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime import Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import SEARCHES, DecodeOptions
from espnet2.runtime.search import (
    KINDS,
    SCORERS,
    USUAL,
    fitting_ctc_weight,
    graphs_used,
    kind_of,
    make_search,
    make_streaming_search,
    reads_ctc_alone,
    require_usable,
)
from espnet2.runtime.search_model import SearchModel, SearchSection

TOKENS = ["<blank>", "a", "b", "<sos/eos>"]
SPECIAL = {"blank": 0, "sos": 3, "eos": 3}
BLOCKS = 4, 2, 1
GIVEN = {"search_block_size": 6, "search_hop_size": 3, "search_look_ahead": 0}


class CTC:
    """A CTC layer whose input is its output."""

    component = Component(
        "ctc",
        "log_softmax",
        (Tensor("encoder_out", ("batch", "frames", 4)),),
        (Tensor("log_probs", ("batch", "frames", 4)),),
    )

    def __call__(self, feeds):
        return {"log_probs": Value(feeds["encoder_out"])}


def model(*graphs, tokenizer=None):
    return SearchModel(dict.fromkeys(graphs, CTC()), SearchSection(16000, TOKENS, SPECIAL), tokenizer)


FRAMES = np.log(0.01 + 0.96 * np.eye(4)[[0, 1, 1, 0, 2, 0, 1, 0]])


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, BatchBeamSearchOnline),
        (GIVEN, BatchBeamSearchOnline),
        ({"time_sync": True}, BeamSearchTimeSyncOnline),
        ({"ctc_greedy": True}, GreedyCTCOnline),
    ],
)
def test_the_search_of_a_stream(options, kind):
    decode = DecodeOptions(ctc_weight=1.0, beam_size=3, **options)
    search = make_streaming_search(model("ctc"), decode, BLOCKS)
    assert type(search) is kind
    for _ in range(2):
        partial = [search(FRAMES[t : t + 1], 0.0, 0.0, False)[0].yseq.tolist() for t in range(len(FRAMES))]
        assert partial[0] == [3, 3]
        assert search(FRAMES[:0], 0.0, 0.0, True)[0].yseq.tolist() == [3, 1, 2, 1, 3]
        search.reset()


def test_blocks_are_the_models_or_those_given():
    sizes = [
        (search.block_size, search.hop_size, search.look_ahead, search.disable_repetition_detection)
        for search in (
            make_streaming_search(model("ctc"), DecodeOptions(ctc_weight=1.0, **options), BLOCKS)
            for options in ({}, GIVEN, {"search_hop_size": 1, "disable_repetition_detection": True})
        )
    ]
    assert sizes == [(4, 2, 1, False), (6, 3, 0, False), (4, 1, 1, True)]


def test_a_simulated_stream():
    options = DecodeOptions(ctc_weight=1.0, beam_size=3, streaming=True, **GIVEN)
    search = make_search(model("ctc"), options)
    assert type(search) is BatchBeamSearchOnlineSim
    assert search(FRAMES)[0].yseq.tolist() == [3, 1, 2, 1, 3]


@pytest.mark.parametrize(
    ("make", "graphs", "options", "sentence"),
    [
        (make_streaming_search, ["ctc"], {"partial_ar": True}, "partial_ar: expected a search that works on a stream"),
        (make_streaming_search, ["ctc"], {"streaming": True}, "streaming: expected a search that works on a stream"),
        (make_streaming_search, ["ctc", "mlm"], {}, "Mask-CTC: expected a search that works on a stream"),
        (make_streaming_search, ["ctc"], {"search_hop_size": 0}, "search_hop_size and search_look_ahead: expected"),
        (make_streaming_search, ["ctc"], {"search_look_ahead": 4}, "found 2 and 4 of 4"),
        (make_search, ["ctc"], {"streaming": True}, "search_block_size: expected a number of frames, since the model"),
        (make_search, ["ctc", "mlm"], {"streaming": True}, "streaming: expected False, since the model has a search"),
    ],
)
def test_what_is_refused(make, graphs, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        make(model(*graphs), DecodeOptions(ctc_weight=1.0, **options), *([BLOCKS] if make is not make_search else []))


def test_every_option_that_asks_for_a_search_has_a_kind():
    assert {kind.name for kind in KINDS if not kind.graph} == {*SEARCHES, USUAL.name}
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert set(kind.scorers) <= set(SCORERS)
        assert kind.graph in ("", *kind.needs)
        assert bool(kind.stream_reads) <= (kind.make_stream is not None)


@pytest.mark.parametrize("primer", [None, [1, 2]])
@pytest.mark.parametrize("name", ["time_sync", "partial_ar"])
def test_searches_that_take_no_prompt(name, primer):
    made = model("ctc", "decoder_step", tokenizer=types.SimpleNamespace(primer=primer))
    options = DecodeOptions(ctc_weight=0.5, **{name: True})
    if primer is None:
        assert make_search(made, options)
        return
    with pytest.raises(OptionError, match=f"{name}: expected False, since texts of this model begin with a prompt"):
        make_search(made, options)


HYBRID = ("encoder", "ctc", "decoder_start", "decoder_step", "lm_step", "ngram")
MASKED = ("encoder", "ctc", "mlm")
TRANSDUCER = ("encoder", "ctc", "decoder_step", "joint_start", "joint_step", "lm_step")
SHORT = {"long_form": "false"}


@pytest.mark.parametrize(
    ("graphs", "options", "unused"),
    [
        (HYBRID, {}, set()),
        (HYBRID, {"ctc_weight": 1.0}, {"decoder_start", "decoder_step"}),
        (HYBRID, {"ctc_weight": 0.0}, set()),
        (HYBRID, {"ctc_weight": 0.0, **SHORT}, {"ctc"}),
        (HYBRID, {"ctc_weight": 0.0, "timestamps": "token", **SHORT}, set()),
        (HYBRID, {"lm_weight": 0.0}, {"lm_step"}),
        (HYBRID, {"ngram_weight": 0.0}, {"ngram"}),
        (HYBRID, {"ctc_greedy": True}, {"decoder_start", "decoder_step", "lm_step", "ngram"}),
        (HYBRID, {"ctc_greedy": True, "timestamps": "word"}, {"decoder_start", "decoder_step", "lm_step", "ngram"}),
        (HYBRID, {"time_sync": True, "ctc_weight": 0.0, **SHORT}, set()),
        (
            HYBRID,
            {"time_sync": True, "ctc_weight": 1.0, "lm_weight": 0.0},
            {"decoder_start", "decoder_step", "lm_step"},
        ),
        (HYBRID, {"partial_ar": True, "ctc_weight": 0.0, "ngram_weight": 0.0, **SHORT}, {"ngram"}),
        (HYBRID, {"streaming": True, "ctc_weight": 1.0}, {"decoder_start", "decoder_step"}),
        (HYBRID, {"hugging_face_decoder": True}, {"lm_step", "ngram"}),
        (HYBRID, {"hugging_face_decoder": True, **SHORT}, {"ctc", "lm_step", "ngram"}),
        (("encoder_step", *HYBRID[1:]), {"ctc_weight": 0.0}, {"ctc"}),
        (("encoder_step", *HYBRID[1:]), {"ctc_weight": 0.0, "timestamps": "token"}, set()),
        (MASKED, SHORT, set()),
        (TRANSDUCER, {}, set()),
        (TRANSDUCER, {"timestamps": "token", "lm_weight": 0.0, **SHORT}, {"ctc", "lm_step"}),
        # Where weights have to be others than those asked for.
        (("encoder", "ctc", "lm_step"), {"ctc_weight": 0.0, **SHORT}, set()),
        (("encoder", "decoder_start", "decoder_step"), {"ctc_weight": 1.0}, set()),
    ],
)
def test_graphs_that_options_use(graphs, options, unused):
    assert graphs_used(graphs, DecodeOptions(**options)) == set(graphs) - unused


@pytest.mark.parametrize(
    ("graphs", "options", "alone"),
    [
        (HYBRID, {"ctc_weight": 1.0}, True),
        (HYBRID, {"ctc_weight": 0.3}, False),
        (HYBRID, {"ctc_weight": 0.0}, False),
        (HYBRID, {"ctc_greedy": True}, True),
        (HYBRID, {"time_sync": True, "ctc_weight": 1.0}, True),
        (HYBRID, {"partial_ar": True}, False),
        (HYBRID, {"hugging_face_decoder": True, "ctc_weight": 1.0}, False),
        (("encoder", "ctc"), {}, True),
        (MASKED, {}, False),
        (TRANSDUCER, {}, False),
    ],
)
def test_searches_that_read_ctc_alone(graphs, options, alone):
    assert reads_ctc_alone(graphs, DecodeOptions(**options)) is alone


@pytest.mark.parametrize(
    ("graphs", "weight"), [(HYBRID, 0.3), (MASKED, 1.0), (("encoder", "decoder_step"), 0.0), (TRANSDUCER, 0.3)]
)
def test_the_weight_of_ctc_fits_the_model(graphs, weight):
    assert fitting_ctc_weight(graphs, 0.3) == weight


@pytest.mark.parametrize(
    ("graphs", "eos", "frames"), [(HYBRID, True, False), (MASKED, True, False), (TRANSDUCER, False, True)]
)
def test_hypotheses_of_kinds(graphs, eos, frames):
    kind = kind_of(graphs, DecodeOptions())
    assert (kind.ends_with_eos, kind.gives_frames) == (eos, frames)


def test_options_of_another_kind_of_model():
    with pytest.raises(OptionError, match="transducer_conf: expected none, since the model is no transducer; found"):
        kind_of(HYBRID, DecodeOptions(transducer_conf={"nstep": 2}))
    with pytest.raises(OptionError, match="ctc_greedy: expected False, since the model has a search of its own"):
        kind_of(TRANSDUCER, DecodeOptions(ctc_greedy=True))


def component(name, inputs=1, outputs=1):
    def tensors(count, role):
        return tuple(Tensor(f"{role}{number}", ("batch",)) for number in range(count))

    return Component(name, "forward", tensors(inputs, "in"), tensors(outputs, "out"))


ENCODER, CTC_LAYER = component("encoder", 2, 2), component("ctc")
STEP = dataclasses.replace(component("decoder_step"), inputs=(Tensor("tokens", ("batch",)),))


@pytest.mark.parametrize(
    ("components", "sentence"),
    [
        ([ENCODER], "expected a component 'ctc' or 'decoder_step', found encoder"),
        ([ENCODER, CTC_LAYER, component("mlm", 4)], "mlm: expected the special token mask with it, found encoder, ctc"),
        ([ENCODER, STEP, component("mlm", 4)], "mlm: expected ctc, the special token mask with it, found encoder, dec"),
        ([ENCODER, STEP, component("joint_step", 2)], "joint_step: expected joint_start with it, found encoder, dec"),
        ([ENCODER, component("decoder_step")], "decoder_step: expected the inputs and outputs of that component"),
        ([ENCODER, component("ctc", 2)], "ctc: expected the inputs and outputs of that component, found others"),
    ],
)
def test_components_that_no_search_can_use(components, sentence):
    with pytest.raises(BundleError, match=f"^{sentence}"):
        require_usable({one.name: one for one in components}, SPECIAL)


def test_components_that_a_search_can_use():
    require_usable({one.name: one for one in (ENCODER, CTC_LAYER, STEP)}, SPECIAL)
    reads_frames = dataclasses.replace(STEP, inputs=(*STEP.inputs, Tensor("encoder_out", ("batch", "frames", 4))))
    require_usable({one.name: one for one in (ENCODER, reads_frames)}, SPECIAL)
    require_usable({one.name: one for one in (ENCODER, CTC_LAYER, component("mlm", 4))}, {**SPECIAL, "mask": 4})


@pytest.fixture(scope="module")
def demo_model(demo_bundle):
    """The demo model with every graph."""
    bundle = Bundle.load(demo_bundle)
    graphs = {name: bundle.graph(name) for name in bundle.components}
    vocabulary = graphs["ctc"].component.outputs[0].axes[-1]
    special = {"blank": 0, "sos": vocabulary - 1, "eos": vocabulary - 1}
    return SearchModel(graphs, SearchSection(16000, [f"t{number}" for number in range(vocabulary)], special))


@pytest.mark.parametrize(
    "options",
    [
        {"ctc_weight": 1.0},
        {"ctc_weight": 0.0},
        {"ctc_weight": 0.0, "lm_weight": 0.0, "penalty": 0.5},
        {"ctc_weight": 0.3, "lm_weight": 0.0, "normalize_length": True},
        {"ctc_greedy": True},
        {"time_sync": True, "ctc_weight": 1.0, "lm_weight": 0.0},
        {"time_sync": True, "ctc_weight": 0.3, "lm_weight": 0.0},
        {"partial_ar": True, "threshold_probability": 1.0, "ctc_weight": 0.3, "lm_weight": 0.0},
        {"streaming": True, "ctc_weight": 1.0, **GIVEN},
    ],
    ids=str,
)
def test_graphs_that_are_not_used_change_nothing(demo_model, options):
    decode = DecodeOptions(beam_size=4, long_form="false", maxlenratio=-8.0, **options)
    used = graphs_used(demo_model.graphs, decode)
    assert used < set(demo_model.graphs)
    fewer = dataclasses.replace(demo_model, graphs={name: demo_model.graphs[name] for name in used})
    x = np.random.default_rng(0).standard_normal((24, demo_model.graphs["ctc"].component.inputs[0].axes[-1]))
    x = x.astype(np.float32)
    made = [make_search(one, decode) for one in (demo_model, fewer)]
    if kind_of(used, decode).make_stream is not None:
        made += [make_streaming_search(one, decode, BLOCKS) for one in (demo_model, fewer)]
    found = [[(h.yseq.tolist(), h.score, dict(h.scores), h.frames) for h in search(x)] for search in made]
    assert found[0]
    assert found[1::2] == found[::2]


@pytest.mark.parametrize(
    ("options", "unopened"),
    [
        ({"ctc_weight": 1.0}, {"decoder_start", "decoder_step"}),
        ({"ctc_weight": 0.0, "lm_weight": 0.0, "long_form": "false"}, {"ctc", "lm_step"}),
        ({"ctc_greedy": True}, {"decoder_start", "decoder_step", "lm_step"}),
    ],
)
def test_graphs_that_a_recogniser_opens(demo_bundle, options, unopened):
    found = Speech2Text(demo_bundle, num_threads=1, **options)
    assert set(found.model.graphs) == set(found.bundle.components) - unopened
