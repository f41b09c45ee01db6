#!/usr/bin/env python3
"""Export a trained recogniser to ONNX graphs that run without PyTorch.

The result is a bundle: a directory with `bundle.yaml`, which holds all that inference
needs, and a graph for each part of the model. B utterances have H hypotheses each, P in
the step before; V is the number of tokens, D the size of the encoder's output.

    encoder       speech (B, samples), its lengths -> encoder_out (B, frames, D), ...
    ctc           encoder_out -> ctc_log_probs (B, frames, V)
    decoder_step  tokens (B, H), parents (B, H), encoder_out, its lengths, states
                  -> log_probs (B, H, V), next states
    lm_step       tokens, parents, states -> log_probs, next states

`parents[b, h]` is the hypothesis of the step before that hypothesis h continues. States
start as zeros. Every graph is compared with PyTorch at several lengths, alone and in
padded batches, and no bundle is written where they differ.

This needs PyTorch 2.6, and the packages onnx, onnxscript and onnxruntime.
"""

import argparse
import hashlib
import inspect
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

FORMAT_VERSION = 2
OPSET = 20
TOLERANCE = 1e-4  # relative to a value where it exceeds 1
LARGE = 100_000_000  # bytes of weights that are stored in a file of their own
TEXTS = ("bpe", "char", "word", "phn")  # kinds of tokens that a bundle can join to text
PADDING = 0  # token that language models do not read
# Sizes of the axes of traced inputs: none is 0 or 1, which would be frozen.
TRACED = {"batch": 2, "beam": 3, "parent": 4, "past": 5, "frames": 19, "samples": 16000}
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
        self.steps = _length_steps(model)
        size = model.encoder.output_size()
        self.inputs = [tensor("speech", ("batch", "samples"))]
        self.inputs += [lengths("speech_lengths", "samples")]
        self.outputs = [tensor("encoder_out", ("batch", "out_frames", size))]
        self.outputs += [lengths("encoder_out_lens", "out_frames")]
        heads = (getattr(part, "h", 0) for part in model.encoder.modules())
        self.attributes = {"attention_heads": max(heads)}
        frames = _table_size(model.encoder)
        if frames:  # 0: positions have no limit
            self.attributes["longest"] = _samples_for(self.steps, frames)

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


def _samples_for(steps, frames):
    """Return the largest number of samples that give at most `frames` frames."""
    for shift, stride, extra in reversed(steps):
        frames = (frames - extra + 1) * stride - shift - 1
    return frames


def _length_steps(model):
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


def drawn(graph, sizes, shortest=1, first=False):
    """Draw inputs of these sizes by name; states are zeros in a `first` step."""
    rng = np.random.default_rng(sum(sizes.values()))
    feeds = {}
    for item in graph.feeds:
        shape = [sizes.get(axis, axis) for axis in item["axes"]]
        if "length_of" in item:
            longest = sizes[item["length_of"]]
            value = np.linspace(longest, max(shortest, longest // 2), shape[0])
        elif "below" in item:
            value = rng.integers(0, sizes.get(item["below"], item["below"]), shape)
        else:
            value = rng.standard_normal(shape)
        feeds[item["name"]] = torch.from_numpy(value.astype(item["dtype"]))
    for state in graph.states if first else ():
        feeds[state["input"]["name"]].zero_()
    return feeds


def cases(graph):
    """Yield inputs of several sizes: the shortest and longer ones, alone and padded."""
    shortest = _samples_for(graph.steps, 0) + 1 if graph.steps else 1
    for samples, frames, past in ((shortest, 1, 0), (12345, 20, 1), (40001, 77, 6)):
        for batch, beam in ((1, 1), (3, 4)):
            sizes = {"samples": samples, "frames": frames, "past": past}
            sizes.update(batch=batch, beam=beam, parent=1 if past == 0 else 5)
            yield drawn(graph, sizes, shortest, first=past == 0)


def export(graph, path):
    """Write the ONNX graph of a part of a model."""
    feeds = drawn(graph, TRACED)
    results = [*graph.outputs, *(state["output"] for state in graph.states)]
    shapes = tuple(
        {i: axis for i, axis in enumerate(item["axes"]) if isinstance(axis, str)}
        for item in graph.feeds
    )
    program = torch.onnx.export(
        graph,
        tuple(feeds.values()),
        input_names=list(feeds),
        output_names=[item["name"] for item in results],
        dynamic_shapes=(shapes,),
        opset_version=OPSET,
        dynamo=True,
    )
    for node in program.model.graph:
        node.metadata_props.clear()  # paths of source files
    program.model.metadata_props["interface"] = json.dumps(graph.interface())
    weights = sum(weight.numel() * 4 for weight in graph.state_dict().values())
    program.save(str(path), external_data=weights > LARGE)


def compare(graph, path):
    """Run a graph in onnxruntime and PyTorch; raises `RuntimeError` if they differ."""
    import onnxruntime

    cpu = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), providers=cpu)
    count, worst = 0, 0.0
    for feeds in cases(graph):
        found = session.run(None, {name: x.numpy() for name, x in feeds.items()})
        with torch.no_grad():
            results = graph(*feeds.values())
        results = results if isinstance(results, tuple) else (results,)
        differences = [*map(_difference, results, found)]
        worst = max(worst, *differences)
        if not all(difference <= TOLERANCE for difference in differences):
            shapes = {name: tuple(x.shape) for name, x in feeds.items()}
            raise RuntimeError(
                f"{graph.name} {shapes}: expected onnxruntime within {TOLERANCE} of "
                f"PyTorch, found differences of {differences}"
            )
        count += 1
    logging.info(f"{graph.name}: {count} cases, largest difference {worst:.1e}")
    return {"cases": count, "max_difference": worst, "tolerance": TOLERANCE}


def _difference(expected, found):
    expected = expected.numpy()
    if expected.shape != found.shape:
        return float("inf")
    found = np.abs(expected - found) / np.maximum(1, np.abs(expected))
    return float(found.max(initial=0))


def _entry(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest}


def export_bundle(
    output_dir, asr_train_config, asr_model_file, lm_train_config=None, lm_file=None
):
    """Export a recogniser, and perhaps a language model, to a bundle.

    An earlier bundle is replaced. Raises `ValueError` for a part of the model that has
    no graph, and `RuntimeError` where onnxruntime and PyTorch differ.
    """
    output_dir = Path(output_dir)
    if output_dir.exists() and not (output_dir / "bundle.yaml").is_file():
        raise ValueError(f"{output_dir}: expected a new directory or a bundle")
    model, args = ASRTask.build_model_from_file(asr_train_config, asr_model_file, "cpu")
    graphs = recogniser_graphs(model.eval())
    if lm_train_config is not None:
        lm, _ = LMTask.build_model_from_file(lm_train_config, lm_file, "cpu")
        graphs.append(lm_graph(lm.lm.eval(), model.vocab_size))
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output_dir.parent) as directory:
        new = Path(directory) / "bundle"
        new.mkdir()
        components, verification = {}, {}
        for graph in graphs:
            path = new / f"{graph.name}.onnx"
            export(graph, path)
            verification[graph.name] = compare(graph, path)
            entry = {**_entry(path), "interface": graph.interface()}
            data = path.with_name(f"{path.name}.data")
            if data.exists():
                entry["data"] = _entry(data)
            components[graph.name] = entry
        manifest = _manifest(model, args, new)
        manifest.update(components=components, verification={"fp32": verification})
        with (new / "bundle.yaml").open("w", encoding="utf-8") as file:
            yaml.safe_dump(manifest, file, allow_unicode=True, sort_keys=False)
        if output_dir.exists():
            shutil.rmtree(output_dir)
        new.rename(output_dir)


def _manifest(model, args, directory):
    """Describe tokens, tokenizer and origin; the tokenizer's file is copied."""
    files, kind = {}, args.token_type
    if kind == "bpe":
        shutil.copyfile(args.bpemodel, directory / "bpe.model")
        files["bpemodel"] = _entry(directory / "bpe.model")
    rate = str((args.frontend_conf or {}).get("fs", 16000))
    rate = int(float(rate[:-1]) * 1000) if rate.endswith("k") else int(rate)
    special = {"blank": model.blank_id, "sos": model.sos, "eos": model.eos}
    return {
        "format_version": FORMAT_VERSION,
        "task": "asr",
        "files": files,
        "provenance": {"torch": str(torch.__version__), "opset": OPSET},
        "asr": {
            "sample_rate": rate,
            "tokens": list(model.token_list),
            "special": special,
            "tokenizer": {"token_type": kind} if kind in TEXTS else None,
        },
    }


def get_parser():
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Export a trained recogniser to ONNX graphs, compared with PyTorch"
    )
    parser.add_argument("--output_dir", required=True, help="directory of the bundle")
    parser.add_argument("--asr_train_config", required=True, help="config.yaml")
    parser.add_argument("--asr_model_file", help="weights of the recogniser")
    parser.add_argument("--lm_train_config", help="config.yaml of a language model")
    parser.add_argument("--lm_file", help="weights of the language model")
    return parser


def main(cmd=None):
    """Run the command; exits with a sentence where that fails."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        export_bundle(**vars(get_parser().parse_args(cmd)))
    except (ValueError, RuntimeError, ImportError) as error:
        sys.exit(f"export_onnx: {error}")


if __name__ == "__main__":
    main()
