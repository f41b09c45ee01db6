"""Searches of stand-alone transducers against upstream's n-best lists."""

import json
from pathlib import Path

import numpy as np
import pytest
import zoo
import zoo_calls
from transducer_tables import BLANK_BIAS, FRAMES, LM_WEIGHT, SHARPNESS, Table
from zoo_rows import MODEL, VOCABULARY

from espnet.nets.beam_search_transducer import BeamSearchTransducer
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.transducer_options import TransducerOptions
from espnet2.asr_transducer.espnet_transducer_model import SEARCH

CASES = json.loads((Path(__file__).parents[2] / "golden" / "transducer" / "standalone.json").read_text())
SOS = VOCABULARY - 1


@pytest.fixture(scope="module")
def graphs(tmp_path_factory) -> list[TorchGraph]:
    """`decoder_step`, `joint_start` and `joint_step`."""
    directory = tmp_path_factory.mktemp("modules")
    decoder, joint = (zoo_calls.module_for(zoo.ROWS[name], directory) for name in ("labels-rnn-lstm", "joint-default"))
    joint.lin_out.weight.data *= SHARPNESS
    joint.lin_out.bias.data[0] += BLANK_BIAS
    return [TorchGraph(module.eval(), component) for module in (decoder, joint) for component in module.components()]


def described(case: dict) -> str:
    return " ".join(f"{name} {value}" for name, value in case["options"].items()) + " lm" * case["lm"]


@pytest.mark.parametrize("case", CASES, ids=described)
def test_nbest_equals_upstream(graphs, case):
    options = {**SEARCH, **case["options"]}
    beam_size, lm = options.pop("beam_size"), Table() if case["lm"] else None
    search = BeamSearchTransducer(*graphs, beam_size, VOCABULARY, SOS, lm, LM_WEIGHT, TransducerOptions(**options))
    for seed, expected in enumerate(case["nbest"]):
        found = search(np.random.RandomState(seed).standard_normal((FRAMES, MODEL)).astype(np.float32))[: len(expected)]
        assert [hypothesis.yseq.tolist() for hypothesis in found] == [yseq for yseq, _ in expected]
        np.testing.assert_allclose([hypothesis.score for hypothesis in found], [s for _, s in expected], atol=1e-4)
