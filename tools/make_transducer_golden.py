"""Make test/golden/transducer/*.json with upstream ESPnet: n-best lists of its transducer searches.

`cases.json` holds those of `espnet2.asr`, `standalone.json` those of `espnet2.asr_transducer`, both of random encoder
outputs, and `recognised.json` those of `espnet2.bin.asr_transducer_inference` for the samples of a row of the zoo.

Run it with the Python of an environment that holds upstream ESPnet, from the repository's root:

    ORACLE/bin/python tools/make_transducer_golden.py

Decoder and joint network are the zoo's, with its weights; the encoder output is random, the language model a table.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import upstream_names  # noqa: F401 - before its directory leaves the path

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
import zoo_data  # noqa: E402
from zoo_rows import MODEL, VOCABULARY  # noqa: E402

from espnet2.asr.transducer import beam_search_transducer  # noqa: E402
from espnet2.asr_transducer import beam_search_transducer as standalone  # noqa: E402
from espnet2.bin.asr_transducer_inference import Speech2Text  # noqa: E402

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
STANDALONE = [
    {"beam_size": 1},
    {"beam_size": 4},
    {"beam_size": 4, "score_norm": True},
    {"beam_size": 1, "search_type": "tsd"},
    {"beam_size": 5, "search_type": "tsd"},
    {"beam_size": 1, "search_type": "alsd"},
    {"beam_size": 4, "search_type": "alsd", "u_max": 4},
    {"beam_size": 1, "search_type": "maes"},
    {"beam_size": 4, "search_type": "maes"},
    {"beam_size": 4, "search_type": "maes", "nstep": 1, "score_norm": True},
    {"beam_size": 5, "search_type": "maes", "nstep": 3, "expansion_gamma": 0.7, "expansion_beta": 0},
]
RECOGNISED: list[dict[str, Any]] = [
    {},
    {"beam_size": 3, "nbest": 3, "beam_search_config": {"search_type": "maes"}},
    {"beam_size": 3, "nbest": 3, "beam_search_config": {"search_type": "tsd", "score_norm": True}},
    {"beam_size": 4, "nbest": 4, "beam_search_config": {"search_type": "alsd", "u_max": 6}},
]
# In the padded batches of these, upstream's language model reads the blank instead of the start symbol.
UNSOUND_WITH_LM = ("tsd", "alsd")


class Table(torch.nn.Module):
    """A language model of bigrams."""

    rnn_type = "lstm"  # upstream's standalone search refuses models without

    def __init__(self, scores: np.ndarray) -> None:
        super().__init__()
        self.scores = torch.log_softmax(torch.from_numpy(scores), dim=-1)

    def zero_state(self) -> int:
        return 0

    def score(self, y: torch.Tensor, state: int | None, x: None) -> tuple[torch.Tensor, int]:
        return self.scores[y[-1]], 0

    def batch_score(self, ys: torch.Tensor, states: list, xs: None) -> tuple[torch.Tensor, list]:
        return self.scores[ys[:, -1]], [0 for _ in states]


def modules_of(decoder: str) -> dict[str, torch.nn.Module]:
    """Decoder and joint network of the zoo."""
    rows = {"decoder": decoder, "joint_network": "joint-default"}
    parts = {part: zoo_calls.module_for(zoo.ROWS[name], Path()) for part, name in rows.items()}
    sharpen(parts["joint_network"])
    return parts


def sharpen(joint_network: Any) -> None:
    """Make some symbols more probable than others."""
    joint_network.lin_out.weight.data *= SHARPNESS
    joint_network.lin_out.bias.data[0] += BLANK_BIAS


def answers(search: Any, case: dict) -> list:
    """The n-best list for each of the random encoder outputs."""
    nbests = []
    for seed in range(SEEDS):
        encoded = torch.from_numpy(np.random.RandomState(seed).standard_normal((FRAMES, MODEL)).astype(np.float32))
        with torch.no_grad():
            found = search(nbest=5, **case)(encoded)
        nbests.append([[list(map(int, hypothesis.yseq)), float(hypothesis.score)] for hypothesis in found])
    return nbests


def write(name: str, search: Any, cases: list[dict], takes_lm: Callable[[dict], bool]) -> None:
    """Write the answers to all cases, and to those that take a language model with one."""
    scores = np.random.RandomState(0).standard_normal((VOCABULARY, VOCABULARY)).astype(np.float32)
    fusions = {False: {}, True: {"lm": Table(scores), "lm_weight": LM_WEIGHT}}
    known = [
        {"options": case, "lm": lm, "nbest": answers(functools.partial(search, **fusion), case)}
        for case in cases
        for lm, fusion in fusions.items()
        if not lm or takes_lm(case)
    ]
    save(name, known)


def save(name: str, known: list) -> None:
    """Write the cases of a file."""
    path = ROOT / "test" / "golden" / "transducer" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(known) + "\n")
    print(f"{path}: {len(known)} cases")


def recognised() -> list:
    """Decode with upstream's recogniser, whose model has the zoo's weights, sharpened as in `modules_of`."""
    row = zoo.ROWS["standalone-default"]
    speech = zoo_data.utterance(row, 0)["speech"]
    known = []
    with tempfile.TemporaryDirectory() as directory:
        module = zoo_calls.module_for(row, Path(directory))  # which leaves its config there
        sharpen(module.joint_network)
        torch.save(module.state_dict(), Path(directory, "model.pth"))
        for options in RECOGNISED:
            recognise = Speech2Text(
                Path(directory, "config.yaml"), Path(directory, "model.pth"), token_type="char", **options
            )
            results = recognise.hypotheses_to_results(recognise(speech))
            known.append([options, [[text, ids, float(hypothesis.score)] for text, _, ids, hypothesis in results]])
    return known


def main() -> None:
    tokens = [str(token) for token in range(VOCABULARY)]
    hybrid = functools.partial(
        beam_search_transducer.BeamSearchTransducer, **modules_of("transducer-lstm"), token_list=tokens
    )
    # Upstream's greedy search has no language model.
    write("cases.json", hybrid, CASES, lambda case: case["beam_size"] > 1)
    alone = functools.partial(standalone.BeamSearchTransducer, **modules_of("labels-rnn-lstm"))
    write(
        "standalone.json",
        alone,
        STANDALONE,
        lambda case: case["beam_size"] == 1 or case.get("search_type") not in UNSOUND_WITH_LM,
    )
    save("recognised.json", recognised())


if __name__ == "__main__":
    main()
