"""The Transformer decoder's ways to the same scores: known targets, one more token, hypotheses of a beam.

Its numbers are compared with upstream's, and its graphs with onnxruntime's, in the zoo.
"""

import numpy as np
import pytest
import torch
from typeguard import TypeCheckError

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.pytorch_backend.transformer.embedding import ScaledPositionalEncoding
from espnet.nets.pytorch_backend.transformer.mask import subsequent_mask
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.export.steps import Steps
from espnet2.tasks.asr import ASRTask

VOCABULARY, SIZE, HEADS, LAYERS = 11, 8, 2, 2
OPTIONS = {
    "default": {},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "qk_norm": {"qk_norm": True},
    "scaled": {"pos_enc_class": ScaledPositionalEncoding},
}
options = pytest.mark.parametrize("chosen", OPTIONS.values(), ids=OPTIONS)


def decoder(**chosen) -> TransformerDecoder:
    torch.manual_seed(0)
    sizes = {"attention_heads": HEADS, "linear_units": 12, "num_blocks": LAYERS}
    return TransformerDecoder(VOCABULARY, SIZE, **sizes, **chosen).eval()


def batch(tokens: int = 6) -> tuple[torch.Tensor, ...]:
    """Three utterances: encoder output and its lengths, tokens and their lengths."""
    torch.manual_seed(1)
    memory, text = torch.randn(3, 9, SIZE), torch.randint(1, VOCABULARY, (3, tokens))
    return memory, torch.tensor([9, 5, 2]), text, torch.full((3,), tokens)


def steps_of(module: TransformerDecoder, memory: torch.Tensor, lengths: torch.Tensor) -> Steps:
    start, step = module.components()
    projected = TorchGraph(module, start)({"encoder_out": memory})
    return Steps(TorchGraph(module, step), len(memory), {**projected, "memory_lengths": lengths})


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@options
@pytest.mark.parametrize("utterances", [1, 3])
@torch.no_grad()
def test_steps_of_a_reordered_beam_equal_forward(chosen, utterances):
    module, beam = decoder(**chosen), 4
    memory, lengths = (tensor[:utterances] for tensor in batch()[:2])
    steps = steps_of(module, memory, lengths)
    history = torch.zeros(utterances, 1, 0, dtype=torch.int64)
    for _ in range(20):
        parents = torch.randint(0, history.shape[1], (utterances, beam))
        tokens = torch.randint(0, VOCABULARY, (utterances, beam))
        found = torch.from_numpy(steps(tokens.numpy(), parents.numpy()))
        before = history.gather(1, parents.unsqueeze(-1).expand(-1, -1, history.shape[2]))
        history = torch.cat((before, tokens.unsqueeze(-1)), dim=2)
        text = history.flatten(0, 1)
        repeated = memory.repeat_interleave(beam, 0), lengths.repeat_interleave(beam)
        scores, _ = module(*repeated, text, torch.full((len(text),), text.shape[1]))
        close(found.flatten(0, 1), scores[:, -1].log_softmax(-1))


@options
@torch.no_grad()
def test_scores_of_growing_hypotheses_equal_forward(chosen):
    module, (memory, lengths, text, text_lengths) = decoder(**chosen), batch()
    expected = module(memory, torch.full((3,), 9), text, text_lengths)[0].log_softmax(-1)
    alone = module(memory, lengths, text, text_lengths)[0].log_softmax(-1)
    states, state = [None] * 3, None
    for tokens in range(1, text.shape[1] + 1):
        found, states = module.batch_score(text[:, :tokens], states, memory)
        close(found, expected[:, tokens - 1])
        one, state = module.score(text[1, :tokens], state, memory[1, : lengths[1]])
        close(one, alone[1, tokens - 1])


@torch.no_grad()
def test_a_late_start_equals_a_growing_hypothesis():
    module, (memory, lengths, text, text_lengths) = decoder(), batch()
    mask, memory_mask = subsequent_mask(6).unsqueeze(0), (torch.arange(9) < lengths.unsqueeze(1)).unsqueeze(1)
    (scores, hidden), _ = module(memory, lengths, text, text_lengths, return_hs=True)
    (found, last), cache = module.forward_one_step(text, mask, memory, memory_mask, return_hs=True)
    close(found, scores[:, -1].log_softmax(-1))
    close(last, hidden[:, -1])
    _, part = module.forward_one_step(text[:, :4], mask[:, :4, :4], memory, memory_mask)
    again, grown = module.forward_one_step(text, mask, memory, memory_mask, cache=part)
    close(again, found)
    for ours, theirs in zip(grown, cache, strict=True):
        close(ours, theirs)


@torch.no_grad()
def test_hidden_vectors_of_all_layers():
    module, inputs = decoder(), batch()
    (scores, layers), lengths = module(*inputs, return_all_hs=True)
    assert [tuple(layer.shape) for layer in layers] == [(3, 6, SIZE)] * LAYERS
    assert torch.equal(scores, module.output_layer(module.after_norm(layers[-1])))
    assert torch.equal(lengths, inputs[3])


@torch.no_grad()
def test_layers_are_dropped_in_training_only():
    module, inputs = decoder(layer_drop_rate=1.0, dropout_rate=0.0, positional_dropout_rate=0.0), batch()
    whole = module(*inputs)[0]
    dropped = module.train()(*inputs)[0]
    assert torch.equal(dropped, module.output_layer(module.after_norm(module.embed.at(inputs[2], 0))))
    assert not torch.equal(dropped, whole)


def test_declared_graphs():
    start, step = decoder().components()
    memory = [f"memory_{kind}_{layer}" for kind in ("key", "value") for layer in range(LAYERS)]
    caches = [f"cache_{kind}_{layer}" for kind in ("key", "value") for layer in range(LAYERS)]
    assert [tensor.name for tensor in start.outputs] == memory
    assert {tensor.axes for tensor in start.outputs} == {("batch", HEADS, "frames", SIZE // HEADS)}
    hypotheses = ["tokens", "positions", "visible"]
    assert [tensor.name for tensor in step.feeds] == [*hypotheses, *memory, "memory_lengths", *caches]
    assert [tensor.name for tensor in step.results] == ["log_probs", *(f"next_{cache}" for cache in caches)]
    assert {state.appended for state in step.states} == {"rows"}
    assert step.initial_shape(step.states[0], batch=3) == (0, 3, HEADS, SIZE // HEADS)


def test_unknown_input_layer_is_refused():
    with pytest.raises(ValueError, match="unknown input_layer 'conv2d'; known ones: embed, linear"):
        decoder(input_layer="conv2d")


def test_options_are_checked():
    with pytest.raises(TypeCheckError):
        decoder(dropout_rate="0.1")


@pytest.fixture(scope="module")
def trained(fixtures_dir):
    """A trained model's decoder, and what upstream computed with it."""
    directory = fixtures_dir / "models" / "asr_conformer"
    model, _ = ASRTask.build_model_from_file(directory / "config.yaml", directory / "valid.acc.ave.pth", "cpu")
    with np.load(fixtures_dir / "refs" / "asr_conformer.npz") as arrays:
        return model.decoder.eval(), {name: torch.from_numpy(value) for name, value in arrays.items() if "." in name}


@pytest.mark.parametrize("utterance", range(5))
@torch.no_grad()
def test_trained_decoder_equals_upstream(utterance, trained):
    module, arrays = trained
    memory = arrays[f"{utterance}.encoder_out"].unsqueeze(0)
    sos = torch.tensor([module.vocab_size - 1])
    text = torch.cat((sos, arrays[f"{utterance}.ref_ids"])).unsqueeze(0)
    lengths = torch.tensor([memory.shape[1]])
    expected = arrays[f"{utterance}.tf_logp"]
    close(module(memory, lengths, text, torch.tensor([text.shape[1]]))[0][0].log_softmax(-1), expected)
    close(module.score(sos, None, memory[0])[0], arrays[f"{utterance}.dec0_logp"])
    steps = steps_of(module, memory, lengths)
    for token, log_probs in zip(text[0], expected, strict=True):
        found = steps(np.array([[int(token)]]), np.zeros((1, 1), np.int64))
        close(torch.from_numpy(found[0, 0]), log_probs)
