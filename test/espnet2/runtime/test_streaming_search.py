"""Which search a stream gets, with which blocks, and what is refused."""

import numpy as np
import pytest
from numpy_graphs import Value

from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search_timesync import BeamSearchTimeSyncOnline
from espnet.nets.ctc_greedy import GreedyCTCOnline
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import SearchParts, make_search
from espnet2.runtime.streaming_search import make_streaming_search

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


def parts(*graphs):
    return SearchParts(dict.fromkeys(graphs, CTC()), TOKENS, SPECIAL)


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
    search = make_streaming_search(parts("ctc"), decode, BLOCKS)
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
            make_streaming_search(parts("ctc"), DecodeOptions(ctc_weight=1.0, **options), BLOCKS)
            for options in ({}, GIVEN, {"search_hop_size": 1, "disable_repetition_detection": True})
        )
    ]
    assert sizes == [(4, 2, 1, False), (6, 3, 0, False), (4, 1, 1, True)]


def test_a_simulated_stream():
    options = DecodeOptions(ctc_weight=1.0, beam_size=3, streaming=True, **GIVEN)
    search = make_search(parts("ctc"), options)
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
        make(parts(*graphs), DecodeOptions(ctc_weight=1.0, **options), *([BLOCKS] if make is not make_search else []))
