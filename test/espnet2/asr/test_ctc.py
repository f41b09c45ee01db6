"""CTC scores; their numbers are compared with upstream's in the zoo."""

import pytest
import torch

from espnet2.asr.ctc import CTC, CTC_TYPES


@pytest.mark.parametrize("ctc_type", CTC_TYPES)
def test_scores_do_not_depend_on_the_loss(ctc_type):
    ctc, hidden = CTC(odim=5, encoder_output_size=8, dropout_rate=0.5, ctc_type=ctc_type), torch.randn(2, 7, 8)
    assert list(ctc.state_dict()) == ["ctc_lo.weight", "ctc_lo.bias"]
    torch.testing.assert_close(ctc.softmax(hidden).sum(-1), torch.ones(2, 7))
    torch.testing.assert_close(ctc.log_softmax(hidden).exp(), ctc.softmax(hidden))
    assert torch.equal(ctc.argmax(hidden), ctc.softmax(hidden).argmax(-1))


def test_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="unknown ctc_type 'warpctc'; known ones: builtin, builtin2, gtnctc, brctc"):
        CTC(odim=5, encoder_output_size=8, ctc_type="warpctc")


def test_declared_graph():
    (component,) = CTC(odim=5, encoder_output_size=8).components()
    assert (component.name, component.method) == ("ctc", "log_softmax")
    assert component.inputs[0].axes == ("batch", "frames", 8)
    assert component.outputs[0].axes == ("batch", "frames", 5)
