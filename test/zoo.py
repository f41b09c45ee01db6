"""Every architecture and option set that must equal upstream ESPnet, one row each.

A row names a class by upstream's module path, its constructor keywords, how its inputs are drawn and how it is called.
Nothing here needs more than numpy, and rows refer to classes by name, so that the same table builds upstream's modules
(`tools/make_golden.py`, which stores their outputs under `test/golden/`) and ours (`test_zoo.py`, which compares).

Each family of architectures has a table of its own, a module with

- `ROWS`: its rows;
- `SAME_GRAPH`: names of rows whose graph is made of parts that other rows export, with other sizes or constants, or
  under the name of another option: they go through PyTorch only, since an export takes seconds;
- `NO_GRAPH`: names of rows that read or give what graphs do not have;
- `LONG`: names of rows that run at 1500 and 6000 frames too;
- `REFUSED`: a row's name, options that its class must refuse, and what the sentence says;
- `ROUND_TRIP`: a tiny model of a task, which goes from checkpoint through bundle to result
  (`test_families_complete.py`);
- `UNAVAILABLE`: a class that nothing can be built of, options, and what the sentence says.
"""

from __future__ import annotations

import zoo_blockwise
import zoo_branchformer
import zoo_convolution
import zoo_frontend
import zoo_huggingface
import zoo_hybrid
import zoo_maskctc
import zoo_recurrent
import zoo_rnn_decoder
import zoo_s4
import zoo_selfsupervised
import zoo_spk
import zoo_transducer
import zoo_transducer_blocks
import zoo_transducer_decoder
import zoo_transducer_encoder
import zoo_transducer_model
import zoo_tts
import zoo_whisper
from zoo_data import Config, Row

FAMILIES = (
    zoo_huggingface,
    zoo_hybrid,
    zoo_frontend,
    zoo_recurrent,
    zoo_rnn_decoder,
    zoo_convolution,
    zoo_s4,
    zoo_blockwise,
    zoo_branchformer,
    zoo_transducer,
    zoo_transducer_model,
    zoo_transducer_decoder,
    zoo_transducer_encoder,
    zoo_transducer_blocks,
    zoo_maskctc,
    zoo_selfsupervised,
    zoo_whisper,
    zoo_tts,
    zoo_spk,
)


def _all(name: str) -> set[str]:
    return set().union(*(getattr(family, name, ()) for family in FAMILIES))


ROWS: dict[str, Row] = {row.name: row for family in FAMILIES for row in family.ROWS}
SAME_GRAPH, NO_GRAPH, LONG = map(_all, ("SAME_GRAPH", "NO_GRAPH", "LONG"))
REFUSED: list[tuple[str, dict, str]] = [case for family in FAMILIES for case in getattr(family, "REFUSED", ())]
UNAVAILABLE: list[tuple[str, dict, str]] = [case for family in FAMILIES for case in getattr(family, "UNAVAILABLE", ())]
ROUND_TRIP: dict[str, Config] = {
    task: model for family in FAMILIES for task, model in getattr(family, "ROUND_TRIP", {}).items()
}
