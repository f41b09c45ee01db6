"""Pictures of recordings with their CTC alignments."""

from __future__ import annotations

import argparse
import functools
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.fileio.read_text import read_2columns_text
from espnet2.fileio.recording import Recording
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.inputs import find_recordings
from espnet2.runtime.loop import Report, Wording, process
from espnet2.runtime.options import DecodeOptions
from espnet2.text.token_id_converter import TokenIDConverter
from espnet2.train.pictures.alignment import Alignment, align_utterance, draw
from espnet2.utils.figure import file_name, save
from espnet2.utils.model_options import model_options

WORDING = Wording("plot", "plotted", "recordings", "plotting")

_log = logging.getLogger(__name__)


def plot(args: argparse.Namespace) -> int:
    """Write `UTTERANCE.png` for each recording that the options name; returns the exit status."""
    recordings = find_recordings(args)
    texts = None if args.text is None else read_2columns_text(args.text)
    model: dict[str, Any] = dict(model_options(args))
    return process(recordings, AlignmentRunner(load_trained(**model), texts), Pictures(args.output_dir), WORDING)


class AlignmentRunner:
    """Aligns recordings with their texts, one by one.

    Args:
        trained: A recogniser with CTC.
        texts: Texts by utterance; None: the best paths of CTC.

    Raises:
        OptionError: There are texts, and the model has no tokenizer for them.
    """

    batch_size, shows_progress = 1, True

    def __init__(self, trained: Trained, texts: Mapping[str, str] | None) -> None:
        if texts is not None and trained.tokenizer is None:
            raise OptionError("--text: expected none, since the model's tokenizer is not known; found a file")
        self.trained, self.texts = trained, texts
        self.check = trained.run(DecodeOptions()).check

    def run(self, items: Sequence[Recording], report: Report) -> list[Alignment | None]:
        """The alignment of each recording."""
        start = time.perf_counter()
        found = [report.read(item, functools.partial(self._align, item)) for item in items]
        report.compute += time.perf_counter() - start
        return found

    def _align(self, recording: Recording) -> Alignment:
        trained, rate = self.trained, self.trained.section.sample_rate
        speech = self.check(recording.read(rate), recording.place)
        token_ids = None if self.texts is None else self._token_ids(self.texts, recording.name)
        return align_utterance(trained.model, speech, rate, token_ids, trained.tokenizer, recording.place)

    def _token_ids(self, texts: Mapping[str, str], utterance: str) -> list[int]:
        if utterance not in texts:
            raise DataError(f"--text: expected a text of {utterance!r}, found none")
        assert self.trained.tokenizer is not None
        return TokenIDConverter(self.trained.section.tokens).tokens2ids(
            self.trained.tokenizer.text2tokens(texts[utterance])
        )


class Pictures:
    """Writes alignments as `DIRECTORY/UTTERANCE.png`; the directory is created."""

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)

    def __call__(self, name: str, result: Alignment | None) -> None:
        """Write the picture of an alignment."""
        if result is None:
            return
        picture = self.directory / f"{file_name(name)}.png"
        save(draw(result, name), picture)
        _log.info("wrote %s", picture)
