"""A recogniser as sherpa-onnx's class for Moonshine reads it: whole, with its front end, search and language model.

sherpa-onnx's classes for CTC models and transducers compute features by rules of their own, which no model here was
trained on. That for Moonshine gives samples as they are, and asks for one token after the other:

    preprocessor.onnx   samples (1, N)                                          → features (1, N, 1)
    encoder.onnx        features, features_len (1,) int32                       → encoder_out (1, P, 1)
    decoder.onnx        token (1, 1) int32, encoder_out, seq_len (1,) int32     → logits (1, 1, V)

So the encoder is the whole recogniser, and the decoder spells the tokens that it found. They are numbered from `FIRST`
on, behind the class's own `START` and `END`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from espnet2.export.decoding_table import SPACE, pieces_of, table_lines
from espnet2.export.one_graph_recognizer import OneGraphRecognizer
from espnet2.export.trace import export_component
from espnet2.export.whole import recognizer_of, reference_of
from espnet2.inference.trained import Trained
from espnet2.interface.check import Check
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX, OnnxGraph
from espnet2.runtime.signals import reads_samples

PREPROCESSOR, ENCODER, DECODER = "preprocessor", "encoder", "decoder"
TOKENS = "tokens.txt"
FILES = (
    *(f"{name}.onnx" for name in (PREPROCESSOR, ENCODER, DECODER)),
    f"{ENCODER}.onnx{EXTERNAL_DATA_SUFFIX}",
    TOKENS,
)
SAMPLE_RATE = 16000  # to which the class resamples all samples
START, END, FIRST = 1, 2, 3
PLACES = 7  # of a token: the class asks for at most 384 / 16000 * 6 tokens for each place of `encoder_out`
IMPOSSIBLE = -1e4  # logit of all tokens but one


class SherpaRecognizer(nn.Module):
    """The three graphs of a recogniser.

    Args:
        one: its encoder and search.
        options: values of the inputs of `one` that are options.

    Raises:
        OptionError: the class cannot feed such a model, or an option that the search does not have.
    """

    def __init__(self, one: OneGraphRecognizer, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.one = one
        if not reads_samples(one.encoded) or len(one.encoded.inputs[0].axes) != 2:
            raise OptionError("expected a recogniser that reads samples of one channel, found another")
        rate = one.section.sample_rate
        if rate != SAMPLE_RATE:
            raise OptionError(
                f"expected a recogniser of {SAMPLE_RATE} Hz, which sherpa_onnx resamples to, found {rate}"
            )
        self.vocabulary = FIRST + len(one.section.tokens)
        known = [option.name for option in one.options if option.name != "nbest"]
        for name in options:
            if name not in known:
                raise OptionError(
                    f"{name}: expected some of {', '.join(known) or 'no options'} of the search, found another name"
                )
        self.options = dict(options)
        values = {"nbest": 1, **options}
        for option in one.options:
            value = torch.tensor([values[option.name]]).to(getattr(torch, option.dtype))
            self.register_buffer(f"option_{option.name}", value, persistent=False)

    def preprocess(self, audio: Tensor) -> Tensor:
        """Features (1, N, 1), which are the samples (1, N) themselves."""
        return audio.unsqueeze(2)

    def encode(self, features: Tensor, features_len: Tensor) -> Tensor:
        """Tokens (1, P, 1), floating point as the class wants them, and `END` behind them; of samples (1, N, 1)."""
        options = (getattr(self, f"option_{option.name}") for option in self.one.options)
        text, length, *_ = self.one.recognize(features.squeeze(2), features_len.long(), *options)
        tokens = text[:, 0]
        count = tokens.shape[1]
        is_token = torch.arange(count, device=tokens.device) < length
        tokens = torch.where(is_token, tokens + FIRST, END)
        rest = tokens.new_full((1, (PLACES - 1) * count + PLACES), END)
        return torch.cat((tokens, rest), dim=1).unsqueeze(2).float()

    def spell(self, token: Tensor, encoder_out: Tensor, seq_len: Tensor) -> Tensor:
        """Logits (1, 1, V), the largest for the token at place `seq_len`, counted from 1; `token` is the one before."""
        place = (seq_len.long() - 1).clamp(0, encoder_out.shape[1] - 1)
        wanted = encoder_out[0, :, 0].index_select(0, place).long()
        is_other = torch.arange(self.vocabulary, device=wanted.device) != wanted
        return (is_other.float() * IMPOSSIBLE).view(1, 1, -1) + 0.0 * token

    def components(self) -> tuple[Component, Component, Component]:
        """The declared graphs."""
        audio, features = Declared("audio", (1, "samples")), Declared("features", (1, "samples", 1))
        found = Declared("encoder_out", (1, "places", 1), below=float(self.vocabulary))
        return (
            Component(name=PREPROCESSOR, method="preprocess", inputs=(audio,), outputs=(features,)),
            Component(
                name=ENCODER,
                method="encode",
                inputs=(features, Declared("features_len", (1,), "int32", length_of="samples")),
                outputs=(found,),
                lengths=self.one.component().lengths,
                data_dependent=("places",),
            ),
            Component(
                name=DECODER,
                method="spell",
                inputs=(
                    Declared("token", (1, 1), "int32", below=self.vocabulary),
                    found,
                    Declared("seq_len", (1,), "int32", least=1, below=4),
                ),
                outputs=(Declared("logits", (1, 1, self.vocabulary)),),
            ),
        )


def write(trained: Trained, directory: Path, options: Mapping[str, Any]) -> SherpaRecognizer:
    """Write the files of a recogniser.

    Args:
        trained: it.
        directory: where to, an empty one.
        options: `search` and `beam_size` of `recognizer_of`; `conf`, options of the search that are not its defaults.

    Returns:
        What the graphs were made of.

    Raises:
        OptionError: sherpa-onnx cannot feed such a model, or an option that the search does not have.
    """
    pieces = pieces_of(trained.section.tokens, kind := (trained.section.tokenizer or {}).get("token_type"))
    if pieces is None:
        raise OptionError(f"expected a model whose texts are their tokens joined, found token_type {kind}")
    one = recognizer_of(trained, **{name: options[name] for name in ("search", "beam_size") if name in options})
    conf = options.get("conf", {})
    given, defaults = asdict(trained.family.read_options(conf)), one.defaults()
    named = defaults.keys() - {"nbest"} | conf.keys()
    module = SherpaRecognizer(one, {name: given.get(name, defaults.get(name)) for name in named})
    (directory / TOKENS).write_bytes(table_lines([_symbol(piece) for piece in pieces], FIRST))
    for component in module.components():
        export_component(module, component, directory / f"{component.name}.onnx")
    return module


def _symbol(piece: str) -> str:
    """The piece as tokens.txt has it: sherpa-onnx makes a space of a mark at its beginning alone."""
    return piece if piece == SPACE else piece.rstrip(SPACE)


def verify(trained: Trained, module: SherpaRecognizer, directory: Path) -> list[Check]:
    """Compare the tokens that the graphs spell with those of PyTorch."""
    known = asdict(trained.family.read_options({}))
    options = {name: value for name, value in module.options.items() if name in known}
    reference = reference_of(trained, module.one, options)
    graphs = {c.name: OnnxGraph(directory / f"{c.name}.onnx", c) for c in module.components()}
    checks = []
    for name, signal in trained.signals().items():
        best = [list(result.token_int) for result in reference(signal)[:1]] or [[]]
        checks.append(Check(ENCODER, name, 0.0 if spelled(graphs, signal) == best[0] else float("inf")))
    return checks


def spelled(graphs: Mapping[str, Any], samples: np.ndarray) -> list[int]:
    """Token ids of the recogniser for samples (N,), by the graphs as the class runs them."""
    audio = samples[np.newaxis].astype(np.float32)
    features = graphs[PREPROCESSOR]({"audio": audio})["features"].numpy()
    lengths = np.array([features.shape[1]], np.int32)
    found = graphs[ENCODER]({"features": features, "features_len": lengths})["encoder_out"].numpy()
    tokens = [START]
    for _ in range(int(found.shape[1] * 384 / 16000.0 * 6)):
        feeds = {"token": np.array([tokens[-1:]], np.int32), "encoder_out": found}
        logits = graphs[DECODER]({**feeds, "seq_len": np.array([len(tokens)], np.int32)})["logits"].numpy()
        if (token := int(logits.argmax())) == END:
            break
        tokens.append(token)
    return [token - FIRST for token in tokens[1:]]
