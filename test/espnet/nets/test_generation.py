"""Rules of generation that no text needs, or that no search ends by, are refused."""

import pytest

from espnet.nets.generation import GenerationRules

TOKENS = {"decoder_start_token_id": 0, "eos_token_id": 1}


@pytest.mark.parametrize("name", ["num_beams", "max_new_tokens"])
@pytest.mark.parametrize("value", [0, 10**9, 2.5])
def test_counts_have_bounds(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected a number from 1 to 100000, found {value}"):
        GenerationRules(**TOKENS, **{name: value})


def test_one_end_or_several():
    assert GenerationRules(**TOKENS).eos_token_id == (1,)
    assert GenerationRules(**{**TOKENS, "eos_token_id": [1, 2]}, forced_eos_token_id=2).forced_eos_token_id == (2,)
