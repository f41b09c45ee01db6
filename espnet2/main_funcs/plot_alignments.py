"""Pictures of recordings with their CTC alignments."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.fileio.recording import Recording
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.text.token_id_converter import TokenIDConverter
from espnet2.train.pictures.alignment import align_utterance, draw
from espnet2.train.pictures.figure import file_name, save

_log = logging.getLogger(__name__)


def plot_alignments(
    trained: Any, recordings: Sequence[Recording], texts: Mapping[str, str] | None, directory: Path | str
) -> int:
    """Write `DIRECTORY/UTTERANCE.png` for each recording.

    A recording that cannot be read or aligned is logged and left out.

    Args:
        trained: A recogniser as `espnet2.inference.trained.load_trained` gives it.
        recordings: Utterances.
        texts: Of the utterances; None: the best paths of CTC.
        directory: Output directory, which is created.

    Returns:
        Number of pictures.

    Raises:
        OptionError: The model has no CTC, no front end, or no tokenizer for the texts.
    """
    if texts is not None and trained.tokenizer is None:
        raise OptionError("--text: expected none, since the model's tokenizer is not known; found a file")
    check = trained.run(DecodeOptions()).check
    drawn = 0
    for recording in recordings:
        utterance, path = recording.name, recording.place
        try:
            speech = check(recording.read(trained.section.sample_rate), path)
            token_ids = None if texts is None else _token_ids(trained, texts, utterance)
            found = align_utterance(
                trained.model, speech, trained.section.sample_rate, token_ids, trained.tokenizer, path
            )
        except (AudioError, DataError) as error:
            _log.warning("%s", error)
            continue
        picture = Path(directory) / f"{file_name(utterance)}.png"
        save(draw(found, utterance), picture)
        _log.info("wrote %s", picture)
        drawn += 1
    return drawn


def _token_ids(trained: Any, texts: Mapping[str, str], utterance: str) -> list[int]:
    if utterance not in texts:
        raise DataError(f"--text: expected a text of {utterance!r}, found none")
    return TokenIDConverter(trained.section.tokens).tokens2ids(trained.tokenizer.text2tokens(texts[utterance]))
