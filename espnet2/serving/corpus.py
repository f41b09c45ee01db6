"""A list of recordings, recognised by the workers of a Ray cluster: `espnet transcribe --ray`.

The results come to the process that was started, which alone writes them: a line of JSON for each recording in the
journal `results.jsonl`, as soon as it is there. A run that is started again does what the journal does not have. Of the
journal, tables in the order of the list are made in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from espnet2.fileio.checksum import sha256, sha256_of
from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.pieces import Pieces
from espnet2.fileio.read_text import found_path, load_num_sequence_text, read_2columns_text, require_values
from espnet2.interface.errors import HALVES, AudioError, DataError, EspnetError, OptionError, visible
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.bundle_replacement import MANIFEST
from espnet2.runtime.cli.formats import FORMATS
from espnet2.runtime.cli.models import open_recognizer
from espnet2.runtime.cli.recordings import LIST, find_sources
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.cli.transcribe import TRANSCRIPTION, Counted
from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.runtime.distributed import Done, Item, cluster, work_on
from espnet2.runtime.journal import Journal
from espnet2.runtime.loop import UNCOMPUTABLE, Report, conclude, sentence_of, write_failures
from espnet2.runtime.memory import share_memory
from espnet2.runtime.opening import available_cores
from espnet2.runtime.option_fields import is_finite, require
from espnet2.runtime.timestamps import Timed, ctm_fields
from espnet2.serving.models import BATCH
from espnet2.serving.scheduler import NEVER, Scheduler, Ticket
from espnet2.serving.stream_hub import StreamHub, transcribed
from espnet2.utils.atomic import write_atomically, write_text
from espnet2.utils.lock import only_one
from espnet2.utils.text_file import read_text

LENGTHS = "utt2dur"  # a table beside a list, of seconds, and one of the results
JOURNAL, KEY = "results.jsonl", "recording"
MODEL = "results.model"  # checksum of what the results of a journal are of, beside it
OPTIONS = (
    "verb",
    "language",
    "to",
    "spaced",
    "quantized",
    "word_timestamps",
    "pause",
    "hotword_weight",
    "beam_size",
    "options",
)
READERS = 16  # threads that look how long recordings are
ROWS = 4096  # of a group of a Parquet file


def transcribe(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name on a cluster; returns the exit status."""
    write = _writer(args.format)
    require(args.workers is None or args.workers >= 1, "--workers", "a number of at least 1", args.workers)
    if args.output_dir is None:
        raise OptionError("--ray: expected --output_dir with it, found none")
    cpus = args.num_threads or 1
    given = {"bundle": str(Path(args.bundle).absolute()), "num_threads": cpus, "batch_size": args.batch_size or BATCH}
    own = argparse.Namespace(**{**vars(args), **given})
    items, directory, report = find_items(args.recordings), Path(args.output_dir), Report()
    size = size_of_blocks(own)
    with only_one(directory, TRANSCRIPTION.noun), Journal(directory / JOURNAL, KEY, _is_result) as journal:
        _require_same(directory, journal, args)
        missing = _missing(items, journal, report)
        if missing:
            with cluster("data", args.ray, None if args.workers is None else args.workers * cpus) as ray:
                workers = args.workers or max(int(ray.cluster_resources().get("CPU", 1)) // cpus, 1)
                make = functools.partial(Worker, own, min(workers, max(available_cores() // cpus, 1)))
                measured = with_seconds(missing)
                found = work_on(ray, measured, make, size=size, workers=workers, cpus=cpus)
                _collect(found, len(missing), journal, report)
        report.done = sum(item.name in journal for item in items)
        write(directory, journal, [item.name for item in items])
        write_failures(directory / "failures", report.failures)
    return conclude(report, TRANSCRIPTION)


def _missing(items: Sequence[Item], journal: Journal, report: Report) -> list[Item]:
    """Items without results; those whose files have names that cannot be sent to workers are failures."""
    missing = [item for item in items if item.name not in journal]
    for item in missing:
        if HALVES.search(item.place):
            report.fail(item.name, f"{item.place}: expected a name of a file in UTF-8, found another")
    return [item for item in missing if not HALVES.search(item.place)]


def _require_same(directory: Path, journal: Journal, args: argparse.Namespace) -> None:
    """Note what the results are of; raises `DataError` where the journal has those of another model, or of other
    options."""
    path, own = directory / MODEL, _checksum(args)
    if len(journal) and path.exists() and read_text(path, "a checksum", DataError).strip() != own:
        raise DataError(
            f"{journal.path}: expected results of this model and these options, found those of others; "
            "choose another --output_dir"
        )
    write_text(path, f"{own}\n")


def _checksum(args: argparse.Namespace) -> str:
    """The checksum of a model, and of the options that its results depend on."""
    options = json.dumps({name: getattr(args, name, None) for name in OPTIONS}, sort_keys=True, default=str)
    hotwords = b"" if args.hotwords is None else read_text(args.hotwords, "a file of hotwords", OptionError).encode()
    manifest = sha256(Path(args.bundle, MANIFEST)).encode()
    return sha256_of(b"\n".join([options.encode("utf-8", "backslashreplace"), hotwords, manifest]))


def _is_result(entry: Mapping[str, Any]) -> bool:
    """Whether a line of a journal is a result, as `_done` writes it."""
    segments = entry.get("segments")
    return (
        isinstance(entry.get("text"), str)
        and is_finite(entry.get("duration"))
        and isinstance(segments, list)
        and all(_is_timed(item) and all(map(_is_timed, item.get("words", ()))) for item in segments)
    )


def _is_timed(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("text"), str)
        and is_finite(item.get("start"))
        and is_finite(item.get("end"))
        and isinstance(item.get("words", []), list)
    )


def _collect(found: Iterator[Done], count: int, journal: Journal, report: Report) -> None:
    """Write results as they come."""
    start = time.perf_counter()
    with tqdm(total=count, unit="utt", desc=TRANSCRIPTION.verb, disable=None) as bar:
        for done in found:
            bar.update()
            if done.error:
                report.fail(done.name, done.error)
            else:
                journal.add(done.name, done.result)
                report.audio += done.seconds
    report.compute = time.perf_counter() - start


def find_items(words: Sequence[str]) -> list[Item]:
    """Recordings of files, directories and lists (`.scp`), in their order.

    Raises:
        OptionError: Standard input, which other machines cannot read, or two recordings of one name.
        DataError: A list that cannot be read.
    """
    found: dict[str, Item] = {}
    for word in words:
        for item in _listed(Path(word)) if Path(word).suffix == LIST else _files(word):
            if item.name in found:
                raise OptionError(
                    f"recordings: expected different names, found {found[item.name].place} and {item.place}"
                )
            if len(item.name.split()) != 1:
                raise OptionError(f"recordings: expected names without blanks, found {item.name!r}")
            found[item.name] = item
    return [*found.values()]


def _listed(path: Path) -> Iterator[Item]:
    table = read_2columns_text(path)
    require_values(path, table, "a recording")
    known = path.with_name(LENGTHS)
    lengths = load_num_sequence_text(known, "text_float") if known.exists() else {}
    for name, listed in table.items():
        (seconds, *_) = lengths.get(name) or (0.0,)
        yield Item(name, str(Path(found_path(listed, path)).absolute()), seconds)


def _files(word: str) -> Iterator[Item]:
    for source in find_sources([word]):
        if source.path is None:
            raise OptionError("--ray: expected recordings that all workers can read, found standard input")
        yield Item(visible(source.stem), str(source.path.absolute()))


def with_seconds(items: Sequence[Item]) -> list[Item]:
    """Items with their lengths, which recordings say at their beginnings; 0 for those that cannot be read."""

    def measured(item: Item) -> Item:
        if item.seconds:
            return item
        with contextlib.suppress(AudioError), Pieces(Path(item.place), 16000, item.place) as pieces:
            return item._replace(seconds=pieces.seconds)
        return item

    with ThreadPoolExecutor(READERS) as threads:
        return [*threads.map(measured, items)]


def size_of_blocks(args: argparse.Namespace) -> int:
    """Recordings of a block; raises `EspnetError` for whatever is wrong with the model or its options."""
    worker = Worker(args, 1)
    worker.close()
    return worker.size


class Worker:
    """Recognises blocks of recordings with one set of sessions, utterances of several recordings together.

    Args:
        args: Of the command.
        sharers: Workers that share the memory of their machine.

    Attributes:
        size: Recordings of a block.
        segments: See `Segments`.
        close: Ends its threads.
    """

    def __init__(self, args: argparse.Namespace, sharers: int) -> None:
        share_memory(sharers)
        recognizer = open_recognizer(args, args.options or {}, streams=True)
        self.rate, self.words, self.threads = recognizer.sample_rate, args.word_timestamps, recognizer.batch_size
        self.size = 4 * self.threads
        make = _by_streams if isinstance(recognizer, StreamingRecognizer) else _by_utterances
        self.segments, self.close = make(recognizer, args.pause)

    def __call__(self, block: Sequence[tuple[str, str]]) -> Iterator[Done]:
        """The results of recordings, as JSON of `espnet transcribe`, in order."""
        with ThreadPoolExecutor(self.threads) as threads:
            yield from threads.map(lambda item: self._done(*item), block)

    def _done(self, name: str, place: str) -> Done:
        made = FORMATS["json"](self.words)
        try:
            with Pieces(Path(place), self.rate, place) as pieces:
                counted = Counted(pieces)
                for segment in self.segments(counted, place):
                    made.segment(segment)
        except (EspnetError, *UNCOMPUTABLE) as error:
            sentence = sentence_of(error)
            return Done(name, "", sentence if sentence.startswith(place) else f"{place}: {sentence}")
        seconds = counted.samples / self.rate
        return Done(name, made.end({KEY: name, "duration": seconds}), seconds=seconds)


# Gives the segments of a recording, samples (T,) in pieces, that errors call by its name.
Segments = Callable[[Iterable[np.ndarray], str], Iterator[Segment]]


def _by_utterances(recognizer: Any, pause: float) -> tuple[Segments, Callable[[], None]]:
    """A function that recognises recordings, and one that ends it."""
    scheduler = Scheduler(recognizer, recognizer.batch_size, NEVER, gatherings=recognizer.gatherings)
    transcriber = Transcriber(recognizer, pause, functools.partial(scheduler.each, ticket=Ticket()))
    return lambda pieces, name: transcriber(pieces, name, lambda seconds: None), scheduler.close


def _by_streams(recognizer: StreamingRecognizer, pause: float) -> tuple[Segments, Callable[[], None]]:
    """The same by a model of streams."""
    hub, ticket = StreamHub(recognizer, recognizer.batch_size), Ticket()
    return lambda pieces, name: transcribed(hub, ticket, pieces, name, pause), hub.close


Write = Callable[[Path, Journal, Sequence[str]], None]


def _write_tables(directory: Path, journal: Journal, names: Sequence[str]) -> None:
    """Write Kaldi's tables: `text`, `utt2dur` and, where there are times of words, `ctm`."""
    with DatadirWriter(directory) as tables:
        for entry in journal.entries(names):
            name = entry[KEY]
            tables["text"][name] = entry["text"]
            tables[LENGTHS][name] = f"{entry['duration']:.3f}"
            for segment in entry["segments"]:
                for word in segment.get("words", ()):
                    tables["ctm"][name] = ctm_fields(Timed(word["text"], word["start"], word["end"]))


def _write_parquet(directory: Path, journal: Journal, names: Sequence[str]) -> None:
    """Write `results.parquet`, a row for each recording."""
    import pyarrow as pa
    import pyarrow.parquet

    spoken = [("start", pa.float64()), ("end", pa.float64()), ("text", pa.string())]
    segment = pa.struct([*spoken, ("words", pa.list_(pa.struct(spoken)))])
    columns = [(KEY, pa.string()), ("duration", pa.float64()), ("text", pa.string()), ("segments", pa.list_(segment))]
    schema, rows = pa.schema(columns), list[dict[str, Any]]()
    with (
        write_atomically(directory / "results.parquet") as file,
        pyarrow.parquet.ParquetWriter(file, schema) as writer,
    ):
        for entry in journal.entries(names):
            rows.append(entry)
            if len(rows) == ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()
        writer.write_table(pa.Table.from_pylist(rows, schema))


def _write_nothing(directory: Path, journal: Journal, names: Sequence[str]) -> None:
    """The journal is all that is wanted."""


WRITERS: Mapping[str, Write] = {"txt": _write_tables, "json": _write_nothing, "parquet": _write_parquet}


def _writer(kind: str) -> Write:
    if kind not in WRITERS:
        raise OptionError(f"--format: expected one of {', '.join(WRITERS)} with --ray, found {kind!r}")
    return WRITERS[kind]
