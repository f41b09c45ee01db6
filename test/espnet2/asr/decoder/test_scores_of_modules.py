"""Decoders as scorers: what `score` and `batch_score` give is the log-softmax of `forward`, whatever a user passes."""

import pytest
import torch
import zoo
import zoo_calls
from zoo_rows import MODEL, VOCABULARY

from espnet.nets.scorer_interface import BatchScorerInterface, MaskParallelScorerInterface, ScorerInterface
from espnet2.asr.decoder.hugging_face_transformers_decoder import read_json_config
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder

# Whether upstream's class scores hypotheses at once.
ROWS = {
    "decoder-default": True,
    "lightweight_conv-default": True,
    "rnn_decoder-location": False,
    "hugging_face-bart": True,
    "whisper-decoder-default": True,
}


@pytest.fixture
def module(request, tmp_path):
    return zoo_calls.module_for(zoo.ROWS[request.param], tmp_path)


@pytest.mark.parametrize(("module", "together"), ROWS.items(), indirect=["module"])
@torch.no_grad()
def test_scores_are_those_of_forward(module, together):
    memory = torch.randn(2, 9, MODEL, generator=torch.Generator().manual_seed(0))
    text = torch.tensor([[10, 3, 5, 2], [10, 4, 4, 1]])
    frames, lengths = torch.tensor([9, 9]), torch.tensor([4, 4])
    expected = module(memory, frames, text, lengths)[0].log_softmax(-1)
    assert isinstance(module, ScorerInterface) and isinstance(module, BatchScorerInterface) == together
    for row in range(2):
        start = module.init_state(memory[row])
        log_probs, state = module.score(text[row, :1], start, memory[row])
        torch.testing.assert_close(log_probs, expected[row, 0])
        again, _ = module.score(ys=text[row], state=state, x=memory[row])
        unread, _ = module.score(text[row], None, memory[row])
        torch.testing.assert_close(again, expected[row, -1])
        torch.testing.assert_close(unread, expected[row, -1])
    if together:
        scores, states = module.batch_score(text, None, memory)
        torch.testing.assert_close(scores, expected[:, -1])
        assert module.select_state(states, 1) is states[1]


@pytest.mark.parametrize("module", ["whisper-decoder-default"], indirect=True)
@torch.no_grad()
def test_whisper_takes_no_lengths_for_whole_ones(module):
    memory, text = torch.ones(2, 9, MODEL), torch.tensor([[10, 3], [10, 4]])
    expected, _ = module(memory, torch.tensor([9, 9]), text, torch.tensor([2, 2]))
    torch.testing.assert_close(module(memory, None, text, None)[0], expected)


@torch.no_grad()
def test_hypotheses_of_different_lengths():
    module = TransformerDecoder(VOCABULARY, MODEL, linear_units=8, num_blocks=1).eval()
    assert isinstance(module, MaskParallelScorerInterface)
    memory, text, lengths = torch.randn(2, 9, MODEL), torch.tensor([[10, 3, 5], [10, 4, 0]]), torch.tensor([3, 2])
    expected = module(memory, torch.tensor([9, 9]), text, lengths)[0].log_softmax(-1)
    found, states = module.batch_score_partially_AR(text, [None, None], memory, lengths)
    torch.testing.assert_close(found, torch.stack([expected[0, 2], expected[1, 1]]))
    assert len(states) == 2


def test_a_decoder_of_vectors_has_no_step():
    module = TransformerDecoder(VOCABULARY, MODEL, linear_units=8, num_blocks=1, use_output_layer=False)
    with pytest.raises(NotImplementedError, match="TransformerDecoder has no step"):
        module.score(torch.tensor([1]), None, torch.ones(3, MODEL))


def test_json_configurations(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"d_model": 8}', encoding="utf-8")
    assert read_json_config(file) == {"d_model": 8}
    file.write_text("8", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a JSON file of keys"):
        read_json_config(str(file))
