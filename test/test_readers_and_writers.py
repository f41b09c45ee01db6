"""A walk of the code: one wrapper a format reads files of strangers, and one atomic writer writes files."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGED = "a file of this project, or of an installed package"
OWN = "a file that this project has written beside the results"
GRAPH = "a graph that was just exported, or that the user diagnoses"
METADATA = "metadata of a graph, whatever is wrong with which is one sentence"
SYSTEM = "a file of the operating system"
WHOLE = "part of a directory that gets its name when it is complete"
STREAM = "grows while it is written, as its readers expect"
UPLOAD = "samples of a request, which nobody else sees, and which end with it"
RECORDED = "a temporary name, which is replaced when it is complete"

# Calls by the name that the code writes -> the files that may have them: the wrapper, which has no reason, and others.
READERS: Mapping[str, Mapping[str, str]] = {
    r"torch\.load": {"espnet/nets/pytorch_backend/saved_file.py": ""},
    r"(np|numpy)\.(load|fromfile|loadtxt|memmap)|np\.lib\.format\.read_array": {
        "espnet2/fileio/arrays.py": "",
        "espnet2/serving/decoding.py": UPLOAD,
    },
    r"yaml\.\w*(load|parse|compose)\w*": {"espnet2/interface/yaml_document.py": ""},
    r"json\.loads?": {
        "espnet2/utils/json_file.py": "",
        "espnet2/export/doctor/size.py": GRAPH,
        "espnet2/fileio/checksum.py": OWN,
        "espnet2/runtime/journal.py": OWN,
        "espnet2/runtime/one_graph.py": METADATA,
        "espnet2/serving/messages.py": "a message, not a file, of bounded size",
        "espnet2/text/hugging_face_tokenizer.py": "text that the package tokenizers has read already",
        "espnet2/text/whisper_vocabulary.py": PACKAGED,
    },
    r"pickle\.loads?|marshal\.\w+|shelve\.\w+|dill\.\w+": {"espnet2/runtime/processes.py": "what it has just written"},
    r"zipfile\.ZipFile|tarfile\.(open(:r)?|TarFile)|(gzip|bz2|lzma)\.open(:r)?": {
        "espnet2/fileio/archives.py": "",
        "espnet2/fileio/arrays.py": "",
        "espnet/nets/pytorch_backend/saved_file.py": "",
        "espnet2/main_funcs/pack_funcs.py": "writes one",
        "espnet2/recipe/download.py": "a corpus of a known address, with tarfile's own filter",
        "espnet2/runtime/writers/arrays.py": "writes one",
    },
    r"soundfile\.(read|info|SoundFile|blocks)": {
        "espnet2/fileio/audio.py": "",
        "espnet2/fileio/pieces.py": "in pieces, by the checks of the above",
        "espnet2/recipe/format_audio.py": OWN,
        "espnet2/runtime/writers/synthesis.py": "writes one",
    },
    r"SentencePieceProcessor": {"espnet2/text/sentencepiece_tokenizer.py": ""},
    r"Tokenizer\.from_\w+": {"espnet2/text/hugging_face_tokenizer.py": ""},
    r"h5py\.File": {"espnet2/fileio/hdf5.py": ""},
    r"kenlm\.LanguageModel": {"espnet/nets/scorers/ngram.py": "behind `espnet2.runtime.ngram.load_ngram`"},
    r".*InferenceSession": {
        "espnet2/runtime/session.py": "",
    },
    r"(onnx|ir)\.load\w*": {
        "espnet2/export/doctor/find.py": GRAPH,
        "espnet2/export/doctor/layers.py": GRAPH,
        "espnet2/export/doctor/size.py": GRAPH,
        "espnet2/export/quantize.py": GRAPH,
    },
    r".*\.read_(text|bytes)|open:r|.*[Pp]ath\w*(\(.*\))?\.open:r|archive\.open:r": {
        "espnet2/interface/foreign_file.py": "",
        "espnet2/fileio/archives.py": "",
        "espnet/__init__.py": PACKAGED,
        "espnet2/export/doctor/size.py": GRAPH,
        "espnet2/fileio/checksum.py": "bytes in blocks, and OWN",
        "espnet2/main_funcs/pack_funcs.py": "two files of unpacked models, whose sizes are checked",
        "espnet2/recipe/bpe.py": OWN,
        "espnet2/recipe/jobs.py": OWN,
        "espnet2/recipe/results.py": OWN,
        "espnet2/runtime/memory.py": SYSTEM,
        "espnet2/runtime/session.py": SYSTEM,
        "espnet2/serving/app.py": PACKAGED,
        "espnet2/serving/decoding.py": UPLOAD,
        "espnet2/text/whisper_vocabulary.py": PACKAGED,
        "espnet2/utils/atomic.py": "a device, to write to it",
    },
}
WRITERS: Mapping[str, Mapping[str, str]] = {
    r".*\.write_(text|bytes)|shutil\.(copy\w*|move)": {
        "espnet2/utils/atomic.py": "",
        "espnet2/export/layouts/sherpa_onnx.py": WHOLE,
        "espnet2/export/layouts/sherpa_onnx_recognizer.py": WHOLE,
        "espnet2/export/layouts/triton.py": WHOLE,
        "espnet2/export/whole.py": WHOLE,
        "espnet2/main_funcs/pack_funcs.py": WHOLE,
        "espnet2/recipe/download.py": WHOLE,
        "espnet2/runtime/bundle.py": WHOLE,
    },
    r".*open:[wax]": {
        "espnet2/fileio/datadir_writer.py": "the writer of tables, which get their names together",
        "espnet2/fileio/scp_writer.py": STREAM,
        "espnet2/main_funcs/pack_funcs.py": WHOLE,
        "espnet2/recipe/download.py": WHOLE,
        "espnet2/recipe/jobs.py": STREAM,
        "espnet2/recipe/once.py": "a lock",
        "espnet2/runtime/journal.py": STREAM,
        "espnet2/runtime/writers/synthesis.py": STREAM,
        "espnet2/serving/decoding.py": UPLOAD,
        "espnet2/utils/surroundings.py": "a standard stream",
    },
    r"tempfile\.(?!gettempdir)\w+": {
        "espnet2/utils/atomic.py": "",
        "espnet2/utils/work_directory.py": "",
        "espnet2/export/doctor/check.py": "for a moment, of a module that the user diagnoses",
        "espnet2/export/doctor/size.py": "for a moment, of a graph that the user diagnoses",
        "espnet2/recipe/bpe.py": RECORDED,
        "espnet2/serving/app.py": UPLOAD,
        "espnet2/serving/decoding.py": UPLOAD,
    },
    r"os\.(replace|rename|link|symlink)": {
        "espnet2/utils/atomic.py": "",
        "espnet2/main_funcs/pack_funcs.py": WHOLE,
        "espnet2/recipe/bpe.py": RECORDED,
        "espnet2/recipe/corpora/digits.py": RECORDED,
        "espnet2/recipe/download.py": RECORDED,
        "espnet2/recipe/format_audio.py": RECORDED,
        "espnet2/recipe/once.py": RECORDED,
        "espnet2/runtime/writers/arrays.py": RECORDED,
    },
}
OPENS_READING = "r"


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Calls of a file as the code writes them, with their lines; of `open`, with the mode behind a colon."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name == "open" or name.endswith(".open"):
            place = int(name == "open")
            given = node.args[place : place + 1] or [item.value for item in node.keywords if item.arg == "mode"]
            mode = given[0].value if given and isinstance(given[0], ast.Constant) else OPENS_READING
            if re.fullmatch("[rwax+bt]{1,3}", str(mode)):
                name = f"{name}:{mode[0]}"
        yield name, node.lineno


@pytest.fixture(scope="module")
def found() -> list[tuple[str, str, int]]:
    files = [path for package in ("espnet", "espnet2") for path in (ROOT / package).rglob("*.py")]
    return [(path.relative_to(ROOT).as_posix(), name, line) for path in files for name, line in calls(path)]


@pytest.mark.parametrize("table", [READERS, WRITERS], ids=["readers", "writers"])
def test_no_file_is_read_or_written_elsewhere(found, table):
    others = [
        f"{path}:{line}: {name}"
        for path, name, line in found
        for pattern, known in table.items()
        if re.fullmatch(pattern, name) and path not in known
    ]
    assert others == []


@pytest.mark.parametrize("table", [READERS, WRITERS], ids=["readers", "writers"])
def test_the_tables_name_no_file_in_vain(found, table):
    for pattern, known in table.items():
        having = {path for path, name, _ in found if re.fullmatch(pattern, name)}
        assert set(known) <= having, pattern


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("open(p)", "open:r"),
        ("open(p, 'wb')", "open:w"),
        ("open(p, mode='a')", "open:a"),
        ("p.open('w')", "p.open:w"),
        ("Path(p).open()", "Path(p).open:r"),
        ("archive.open(info)", "archive.open:r"),
    ],
)
def test_modes_are_told(tmp_path, code, name):
    (tmp_path / "x.py").write_text(code)
    assert name in [found for found, _ in calls(tmp_path / "x.py")]
