"""Speed perturbation (Ko et al. 2015) of a data directory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2.interface.errors import OptionError
from espnet2.recipe.data_dir import DataDir, Segment, combine
from espnet2.recipe.files import require_other
from espnet2.recipe.validate import validate_data_dir

SLOWEST, FASTEST = 0.1, 10.0

_log = logging.getLogger(__name__)


def perturb_data_dir(source: Path | str, target: Path | str, factors: Sequence[float]) -> DataDir:
    """Write to `target` the directory `source` at each speed: `sp0.9-` before identifiers and speakers, none for 1.

    The audio is not copied: `reco2speed` gives the speed that formatting applies to a recording.

    Raises:
        OptionError: A factor below 0.1 or above 10, a repeated factor, or `target` is `source`.
        DataError: `source` is not a valid data directory.
    """
    for factor in factors:
        if not SLOWEST <= factor <= FASTEST or factors.count(factor) > 1:
            raise OptionError(
                f"speed_perturb_factors: expected different numbers from {SLOWEST:g} to {FASTEST:g}, found {factor:g}"
            )
    require_other(source, target)
    data = validate_data_dir(source)
    merged = combine([at_speed(data, factor) for factor in factors])
    merged.write(target)
    _log.info("wrote %s: %d utterances at speeds %s", target, len(merged.utterances), factors)
    return merged


def at_speed(data: DataDir, factor: float) -> DataDir:
    """Return the directory at `factor` times the speed, without tables of lengths in samples."""
    if factor == 1:
        return data
    prefix = f"sp{factor:g}-"

    def renamed(table: Mapping[str, str], value_prefix: str = "") -> dict[str, str]:
        return {prefix + key: value_prefix + value for key, value in table.items()}

    tables = {"utt2spk": renamed(data.tables["utt2spk"], prefix), "text": renamed(data.tables["text"])}
    if "segments" in data.tables:
        tables["segments"] = {prefix + name: str(_faster(data, name, prefix, factor)) for name in data.utterances}
    tables["reco2speed"] = {prefix + name: f"{factor * data.speed(name):g}" for name in data.wav}
    return DataDir(data.path, renamed(data.wav), tables)


def _faster(data: DataDir, utterance: str, prefix: str, factor: float) -> Segment:
    segment = data.segment(utterance)
    if segment is None:
        raise RuntimeError(f"{utterance}: not a segment")
    return Segment(prefix + segment.recording, segment.start / factor, segment.end / factor)
