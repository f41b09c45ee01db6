"""Make test/golden/transducer/cases.json with upstream ESPnet: n-best lists of its transducer searches.

Run it with the Python of an environment that holds upstream ESPnet, from the repository's root:

    ORACLE/bin/python tools/make_transducer_golden.py

Decoder and joint network are the zoo's, with its weights; the encoder output is random, the language model a table.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
from espnet2.asr.transducer.beam_search_transducer import BeamSearchTransducer  # noqa: E402
from zoo_rows import MODEL, VOCABULARY  # noqa: E402

FRAMES, SEEDS, LM_WEIGHT = 14, 2, 0.4
# Of the joint network, where symbols would be equally likely otherwise, and the searches endless.
SHARPNESS, BLANK_BIAS = 2.0, 3.0
CASES = [
    {"beam_size": 1},
    {"beam_size": 4},
    {"beam_size": 4, "score_norm": False},
    {"beam_size": 2, "score_norm_during": True},
    {"beam_size": 4, "search_type": "tsd"},
    {"beam_size": 5, "search_type": "tsd", "max_sym_exp": 4},
    {"beam_size": 5, "search_type": "tsd", "max_sym_exp": 1},
    {"beam_size": 4, "search_type": "alsd"},
    {"beam_size": 6, "search_type": "alsd", "u_max": 4},
    {"beam_size": 4, "search_type": "nsc"},
    {"beam_size": 4, "search_type": "nsc", "nstep": 3, "prefix_alpha": 2},
    {"beam_size": 4, "search_type": "maes"},
    {"beam_size": 4, "search_type": "maes", "nstep": 3, "prefix_alpha": 2, "expansion_beta": 0},
    {"beam_size": 5, "search_type": "maes", "expansion_gamma": 0.7, "score_norm": False},
    {"beam_size": 1, "search_type": "mbg", "multi_blank_durations": [4, 2, 1], "multi_blank_indices": [0, 1, 2]},
]


class Table:
    """A language model of bigrams."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = torch.log_softmax(torch.from_numpy(scores), dim=-1)

    def zero_state(self) -> int:
        return 0

    def score(self, y: torch.Tensor, state: int | None, x: None) -> tuple[torch.Tensor, int]:
        return self.scores[y[-1]], 0

    def batch_score(self, ys: torch.Tensor, states: list, xs: None) -> tuple[torch.Tensor, list]:
        return self.scores[ys[:, -1]], [0 for _ in states]


def answers(module_of: dict[str, torch.nn.Module], case: dict, seed: int, lm: Table | None) -> list:
    encoded = torch.from_numpy(np.random.RandomState(seed).standard_normal((FRAMES, MODEL)).astype(np.float32))
    parts = {"decoder": module_of["transducer-lstm"], "joint_network": module_of["joint-default"]}
    tokens = [str(token) for token in range(VOCABULARY)]
    fusion = {} if lm is None else {"lm": lm, "lm_weight": LM_WEIGHT}
    with torch.no_grad():
        found = BeamSearchTransducer(**parts, token_list=tokens, nbest=5, **fusion, **case)(encoded)
    return [[list(map(int, hypothesis.yseq)), float(hypothesis.score)] for hypothesis in found]


def main() -> None:
    module_of = {name: zoo_calls.module_for(zoo.ROWS[name], Path()) for name in ("transducer-lstm", "joint-default")}
    output = module_of["joint-default"].lin_out
    output.weight.data *= SHARPNESS
    output.bias.data[0] += BLANK_BIAS
    lm_scores = np.random.RandomState(0).standard_normal((VOCABULARY, VOCABULARY)).astype(np.float32)
    cases = []
    for case in CASES:
        # Upstream's search without a beam knows no language model.
        for lm in (None,) if case["beam_size"] == 1 else (None, Table(lm_scores)):
            nbest = [answers(module_of, case, seed, lm) for seed in range(SEEDS)]
            cases.append({"options": case, "lm": lm is not None, "nbest": nbest})
    path = ROOT / "test" / "golden" / "transducer" / "cases.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(cases) + "\n")
    print(f"{path}: {len(cases)} cases")


if __name__ == "__main__":
    main()
