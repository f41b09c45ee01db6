"""Decoding of many recordings, as the commands of `espnet2.bin` do it: options, input lists, output files, report."""

from __future__ import annotations

import argparse
import functools
import logging
import math
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.read_text import read_2columns_text
from espnet2.fileio.readers import SPEECH_TYPES
from espnet2.fileio.recording import Recording, recording_of_file, recordings_of_list
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.attempts import Report, encode_each, search_long, search_whole, sentence_of
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Result, ResultMaker, Results, by_speaker
from espnet2.runtime.speech import require_sound
from espnet2.runtime.timestamps import Timed, ctm_fields, timed_line
from espnet2.utils.lock import only_one
from espnet2.utils.types import str2bool, str2triple_str, str_or_none

_log = logging.getLogger(__name__)

TABLES = ("text", "token", "token_int", "score", "ctm")
SPEECH = "speech"  # the name of what is recognised, among those of --data_path_and_name_and_type


class Emit(Protocol):
    """Takes an utterance's results, or None where it could not be recognised."""

    def __call__(self, utterance: str, results: Results | None) -> None: ...


class Way(Protocol):
    """How recordings are recognised: as whole utterances, or as streams.

    `batch_size` of `recognizer.options` are recognised together; `shows_progress` is whether a bar may be drawn.
    """

    @property
    def recognizer(self) -> ResultMaker: ...

    @property
    def shows_progress(self) -> bool: ...

    def hear(self, recordings: Sequence[Recording], report: Report) -> list[Results | None]:
        """Results of recordings; None, and a line in the report, for one that cannot be recognised."""

    def printer(self, count: int) -> Emit:
        """What writes the text of each of `count` recordings to stdout."""


def mapping(text: str) -> Any:
    """Options by name as YAML writes them in a line; None for nothing."""
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(text) from error
    if found is not None and not isinstance(found, dict):
        raise ValueError(text)
    return found


KINDS: dict[type, Callable[[str], Any]] = {bool: str2bool, type(None): mapping}


def add_decode_arguments(parser: argparse.ArgumentParser, leave_out: Collection[str] = ()) -> None:
    """Recordings, output and search but for some options, under upstream's names and with its defaults."""
    add_recording_arguments(parser)
    group = parser.add_argument_group("search")
    for option in fields(DecodeOptions):
        if option.name in leave_out:
            continue
        kind = option.metadata["kind"] or KINDS.get(type(option.default), type(option.default))
        text = f"{option.metadata['help']} (default: {option.default})"
        group.add_argument(f"--{option.name}", type=kind, default=option.default, help=text)
    text = "upstream's name of --transducer_conf for stand-alone transducers"
    group.add_argument("--beam_search_config", type=mapping, help=text)


def add_recording_arguments(parser: argparse.ArgumentParser) -> None:
    """Recordings and output, under upstream's names and with its defaults."""
    group = parser.add_argument_group("recordings and output")
    group.add_argument("recordings", nargs="*", help="recordings; the text of each is a line of the output")
    group.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        action="append",
        metavar="WAV_SCP,speech,sound",
        help=f"list of recordings, instead of the recordings themselves; its type is one of {', '.join(SPEECH_TYPES)}",
    )
    group.add_argument(
        "--allow_variable_data_keys",
        type=str2bool,
        default=False,
        help="leave out further lists, of other names than speech, instead of refusing them (default: False)",
    )
    group.add_argument("--key_file", type=str_or_none, help="file of the utterances to decode, in its order")
    group.add_argument(
        "--output_dir", help="write 1best_recog/{text,token,token_int,score}, ... here; with --timestamps, ctm, too"
    )
    group.add_argument("--log_level", default="INFO", help="(default: INFO)")


def decode_options(args: argparse.Namespace) -> dict[str, Any]:
    """The search options of `add_decode_arguments`, as keywords of `Speech2Text`."""
    options = {option.name: getattr(args, option.name) for option in fields(DecodeOptions)}
    if args.beam_search_config:
        options["transducer_conf"] = {**(options["transducer_conf"] or {}), **args.beam_search_config}
    return options


def decode(args: argparse.Namespace, load: Callable[[], tuple[Recognizer, int]]) -> int:
    """Recognise what the options name; `load` gives the recogniser and its sampling rate in Hz.

    Returns the exit status: 0, 1 where some recordings could not be recognised, 2 where none could.
    """
    return decode_by(args, lambda: Utterances(*load()))


def decode_by(args: argparse.Namespace, load: Callable[[], Way]) -> int:
    """`decode` for any way of recognising."""
    recordings = find_recordings(args)
    way = load()
    if args.output_dir is None:
        report = recognize(way, recordings, way.printer(len(recordings)))
    else:
        report = _decode_to(Path(args.output_dir), way, recordings)
    return _conclude(report)


def _decode_to(directory: Path, way: Way, recordings: Sequence[Recording]) -> Report:
    """Write results and failures; tables of an earlier run that this one does not write go when it is complete."""
    try:
        with only_one(directory, "decoding"):
            with DatadirWriter(directory) as writer:
                report = recognize(way, recordings, _writer_to(writer, way.recognizer))
            written = {table.path for ranked in writer.children.values() for table in ranked.children.values()}
            for name in TABLES:
                for pattern in (name, f"{name}_spk[0-9]*"):
                    for path in set(directory.glob(f"[0-9]*best_recog/{pattern}")) - written:
                        path.unlink()
            _write_failures(directory, report.failures)
    except OSError as error:
        raise DataError(f"{directory}: expected a directory that can be written, found {error.strerror}") from error
    _log.info("wrote %s", directory)
    return report


def find_recordings(args: argparse.Namespace) -> list[Recording]:
    """Recordings in the order of the options.

    Raises:
        OptionError: No recordings, two that would have one name, or a kind of list that is not known.
        DataError: A list that cannot be read, or an utterance of `--key_file` that it does not have.
    """
    if bool(args.recordings) == bool(args.data_path_and_name_and_type):
        found = "both" if args.recordings else "neither"
        raise OptionError(f"expected recordings or --data_path_and_name_and_type, found {found}")
    recordings = (
        _from_list(args.data_path_and_name_and_type, getattr(args, "allow_variable_data_keys", False))
        if args.data_path_and_name_and_type
        else _from_paths(args.recordings, named=args.output_dir is not None)
    )
    if args.key_file is None:
        return recordings
    by_name = {recording.utterance: recording for recording in recordings}
    keys = list(read_2columns_text(args.key_file))
    if not keys:
        raise DataError(f"{args.key_file}: expected at least one utterance, found none")
    for key in keys:
        if key not in by_name:
            raise DataError(f"{args.key_file}: expected utterances among the {len(by_name)} recordings, found {key!r}")
    return [by_name[key] for key in keys]


def _from_list(triples: Sequence[tuple[str, str, str]], allow_others: bool) -> list[Recording]:
    """The utterances of the list that is called `speech`; others are left out where they are allowed."""
    lists = [(path, kind) for path, name, kind in triples if name == SPEECH]
    others = [f"{path},{name},{kind}" for path, name, kind in triples if name != SPEECH]
    if len(lists) != 1 or (others and not allow_others):
        found = " ".join(map(",".join, triples))
        hint = "; --allow_variable_data_keys true leaves out lists of other names" if len(lists) == 1 else ""
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,speech,TYPE, found {found}{hint}")
    for other in others:
        _log.warning("%s: left out, since only %s is recognised", other, SPEECH)
    return recordings_of_list(*lists[0])


def _from_paths(paths: Sequence[str], named: bool) -> list[Recording]:
    """Recordings under their file names without suffix if `named`, else under their paths."""
    if not named:
        return [recording_of_file(path) for path in paths]
    recordings: dict[str, str] = {}
    for path in paths:
        name = Path(path).stem
        if len(name.split()) != 1 or name != name.strip():
            raise OptionError(f"--output_dir: expected recordings without blanks in their names, found {path!r}")
        if name in recordings:
            raise OptionError(
                f"--output_dir: expected recordings of different names, found {recordings[name]} and {path}"
            )
        recordings[name] = path
    return [recording_of_file(path, name) for name, path in recordings.items()]


def recognize(way: Way, recordings: Sequence[Recording], emit: Emit) -> Report:
    """Recognise recordings in order, and pass each utterance's results on.

    A recording that cannot be read or recognised is noted in the report; the others are recognised all the same.
    """
    report = Report()
    size = way.recognizer.options.batch_size
    hidden = None if way.shows_progress else True
    with logging_redirect_tqdm(), tqdm(total=len(recordings), unit="utt", desc="recognise", disable=hidden) as progress:
        for start in range(0, len(recordings), size):
            group = recordings[start : start + size]
            for recording, results in zip(group, way.hear(group, report), strict=True):
                found = results is not None and any(by_speaker(results).values())
                if results is not None and not found:
                    sentence = f"{recording.place}: expected a text within maxlenratio and minlenratio, found none"
                    report.failures.append((recording.utterance, sentence))
                report.decoded += found
                emit(recording.utterance, results if found else None)
            progress.update(len(group))
    return report


class Utterances:
    """Recordings as whole utterances, at `rate` Hz, which go through the encoder together."""

    shows_progress = True

    def __init__(self, recognizer: Recognizer, rate: int) -> None:
        self.recognizer = recognizer
        self.rate = rate

    def printer(self, count: int) -> Emit:
        """A line for each recording."""
        return _printer_of(self.recognizer)

    def hear(self, recordings: Sequence[Recording], report: Report) -> list[Results | None]:
        """Results of recordings that go through the encoder together."""
        recognizer = self.recognizer
        speeches = [self._read(recording, report) for recording in recordings]
        usable = [speech for speech in speeches if speech is not None]
        is_long = recognizer.long_form.cuts
        start = time.perf_counter()
        encoded = iter(encode_each(recognizer, [speech for speech in usable if not is_long(len(speech))]))
        results: list[Results | None] = []
        for speech, recording in zip(speeches, recordings, strict=True):
            if speech is None:
                results.append(None)
            elif is_long(len(speech)):
                search = functools.partial(search_long, recognizer, speech, recording.utterance)
                results.append(report.attempt(recording, search))
            else:
                results.append(report.attempt(recording, functools.partial(search_whole, recognizer, next(encoded))))
        report.compute += time.perf_counter() - start
        # How long a frame of features is, nobody says.
        report.audio += sum(map(len, usable)) / self.rate if recognizer.speech.axes[1] == "samples" else 0
        return results

    def _read(self, recording: Recording, report: Report) -> np.ndarray | None:
        axes = len(self.recognizer.speech.axes) - 1  # without that of the batch
        try:
            speech = self.recognizer.check(recording.read(self.rate, axes), recording.place)
            require_sound(speech, recording.place)
            return speech
        except AudioError as error:
            report.fail(recording.utterance, str(error))
        except MemoryError as error:
            report.fail(recording.utterance, f"{recording.place}: {sentence_of(error)}")
        return None


def line_of(recognizer: ResultMaker, result: Result) -> str:
    """The text of a result, or its tokens where there is none, with times where they are known and asked for."""
    text = " ".join(result.token) if result.text is None else result.text
    return one_line(timed_line(_times(recognizer, result)) or text)


def one_line(text: str) -> str:
    """A text without ends of lines, which tokens of bytes may have: each utterance has one line of a file."""
    return " ".join(re.split(r"\r\n|\r|\n", text))


def _times(recognizer: ResultMaker, result: Result) -> list[Timed]:
    return [] if recognizer.timestamps is None else recognizer.times(result)


def _printer_of(recognizer: ResultMaker) -> Emit:
    def write(utterance: str, results: Results | None) -> None:
        """A line on stdout, empty where there is no text, so that lines and recordings correspond; tabs between
        speakers' texts."""
        nbests = by_speaker(results or []).values()
        line = "\t".join(line_of(recognizer, nbest[0]) if nbest else "" for nbest in nbests)
        with tqdm.external_write_mode(file=sys.stdout):
            print(line, flush=True)

    return write


def _writer_to(writer: DatadirWriter, recognizer: ResultMaker) -> Emit:
    # Upstream's transducers score with plain numbers, its other searches with tensors.
    score_of = format_score if recognizer.closes else str

    def write(utterance: str, results: Results | None) -> None:
        for suffix, nbest in by_speaker(results or []).items():
            for rank, result in enumerate(nbest, 1):
                text, token, token_int, hypothesis = result
                tables = writer[f"{rank}best_recog"]
                tables["token" + suffix][utterance] = " ".join(token)
                tables["token_int" + suffix][utterance] = " ".join(map(str, token_int))
                tables["score" + suffix][utterance] = score_of(float(hypothesis.score))
                if text is not None:
                    tables["text" + suffix][utterance] = one_line(text)
                for timed in _times(recognizer, result):
                    tables["ctm" + suffix][utterance] = ctm_fields(timed)

    return write


def format_score(score: float) -> str:
    """A score as upstream's files have it: as PyTorch prints a tensor of one number, `tensor(-0.8684)`."""
    value = float(np.float32(score))
    if not math.isfinite(value):
        return f"tensor({value})"
    if value == int(value) and abs(value) < 1e8:
        return f"tensor({value:.0f}.)"
    return f"tensor({value:.4f})" if 1e-4 <= abs(value) <= 1e8 else f"tensor({value:.4e})"


def _write_failures(directory: Path, failures: Sequence[tuple[str, str]]) -> None:
    """A line `utterance TAB sentence` for each; no file where there are none."""
    path = directory / "failures"
    if not failures:
        path.unlink(missing_ok=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    partial = path.with_name("failures.partial")
    lines = "".join(f"{utterance}\t{' '.join(sentence.split())}\n" for utterance, sentence in failures)
    partial.write_text(lines, encoding="utf-8", errors="backslashreplace", newline="\n")
    os.replace(partial, path)


def _conclude(report: Report) -> int:
    """Say what was done, and give the exit status."""
    total = report.decoded + len(report.failures)
    took = f"{report.compute:.1f} s"
    if report.audio:  # of features, nobody knows how long the speech was
        took = f"{report.audio:.1f} s of speech in {took}, real-time factor {report.compute / report.audio:.3f}"
    _log.info("recognised %d of %d recordings: %s", report.decoded, total, took)
    if report.failures:
        print(f"{len(report.failures)} of {total} recordings could not be recognised:", file=sys.stderr)
        for utterance, sentence in report.failures:
            print(f"  {utterance}: {sentence}", file=sys.stderr)
    return 0 if not report.failures else 1 if report.decoded else 2
