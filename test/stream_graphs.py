"""Graphs of a recogniser of streams as functions of arrays, where a test needs no model."""

import numpy as np
from numpy_graphs import Graph

from espnet2.interface.spec import Component, State, Tensor
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.text.char_tokenizer import CharTokenizer

TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
SPECIAL = {"blank": 0, "sos": 5, "eos": 5}
V = len(TOKENS)
S = 6  # samples of a step: two frames
ENCODER_OUT = Tensor("encoder_out", ("batch", "frames", V))
STREAMING = {
    "samples_per_step": S,
    "lead": 3,
    "least_steps": 2,
    "frame_stride": 3,
    "block_size": 2,
    "hop_size": 2,
    "look_ahead": 0,
}
SEARCHES = {"greedy": {"ctc_greedy": True}, "beam": {"ctc_weight": 1.0, "beam_size": 3}}


def encoder_step(steps="steps", features=False):
    """Frames of three samples, of which the last says the token; each step gives those of the step before."""
    frame = (V,) if features else ()
    past = ("batch", S, *frame)
    component = Component(
        name="encoder_step",
        method="encode_step",
        inputs=(Tensor("speech", ("batch", steps, S, *frame)), Tensor("remaining", ("batch",), "int64", below=100)),
        outputs=(ENCODER_OUT, Tensor("encoder_out_lens", ("batch",), "int64")),
        states=(
            State(Tensor("past_speech", past), Tensor("next_speech", past)),
            State(Tensor("step", ("batch",), "int64"), Tensor("next_step", ("batch",), "int64")),
        ),
    )

    def encode(speech, remaining, before, step):
        batch, count = speech.shape[:2]
        window = np.concatenate([before, speech.reshape(batch, count * S, *frame)], axis=1)
        frames_read = window[:, 2::3]
        frames = frames_read if features else np.eye(V, dtype=np.float32)[np.rint(10 * frames_read).astype(int)]
        first = np.maximum(3 - 2 * step, 0)  # what lies before the stream, and the frame of its lead
        end = np.where(remaining >= count * S, 2 * count, 2 + remaining // 3)
        end = np.where(remaining < 0, 0, end)
        lengths = np.maximum(end - first, 0)
        found = np.zeros((batch, 2 + 2 * count, V), np.float32)
        for row in range(batch):
            found[row, : lengths[row]] = frames[row, first[row] : first[row] + lengths[row]]
        return found, lengths, window[:, -S:], step + count

    return Graph(component, encode)


def ctc():
    component = Component("ctc", "log_softmax", (ENCODER_OUT,), (Tensor("ctc_log_probs", ("batch", "frames", V)),))

    def log_softmax(x):
        return (8 * x - np.logaddexp.reduce(8 * x, axis=-1, keepdims=True)).astype(np.float32)

    return Graph(component, lambda x: (log_softmax(x),))


def recognizer(encoder=None, tokenizer=True, **options):
    graphs = {"encoder_step": encoder or encoder_step(), "ctc": ctc()}
    chosen = DecodeOptions(**(options or SEARCHES["greedy"]))
    section = SearchSection(100, TOKENS, SPECIAL, streaming=STREAMING)
    return StreamingRecognizer(SearchModel(graphs, section, CharTokenizer() if tokenizer else None), chosen)


def spoken(*tokens):
    """Samples of tokens, a frame each."""
    return np.repeat(np.array(tokens, np.float32) / 10, 3)


def slowly(*tokens):
    """Two frames each, and silence: so many that no text is cut short."""
    return spoken(*np.repeat(tokens, 2), 0, 0)
