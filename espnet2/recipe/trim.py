"""Removal of utterances that training cannot use: too long, too short, or without text."""

from __future__ import annotations

import logging
from pathlib import Path

from espnet2.interface.errors import DataError
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.files import require_other

_log = logging.getLogger(__name__)


def trim_data_dir(
    source: Path | str, target: Path | str, fs: int, min_wav_duration: float, max_wav_duration: float
) -> DataDir:
    """Write to `target` the utterances of `source` (a formatted directory) that are longer than `min_wav_duration`,
    shorter than `max_wav_duration` (both in seconds, at `fs` Hz), and have a text.

    Raises:
        OptionError: `target` is `source`.
        DataError: `source` has no `utt2num_samples` or `text`, or nothing is left.
    """
    require_other(source, target)
    data = DataDir.read(source)
    for name in ("utt2num_samples", "text"):
        if name not in data.tables:
            raise DataError(f"{Path(source) / name}: expected a file that formatting makes (stage 3), found none")
    shortest, longest = min_wav_duration * fs, max_wav_duration * fs
    lengths, texts = data.tables["utt2num_samples"], data.tables["text"]
    usable = [name for name in data.utterances if shortest < int(lengths[name]) < longest]
    kept = [name for name in usable if texts[name]]
    if not kept:
        raise DataError(
            f"{source}: expected utterances of {min_wav_duration:g} to {max_wav_duration:g} s with a text, found none "
            f"among {len(data.utterances)}"
        )
    trimmed = data.subset(kept)
    trimmed.write(target)
    _log.info(
        "wrote %s: %d of %d utterances (%d too short or long, %d without text)",
        *(target, len(kept), len(data.utterances), len(data.utterances) - len(usable), len(usable) - len(kept)),
    )
    return trimmed
