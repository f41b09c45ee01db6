"""Methods that scorers inherit."""

import numpy as np
import pytest

from espnet.nets.scorer_interface import BatchPartialScorerInterface, ScorerInterface
from espnet.nets.scorers.length_bonus import LengthBonus


class Nothing(BatchPartialScorerInterface):
    """A scorer without a method of its own."""


def test_a_scorer_without_state():
    scorer = ScorerInterface()
    assert scorer.init_state(np.zeros((2, 2))) is None
    assert scorer.select_state(None, 3) is None
    assert scorer.select_state(["a", "b"], 1) == "b"
    assert scorer.final_score(None) == 0


@pytest.mark.parametrize(("method", "arguments"), [("score", 3), ("score_partial", 4), ("batch_score_partial", 4)])
def test_what_a_scorer_does_not_do_is_said_with_its_name(method, arguments):
    with pytest.raises(NotImplementedError, match="Nothing does not score"):
        getattr(Nothing(), method)(*[None] * arguments)


def test_length_bonus_is_one_for_every_token():
    bonus = LengthBonus(4)
    assert bonus.score(np.array([3]), None, None)[0].tolist() == [1] * 4
    assert bonus.batch_score(np.array([[3], [3]]), [None] * 2, None)[0].tolist() == [[1] * 4] * 2
