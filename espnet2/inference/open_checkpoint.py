"""Models of a search, opened from the files of a trained model with the options that upstream's classes take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from espnet2.inference.asr_inference import model_of, require_known
from espnet2.inference.prepare import prepare, quantize
from espnet2.interface.families import family_of
from espnet2.runtime.search_model import SearchModel
from espnet2.utils.model_options import PACKED, model_files
from espnet2.utils.upstream_options import require_dtype

if TYPE_CHECKING:
    from espnet2.inference.trained import Trained

# Options of how a model is run, with their defaults.
RUN: Mapping[str, Any] = {
    "ngram_scorer": "full",
    "token_type": None,
    "bpemodel": None,
    "device": "cpu",
    "dtype": "float32",
    "quantize_lm": False,
    "quantize_modules": None,
    "quantize_dtype": "qint8",
    "untrained": True,
}


@dataclass(frozen=True)
class Opened:
    """A trained model with the precision and on the device that options ask for, and what a recogniser takes of it."""

    trained: Trained
    model: SearchModel
    options: Any
    device: str
    dtype: str


def open_checkpoint(
    task: str, user: str = "Speech2Text", chunks: Mapping[str, int | None] | None = None, **keywords: Any
) -> Opened:
    """Open a trained model of a task.

    Args:
        task: Name in `espnet2.interface.families`.
        user: Class that errors name.
        chunks: Open it for streams, whose chunks are of these sizes where that is a choice; None: for whole utterances.
        keywords: Files of the model, by the options of `espnet2.interface.families`, or `model_file` or `model_tag` of
            a packed one; options of the family, None for the default; those of `RUN`, and `quantize_TASK_model`;
            and options of `espnet2.utils.upstream_options` with the value there.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
        EspnetError: A file cannot be used.
    """
    from espnet2.inference.trained import load_trained

    family = family_of(task)
    chosen = {option.name: keywords.pop(option.name, None) for option in fields(family.options)}
    files = {name: keywords.pop(name, None) for name in (*model_files([task]), *PACKED)}
    run = {name: keywords.pop(name, default) for name, default in RUN.items()}
    quantized = keywords.pop(f"quantize_{task.partition('_')[0]}_model", False)
    require_dtype(run["dtype"])
    require_known(keywords, user)
    options = family.options(**{name: value for name, value in chosen.items() if value is not None})
    files["model_tag"] = None if files["model_tag"] is None else str(files["model_tag"])
    streams = chunks is not None
    trained = load_trained(**files, streaming=streams, chunks=chunks, untrained=run["untrained"], family=family)
    prepare(trained, str(run["device"]), run["dtype"])
    layers = run["quantize_modules"] or ["Linear"]
    quantize(trained, quantized, run["quantize_lm"], layers, run["quantize_dtype"])
    model = model_of(trained, options, run["token_type"], run["bpemodel"], run["ngram_scorer"])
    return Opened(trained, model, options, str(run["device"]), run["dtype"])
