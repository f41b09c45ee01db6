"""Parts of trained models as modules that become ONNX graphs, and their interfaces.

B utterances have H hypotheses each, P in the step before; V is the number of tokens,
D the size of the encoder's output.

    encoder       speech (B, samples), its lengths -> encoder_out (B, frames, D), ...
    ctc           encoder_out -> ctc_log_probs (B, frames, V)
    decoder_step  tokens (B, H), parents (B, H), encoder_out, its lengths, states
                  -> log_probs (B, H, V), next states
    lm_step       tokens, parents, states -> log_probs, next states

`parents[b, h]` is the hypothesis of the step before that hypothesis h continues. States
start as zeros.
"""

import inspect

import torch

from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM

PADDING = 0  # token that language models do not read
# Kernel and stride, over time, of the convolutions in front of an encoder.
HALF = (3, 2)
SUBSAMPLINGS = ((), (HALF, HALF), (HALF, (5, 3)), (HALF, HALF, HALF))
SUBSAMPLINGS += ((HALF, (3, 1)), ((3, 1), (3, 1)))


def tensor(name, axes, dtype="float32", **more):
    """Describe an input or output; axes are names or sizes.

    Integers are lengths of the axis `length_of`, or below `below`, a number or axis.
    """
    return {"name": name, "axes": list(axes), "dtype": dtype, **more}


def lengths(name, axis):
    return tensor(name, ("batch",), "int64", length_of=axis)


class Graph(torch.nn.Module):
    """Part of a model that becomes an ONNX graph; `forward` reads `feeds` in order.

    Attributes:
        inputs, outputs: Lists of `tensor`s.
        states: Pairs of `tensor`s that a step reads and returns.
        initial: Sizes of the axes of states before the first step.
        steps: Of an encoder, how n samples become frames: by steps (shift, stride,
            extra), each of which makes (n + shift) // stride + extra of n.
        attributes: What else users of the graph need to know.
    """

    name = ""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.states, self.steps = [], []
        self.initial, self.attributes = {}, {}

    @property
    def feeds(self):
        """Everything that the graph reads."""
        return [*self.inputs, *(state["input"] for state in self.states)]

    def interface(self):
        """Return the description of the graph as a bundle holds it."""
        length = {"steps": [list(step) for step in self.steps]}
        rule = {"axis": "out_frames", "source": "samples", "length": length}
        return {
            "name": self.name,
            "method": "forward",
            "inputs": self.inputs,
            "outputs": self.outputs,
            "states": self.states,
            "initial": self.initial,
            "lengths": [rule] if self.steps else [],
            "attributes": self.attributes,
        }


class EncoderGraph(Graph):
    """Front end, normalisation and encoder: samples in, encoder output out."""

    name = "encoder"

    def __init__(self, model):
        super().__init__(model)
        self.steps = length_steps(model)
        size = model.encoder.output_size()
        self.inputs = [tensor("speech", ("batch", "samples"))]
        self.inputs += [lengths("speech_lengths", "samples")]
        self.outputs = [tensor("encoder_out", ("batch", "out_frames", size))]
        self.outputs += [lengths("encoder_out_lens", "out_frames")]
        heads = (getattr(part, "h", 0) for part in model.encoder.modules())
        self.attributes = {"attention_heads": max(heads)}
        frames = _table_size(model.encoder)
        if frames:  # 0: positions have no limit
            self.attributes["longest"] = samples_for(self.steps, frames)

    def forward(self, *given):
        encoder_out, frames = self.module.encode(*given)
        if isinstance(encoder_out, tuple):  # and the outputs of layers in between
            encoder_out = encoder_out[0]
        return encoder_out, frames


class CTCGraph(Graph):
    """Log-probabilities of CTC for each frame."""

    name = "ctc"

    def __init__(self, ctc, size, vocab_size):
        super().__init__(ctc)
        self.inputs = [tensor("encoder_out", ("batch", "frames", size))]
        self.outputs = [tensor("ctc_log_probs", ("batch", "frames", vocab_size))]

    def forward(self, *given):
        return self.module.log_softmax(*given)


class StepGraph(Graph):
    """Scores of the next token of each hypothesis.

    `states` are tensors of a hypothesis before its first token; an axis that is 0 long
    grows by one for each token.
    """

    def __init__(self, scorer, vocab_size, states):
        super().__init__(scorer)
        each = ("batch", "beam")
        self.inputs = [tensor("tokens", each, "int64", below=vocab_size)]
        self.inputs += [tensor("parents", each, "int64", below="parent")]
        self.outputs = [tensor("log_probs", ("batch", "beam", vocab_size))]
        shapes = enumerate(state.shape for state in states)
        self.states = [_state(f"cache_{n}", shape) for n, shape in shapes]
        self.initial = {"parent": 1, "past": 0}

    def forward(self, *given):
        tokens, parents, *memory = given[: len(self.inputs)]
        states = [_selected(state, parents) for state in given[len(self.inputs) :]]
        scores, states = self.advance(tokens, states, *memory)
        states = [state.reshape(*tokens.shape, *state.shape[1:]) for state in states]
        return (scores.reshape(*tokens.shape, -1), *states)


class CachedStep(StepGraph):
    """Base of Transformers' steps, which also read all tokens so far."""

    def __init__(self, scorer, vocab_size, states):
        super().__init__(scorer, vocab_size, states)
        known = _state("cache_tokens", (0,), "int64", below=vocab_size)
        self.states = [known, *self.states]

    def advance(self, tokens, states, *memory):
        known, *caches = states
        known = torch.cat([known, tokens.reshape(-1, 1)], dim=1)
        place = torch.arange(known.shape[1], device=known.device)
        mask = (place.unsqueeze(0) <= place.unsqueeze(1)).unsqueeze(0)
        memory = [_repeated(x, tokens.shape[1]) for x in memory]
        scores, caches = self.advance_text(known, mask, caches, *memory)
        return scores, [known, *caches]


class DecoderStep(CachedStep):
    """One step of a Transformer decoder."""

    name = "decoder_step"

    def __init__(self, decoder, size, vocab_size):
        super().__init__(decoder, vocab_size, decoder.zero_state())
        self.inputs.append(tensor("encoder_out", ("batch", "frames", size)))
        # By earlier releases' decoders, utterances are searched one by one.
        if "memory_mask" in inspect.signature(decoder.forward_one_step).parameters:
            self.inputs.append(lengths("memory_lengths", "frames"))

    def advance_text(self, known, mask, caches, encoder_out, count=None):
        masks = {}
        if count is not None:
            frames = torch.arange(encoder_out.shape[1], device=encoder_out.device)
            masks["memory_mask"] = (frames < count.unsqueeze(1)).unsqueeze(1)
        return self.module.forward_one_step(
            known, mask, encoder_out, cache=caches, **masks
        )


class TransformerLMStep(CachedStep):
    """One step of a Transformer language model."""

    name = "lm_step"

    def advance_text(self, known, mask, caches, *memory):
        mask, x = mask & (known != PADDING).unsqueeze(1), self.module.embed(known)
        x, _, caches = self.module.encoder.forward_one_step(x, mask, cache=caches)
        return self.module.decoder(x[:, -1]).log_softmax(dim=-1), caches


class RecurrentLMStep(StepGraph):
    """One step of a recurrent language model."""

    name = "lm_step"

    def advance(self, tokens, states, *memory):
        # A layer of PyTorch's has the hypotheses second in its states.
        states = [state.transpose(0, 1).contiguous() for state in states]
        before = tuple(states) if len(states) > 1 else states[0]
        scores, after = self.module(tokens.reshape(-1, 1), before)
        after = after if len(states) > 1 else (after,)
        return scores[:, 0].log_softmax(-1), [state.transpose(0, 1) for state in after]


def _state(name, shape, dtype="float32", **more):
    """Describe a state of one hypothesis: of its shape, 0 is an axis that grows."""
    before = ["batch", "parent", *(size or "past" for size in shape)]
    after = ["batch", "beam", *(size or "past+1" for size in shape)]
    pair = {"input": (name, before), "output": (f"next_{name}", after)}
    return {key: tensor(*given, dtype, **more) for key, given in pair.items()}


def _selected(state, parents):
    """Select what hypotheses continue: (B, P, ...) -> (B * H, ...)."""
    first = torch.arange(state.shape[0], device=state.device) * state.shape[1]
    entries = (parents + first.unsqueeze(1)).flatten()
    return state.flatten(0, 1).index_select(0, entries)


def _repeated(x, beam):
    """Repeat what an utterance has for its hypotheses: (B, ...) -> (B * H, ...)."""
    return x.unsqueeze(1).expand(-1, beam, *x.shape[1:]).flatten(0, 1)


def _frames_for(steps, samples):
    for shift, stride, extra in steps:
        samples = (samples + shift) // stride + extra
    return samples


def samples_for(steps, frames):
    """Return the largest number of samples that give at most `frames` frames."""
    for shift, stride, extra in reversed(steps):
        frames = (frames - extra + 1) * stride - shift - 1
    return frames


def length_steps(model):
    """Find the formula of the encoder's lengths among those of known layers."""
    if not hasattr(model.frontend, "stft"):
        found = type(model.frontend).__name__
        raise ValueError(f"expected the front end DefaultFrontend, found {found}")
    hop, measured = model.frontend.hop_length, {}
    with torch.no_grad():
        for samples in range(20 * hop, 100 * hop, 7 * hop + 13):
            speech = torch.zeros(1, samples).normal_(), torch.tensor([samples])
            measured[samples] = int(model.encode(*speech)[1][0])
    for first in ((0, hop, 1), (-model.frontend.stft.n_fft, hop, 1)):
        for convolutions in SUBSAMPLINGS:
            steps = [first, *((-kernel, stride, 1) for kernel, stride in convolutions)]
            if all(_frames_for(steps, n) == found for n, found in measured.items()):
                return steps
    raise ValueError(f"expected an encoder of known lengths, found {measured}")


def _table_size(encoder):
    """Return the number of positions in tables of positional encodings, 0 without."""
    sizes = [part.pe.size(1) for part in encoder.modules() if hasattr(part, "pe")]
    # Those of relative positions are odd: N - 1 down to -(N - 1).
    return min(((n + 1) // 2 if n % 2 else n for n in sizes), default=0)


def recogniser_graphs(model):
    """Return the graphs of a recogniser; raises `ValueError` for what has none."""
    if getattr(model, "use_transducer_decoder", False):
        raise ValueError("expected CTC or attention, found a transducer")
    size, vocab_size = model.encoder.output_size(), model.vocab_size
    graphs = [EncoderGraph(model)]
    if model.ctc is not None:
        graphs.append(CTCGraph(model.ctc, size, vocab_size))
    if model.decoder is not None:
        if not hasattr(model.decoder, "zero_state"):
            found = type(model.decoder).__name__
            raise ValueError(f"expected a Transformer decoder, found {found}")
        graphs.append(DecoderStep(model.decoder, size, vocab_size))
    return graphs


def lm_graph(lm, vocab_size):
    """Return the graph of a language model; raises `ValueError` for others."""
    if isinstance(lm, TransformerLM):
        return TransformerLMStep(lm, vocab_size, lm.zero_state())
    if isinstance(lm, SequentialRNNLM):
        state = lm.zero_state()  # of an LSTM two tensors
        states = state if isinstance(state, tuple) else (state,)
        return RecurrentLMStep(lm, vocab_size, states)
    found = type(lm).__name__
    raise ValueError(f"expected TransformerLM or SequentialRNNLM, found {found}")
