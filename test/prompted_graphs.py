"""A recogniser with prompts over graphs written in numpy, whose texts are "ab"."""

import numpy as np
from numpy_graphs import Graph

from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.s2t import S2TRecognizer
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.runtime.s2t_section import S2TSection
from espnet2.runtime.search_model import SearchModel
from espnet2.text.char_tokenizer import CharTokenizer

RATE = 16  # samples in a second, which is the window
TIMES = [f"<{quarter / 4:.2f}>" for quarter in range(5)]
TAGS = ["<abk>", "<deu>", "<eng>", "<zul>", "<asr>", "<st_eng>", "<notimestamps>"]
TOKENS = ["<blank>", "<unk>", "<na>", *TAGS, *TIMES, "a", "b", "<space>", "<sos>", "<eos>", "<sop>"]
INDEX = {token: index for index, token in enumerate(TOKENS)}
SECTION = S2TSection(
    sample_rate=RATE,
    tokens=TOKENS,
    special={name: INDEX[f"<{name}>"] for name in ("blank", "sos", "eos", "sop", "na", "notimestamps")},
    speech_length=1.0,
    languages=[INDEX["<abk>"], INDEX["<zul>"]],
    times=[INDEX[TIMES[0]], INDEX[TIMES[-1]]],
)
# The two likeliest tokens behind each: a text is "ab", with times from 0.25 to 0.75 s.
FOLLOWING = {
    "<asr>": [TIMES[1]],
    "<notimestamps>": ["a"],
    TIMES[1]: ["a"],
    "a": ["b"],
    "b": ["<eos>", TIMES[3]],
    TIMES[3]: ["<eos>"],
    "<sos>": ["<deu>", "<eng>", "a"],
}
SPEECH = np.linspace(0.1, 0.9, RATE)


def graphs():
    speech = Tensor("speech", ("batch", "samples"))
    encoder = Component(
        name="encoder",
        method="encode",
        inputs=(speech, Tensor("speech_lengths", ("batch",), "int64", "samples")),
        outputs=(
            Tensor("encoder_out", ("batch", "frames", 1)),
            Tensor("encoder_out_lens", ("batch",), "int64", "frames"),
        ),
        lengths=(OutputLength("frames", "samples", Length.conv(2, 2)),),
    )
    step = Component(
        name="decoder_step",
        method="step",
        inputs=tuple(Tensor(name, ("batch", "beam"), "int64") for name in ("tokens", "parents")),
        outputs=(Tensor("log_probs", ("batch", "beam", len(TOKENS))),),
    )
    scores = np.full((len(TOKENS), len(TOKENS)), -9.0, np.float32)
    for token, followers in FOLLOWING.items():
        scores[INDEX[token], [INDEX[follower] for follower in followers]] = -np.arange(1, len(followers) + 1)
    return {
        "encoder": Graph(encoder, lambda x, lengths: (x[:, 1::2, None].astype(np.float32), lengths // 2)),
        "decoder_step": Graph(step, lambda tokens, parents: (scores[tokens],)),
    }


def with_ctc():
    """The graphs, and CTC, which has "a" in the frame of 0.125 s and "b" in that of 0.5 s of every window."""
    component = Component(
        name="ctc",
        method="log_softmax",
        inputs=(Tensor("encoder_out", ("batch", "frames", 1)),),
        outputs=(Tensor("log_probs", ("batch", "frames", len(TOKENS))),),
    )

    def log_probs(x):
        found = np.full((*x.shape[:2], len(TOKENS)), -9.0, np.float32)
        found[..., INDEX["<blank>"]] = -1.0
        for frame, token in ((1, "a"), (4, "b")):
            found[:, frame, INDEX[token]] = 0.0
        return (found,)

    return {**graphs(), "ctc": Graph(component, log_probs)}


def recogniser(section=SECTION, kind=S2TRecognizer, parts=None, **options):
    model = SearchModel(parts or graphs(), section, CharTokenizer())
    return kind(model, S2TOptions(beam_size=2, maxlenratio=-8, **options))


def indices(*tokens):
    return [INDEX[token] for token in tokens]
