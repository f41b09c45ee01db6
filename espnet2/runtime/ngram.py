"""The scorer of an n-gram model in a file of KenLM."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from espnet.nets.scorer_interface import ScorerInterface
from espnet.nets.scorers.ngram import NgramFullScorer, NgramPartScorer
from espnet2.interface.errors import MissingPackageError, OptionError, reason_of
from espnet2.interface.foreign_file import require_file

NGRAM_SCORERS: dict[str, type[NgramFullScorer] | type[NgramPartScorer]] = {
    "full": NgramFullScorer,
    "part": NgramPartScorer,
}


def load_ngram(
    path: str | Path | None, token_list: Sequence[str], kind: str = "full", weight: float = 1.0
) -> ScorerInterface | None:
    """The scorer of a KenLM file (None for no file, and for weight 0); `kind` is `full` or `part`.

    Raises:
        OptionError: An unknown kind, or a file that KenLM cannot read.
        MissingPackageError: kenlm is not installed.
    """
    if kind not in NGRAM_SCORERS:
        raise OptionError(f"ngram_scorer: expected one of {', '.join(NGRAM_SCORERS)}, found {kind!r}")
    if path is None or weight == 0:
        return None
    try:
        importlib.import_module("kenlm")
        require_file(path, "an n-gram model of KenLM", OptionError, "MODEL_BYTES")
        return NGRAM_SCORERS[kind](path, token_list)
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: expected the package kenlm, found none; pip install kenlm, or set ngram_weight to 0"
        ) from error
    except OptionError:
        raise
    except Exception as error:  # kenlm's errors have no common base but this
        raise OptionError(f"{path}: expected an n-gram model of KenLM, found {reason_of(error)}") from error
