"""The search over a stream of encoder frames that a recogniser's graphs and options call for.

Every one is called with the T new frames x (T, D) of its stream, `maxlenratio`, `minlenratio` and `is_final`, and gives
the hypotheses so far, best first; T may be 0. `reset()` begins another stream.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.beam_search_timesync import BeamSearchTimeSync, BeamSearchTimeSyncOnline
from espnet.nets.beam_search_transducer import BeamSearchTransducerOnline
from espnet.nets.ctc_greedy import GreedyCTCOnline
from espnet2.interface.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import (
    ByGraph,
    CTCGraph,
    MakeSearch,
    OnRequest,
    SearchParts,
    candidates_only,
    choose,
    frames_of_blocks,
    label_synchronous_options,
    online_options,
    scorers,
    time_synchronous,
    transducer,
    weights,
)


def make_streaming_search(parts: SearchParts, options: DecodeOptions, blocks: Sequence[int]) -> Any:
    """A search for one stream; many may share the graphs of `parts`.

    Args:
        parts: What the search is made of.
        options: Of the search.
        blocks: Size, hop and look-ahead of the encoder's blocks, in its frames.

    Raises:
        OptionError: An option asks for what the model does not have, or what no stream has.
    """

    def label_synchronous(parts: SearchParts, options: DecodeOptions) -> BatchBeamSearchOnline:
        search = BatchBeamSearchOnline(
            scorers(parts, options.ctc_blanks_only, options.encoded_feat_length_limit),
            weights(options),
            **label_synchronous_options(parts, options),
            **online_options(options, blocks),
        )
        search.candidates_only = candidates_only(parts)
        return search

    def time_synchronous_online(parts: SearchParts, options: DecodeOptions) -> BeamSearchTimeSync:
        return time_synchronous(BeamSearchTimeSyncOnline, parts, options, **frames_of_blocks(options, blocks))

    on_request = {**ON_REQUEST, "time_sync": (("ctc",), time_synchronous_online)}
    return choose(parts, options, BY_GRAPH, on_request, label_synchronous)


def _greedy(parts: SearchParts, options: DecodeOptions) -> GreedyCTCOnline:
    return GreedyCTCOnline(CTCGraph(parts.graphs["ctc"]), *(parts.special[name] for name in ("sos", "eos", "blank")))


def _refuse(name: str) -> MakeSearch:
    def make(parts: SearchParts, options: DecodeOptions) -> Any:
        raise OptionError(f"{name}: expected a search that works on a stream, found one that needs the whole utterance")

    return make


BY_GRAPH: ByGraph = {
    "mlm": _refuse("Mask-CTC"),
    "joint_step": functools.partial(transducer, make=BeamSearchTransducerOnline),
}
ON_REQUEST: OnRequest = {
    "ctc_greedy": (("ctc",), _greedy),
    **{name: ((), _refuse(name)) for name in ("partial_ar", "streaming", "hugging_face_decoder")},
}
