"""Training of sentencepiece models, with their token lists."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.recipe.files import require, write_lines

MODES = ("unigram", "bpe", "char", "word")
BEFORE, AFTER = ("<blank>", "<unk>"), ("<sos/eos>",)
OWN = ("input", "model_prefix", "vocab_size", "model_type", "user_defined_symbols", "minloglevel")
DEFAULTS = {"character_coverage": 1.0, "input_sentence_size": 100_000_000}
PIECES_OF_SENTENCEPIECE = 3  # <unk>, <s>, </s>, for which the token list has its own symbols

_log = logging.getLogger(__name__)


def train_bpe(
    text: Path | str,
    directory: Path | str,
    nbpe: int,
    bpemode: str = "unigram",
    user_defined_symbols: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write `bpe.model`, `bpe.vocab` and `tokens.txt` to a directory, and return the tokens.

    Args:
        text: A file with a sentence on each line.
        directory: Output directory; the model is written last.
        nbpe: Number of pieces.
        bpemode: One of `MODES`.
        user_defined_symbols: Symbols that are one piece each.
        options: Further options of `SentencePieceTrainer.train`.

    Raises:
        OptionError: An unknown mode, more pieces than the text has, or an option that is given here or that
            sentencepiece refuses.
    """
    from sentencepiece import SentencePieceTrainer

    if bpemode not in MODES:
        raise OptionError(f"bpemode: expected one of {', '.join(MODES)}, found {bpemode!r}")
    for name in options or ():
        if name in OWN:
            raise OptionError(f"options: expected none that this command sets itself, found {name}")
    require(text, "sentences to train on")
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bpe.", dir=target) as work:
        prefix = Path(work) / "bpe"
        try:
            SentencePieceTrainer.train(
                input=str(text),
                model_prefix=str(prefix),
                vocab_size=nbpe,
                model_type=bpemode,
                user_defined_symbols=list(user_defined_symbols),
                minloglevel=1,
                **{**DEFAULTS, **(options or {})},
            )
        except (RuntimeError, OSError, ValueError, TypeError) as error:
            raise OptionError(_reason(text, nbpe, str(error))) from error
        tokens = [*BEFORE, *_pieces(prefix.with_suffix(".vocab")), *AFTER]
        os.replace(prefix.with_suffix(".vocab"), target / "bpe.vocab")
        write_lines(target / "tokens.txt", tokens)
        os.replace(prefix.with_suffix(".model"), target / "bpe.model")
    _log.info("wrote %s: %d tokens", target, len(tokens))
    return tokens


def _pieces(vocabulary: Path) -> list[str]:
    # A piece may contain characters that Python treats as line ends, such as U+2028.
    lines = vocabulary.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    return [line.split("\t")[0] for line in lines[PIECES_OF_SENTENCEPIECE:]]


def _reason(text: Path | str, nbpe: int, message: str) -> str:
    bound = re.search(r"Vocabulary size.*?(?:<=|too small|smaller than).*?(\d+)\.?$", message.strip())
    if bound is not None and "too high" in message:
        return f"nbpe: expected at most {bound[1]} pieces for {text}, found {nbpe}"
    return f"nbpe, bpemode: expected options that sentencepiece accepts for {text}, found: {' '.join(message.split())}"
