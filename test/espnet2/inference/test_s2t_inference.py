"""Whole decodes of models with prompts against upstream's; `tools/make_s2t_golden.py` decodes more cases."""

import json
from pathlib import Path

import pytest
import s2t_cases

from espnet2.bin.s2t_inference import Speech2Text
from espnet2.interface.errors import OptionError

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/s2t_decodes.json").read_text(encoding="utf-8"))
CASES = [case for case in s2t_cases.cases(s2t_cases.STORED) if GOLDEN[case.name] is not None]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return s2t_cases.write(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}-{case.method}" for case in CASES])
def test_results_are_those_of_upstream(case, config):
    assert not s2t_cases.difference(GOLDEN[case.name], s2t_cases.decoded(case, s2t_cases.recogniser(case, config)))


def test_tokens_of_intermediate_ctc_are_those_of_upstream(tmp_path):
    assert s2t_cases.layers(tmp_path, generate_interctc_outputs=True) == GOLDEN[s2t_cases.LAYERS]


def test_options_of_upstream_without_effect_are_taken(config):
    speech2text = Speech2Text(str(config), None, use_flash_attn=True, max_mask_parallel=2)
    assert (speech2text.options.beam_size, speech2text.options.ctc_weight) == (5, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partial_ar": True}, "partial_ar: expected False, since texts of this model begin with a prompt"),
        ({"beams": 3}, "beams: expected an option of Speech2Text"),
        ({"lang_sym": "<eng"}, "lang_sym: expected one of <eng>, "),
        ({"dtype": "int8"}, "dtype: expected one of"),
    ],
)
def test_options_that_cannot_be_had(config, options, message):
    with pytest.raises(OptionError, match=message):
        Speech2Text(str(config), None, **options)
