"""A synthesiser as sherpa-onnx's VITS class reads it: `model.onnx` with metadata, `tokens.txt`, `lexicon.txt`.

That class feeds token ids and four numbers by position, and takes samples:

    x (1, U) int64, x_length (1,) int64, noise_scale (1,), length_scale (1,), noise_scale_w (1,) [, sid (1,) int64] → y

It splits a text into characters that `tokens.txt` has (metadata `frontend: characters`), or into words, whose tokens
`lexicon.txt` has. Noise is of a fixed seed, since nothing gives the graph another one: a text always sounds the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.export.one_graph import ALPHA, SEED, SPOKEN, OneGraph
from espnet2.export.trace import export_component
from espnet2.inference.trained import Trained
from espnet2.interface.errors import ConfigError, DataError, OptionError, one_line
from espnet2.interface.families import family_of
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.runtime.noise import FACTORS
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX
from espnet2.runtime.synthesis_model import SynthesisModel
from espnet2.utils.text_file import lines_of

MODEL, TOKENS, LEXICON = "model.onnx", "tokens.txt", "lexicon.txt"
FILES = (MODEL, MODEL + EXTERNAL_DATA_SUFFIX, TOKENS, LEXICON)
SPACE = "<space>"
SPEAKER, CHARACTERS = "sids", "char"
# Inputs by sherpa-onnx's names, in its order, and what they are to `OneGraph`.
NUMBERS = {"noise_scale": FACTORS["noise"], "length_scale": ALPHA, "noise_scale_w": FACTORS["noise_durations"]}
FIXED_SEED = 777
PUNCTUATION = ",.?!;:、。？！，；：…"
# What the grapheme-to-phoneme conversion's name begins with, and the language whose words sherpa-onnx splits so.
LANGUAGES = {
    "g2p_en": "English",
    "espeak_ng_english": "English",
    "espeak_ng_german": "German",
    "espeak_ng_spanish": "Spanish",
    "espeak_ng_french": "French",
    "pypinyin": "Chinese",
    "espeak_ng_mandarin": "Chinese",
}


class SherpaVits(nn.Module):
    """A synthesiser in one graph with sherpa-onnx's inputs.

    Args:
        one: the synthesiser.

    Raises:
        OptionError: it needs other conditions than a speaker's number.
    """

    def __init__(self, one: OneGraph) -> None:
        super().__init__()
        self.one = one
        self.names = [tensor.name for tensor in one.given]
        known = {"text", "text_lengths", SPEAKER, SEED, *NUMBERS.values()}
        if set(self.names) - known:
            raise OptionError(
                f"expected a synthesiser that sherpa_onnx can give its inputs, found one that needs "
                f"{', '.join(sorted(set(self.names) - known))}"
            )

    def speak(self, x: Tensor, x_length: Tensor, *further: Tensor) -> Tensor:
        """Samples (1, N) of token ids (1, U), their number (1,), numbers as `NUMBERS` has them, and a speaker (1,)."""
        given = {"text": x, "text_lengths": x_length, **dict(zip(NUMBERS.values(), further, strict=False))}
        given[SEED] = torch.full_like(x_length, FIXED_SEED)
        if SPEAKER in self.names:
            given[SPEAKER] = further[-1].reshape(1, 1)
        return self.one.speak(*(given[name] for name in self.names))

    def component(self) -> Component:
        """The declared graph."""
        text, speakers = self.one.given[0], [tensor for tensor in self.one.given if tensor.name == SPEAKER]
        return Component(
            name="sherpa_onnx",
            method="speak",
            inputs=(
                Declared("x", (1, "tokens"), "int64", below=text.below),
                Declared("x_length", (1,), "int64", length_of="tokens"),
                Declared("noise_scale", (1,), below=1.0),
                Declared("length_scale", (1,), least=0.5, below=2.0),
                Declared("noise_scale_w", (1,), below=1.0),
                *(Declared("sid", (1,), "int64", below=tensor.below) for tensor in speakers),
            ),
            outputs=(Declared("y", (1, SPOKEN)),),
            data_dependent=(SPOKEN,),
        )


def write(trained: Trained, directory: Path, options: Mapping[str, Any]) -> SherpaVits:
    """Write the files of a synthesiser.

    Args:
        trained: it.
        directory: where to, an empty one.
        options: `words`, a file of words for the lexicon, which models of phonemes need.

    Returns:
        What the graph was made of.

    Raises:
        OptionError: sherpa-onnx cannot feed such a model, or has no lexicon's words.
        ConfigError: tokens that sherpa-onnx does not split texts into.
    """
    if trained.family is not family_of("tts"):
        raise OptionError(f"expected a recogniser or a synthesiser, found a model of {trained.family.subject}")
    words = options.get("words")
    texts = text_files(trained, [] if words is None else words_of(words))
    module = SherpaVits(OneGraph(trained.parts))
    for name, lines in texts.items():
        content = "".join(f"{one_line(line)}\n" for line in lines).encode("utf-8", "replace")
        (directory / name).write_bytes(content)
    export_component(module, module.component(), directory / MODEL, metadata(trained, module.component()))
    return module


def text_files(trained: Trained, words: Iterable[str]) -> dict[str, list[str]]:
    """Lines of the text files of a synthesiser, by name; see `write`."""
    section = trained.section
    files = {TOKENS: list(_tokens(section.tokens, section.text["token_type"]))}
    if section.text["token_type"] != CHARACTERS:
        files[LEXICON] = list(_lexicon(trained.runtime_model(trained.family.options()), words))
    return files


def metadata(trained: Trained, component: Component) -> dict[str, str]:
    """Properties that sherpa-onnx reads of the model whose graph is declared by `component`."""
    section = trained.section
    speakers = [tensor.below for tensor in component.inputs if tensor.name == "sid"]
    found = {
        "model_type": "vits",
        "comment": "espnet",
        "sample_rate": section.sample_rate,
        "n_speakers": speakers[0] if speakers else 0,
        "add_blank": 0,
        "use_eos_bos": 0,
        # Words are joined without spaces, as tokens without one want it, in Chinese alone.
        "language": _language(section.text["g2p"]) if SPACE in section.tokens else "Chinese",
    }
    characters = section.text["token_type"] == CHARACTERS
    found |= {"frontend": "characters"} if characters else {"punctuation": " ".join(PUNCTUATION)}
    return {name: str(value) for name, value in found.items()}


def _language(g2p: str | None) -> str:
    return next((language for name, language in LANGUAGES.items() if (g2p or "").startswith(name)), "English")


def _tokens(tokens: Sequence[str], kind: str) -> Iterator[str]:
    """Lines of tokens.txt: a token and its index. A space is a line with the index alone."""
    if kind not in (CHARACTERS, "phn"):
        raise ConfigError(f"token_type: expected char or phn, which sherpa_onnx reads, found {kind}")
    seen = set()
    for index, token in enumerate(tokens):
        symbol = " " if token == SPACE else token
        if kind == CHARACTERS:
            if len(symbol) != 1:
                continue
            symbol = symbol if symbol.lower() in tokens else symbol.lower()  # texts become lower-case
        if symbol not in seen and (symbol == " " or not symbol.isspace()):
            seen.add(symbol)
            yield f"{symbol} {index}"


def _lexicon(model: SynthesisModel, words: Iterable[str]) -> Iterator[str]:
    """Lines of lexicon.txt: a word and its tokens; words with unknown tokens are left out."""
    known = set(model.section.tokens)
    pronounced: dict[str, list[str]] = {}  # texts become lower-case
    for word in words:
        tokens = [token for token in model.text_to_ids.tokens(word) if token != SPACE]
        if tokens and known.issuperset(tokens):
            pronounced.setdefault(word.lower(), tokens)
    if not pronounced:
        raise OptionError("lexicon_words: expected words, which sherpa_onnx needs for token_type phn, found none")
    yield from (f"{word} {' '.join(tokens)}" for word, tokens in pronounced.items())


def words_of(path: str | Path) -> list[str]:
    """Words of a text file; raises `DataError` for one that cannot be read."""
    lines = lines_of(path, "words of the lexicon", DataError)
    return list(itertools.chain.from_iterable(line.split() for line in lines))
