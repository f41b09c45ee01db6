"""Small data sets and the options that they are read with: for `tools/make_data_golden.py`, and for tests.

Files are written to, and read from, the working directory.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import soundfile

UTTERANCES = 40
BATCHES = 10
STEP = 50  # one of so many samples is in the golden

LENGTHS = {"speech": (20, 400, ""), "features": (10, 200, ",4"), "text": (1, 30, ",5")}


def write_shapes() -> None:
    """Three shape files with the same utterances, many of one length, in an order that is not that of their names."""
    rng = np.random.default_rng(0)
    names = [f"utt{index:02d}" for index in rng.permutation(UTTERANCES)]
    for file, (low, high, dimension) in LENGTHS.items():
        lengths = rng.integers(low, high, UTTERANCES)
        lines = [f"{name} {length}{dimension}\n" for name, length in zip(names, lengths, strict=True)]
        Path(file).write_text("".join(sorted(lines) if file == "text" else lines))


def sampler_cases() -> list[dict[str, Any]]:
    """Options of `build_batch_sampler`: every value of each beside the default of the others, and mixtures."""
    orders = list(product(("ascending", "descending"), ("ascending", "descending"), (False, True)))
    sizes = [("unsorted", size, 1, 1, ["speech"]) for size in (1, 7, 16, 60)]
    sizes += [("sorted", size, 1, 1, ["speech"]) for size in (1, 7, 16, 60)]
    two = ["speech", "text"]
    sizes += [
        ("folded", size, 1, least, files) for size, least, files in ((8, 1, two), (8, 5, ["speech"]), (3, 50, two))
    ]
    for kind in ("length", "numel"):
        sizes += [(kind, 1, 1500, least, files) for least, files in ((1, two), (5, two), (3, ["features", "text"]))]
        sizes += [(kind, 1, 100, 1, ["speech"]), (kind, 1, 100000, 2, two)]
    cases = []
    for index, (kind, size, bins, least, files) in enumerate(sizes):
        for sort_in_batch, sort_batch, drop_last in orders:
            case = {"type": kind, "batch_size": size, "batch_bins": bins, "shape_files": files}
            case |= {"sort_in_batch": sort_in_batch, "sort_batch": sort_batch, "drop_last": drop_last}
            case |= {"min_batch_size": least, "padding": (index + drop_last) % 2 == 0}
            case |= {"fold_lengths": [100, 7][: len(files)]}
            cases.append(case)
    return cases


class Echo:
    """A data set where each utterance is its name."""

    def __getitem__(self, name: str) -> str:
        return name

    def __len__(self) -> int:
        return BATCHES


# Options of SequenceIterFactory, and an epoch.
EPOCHS: list[tuple[dict[str, Any], int]] = [
    ({"shuffle": shuffle, "seed": seed, "num_iters_per_epoch": number}, epoch)
    for shuffle, seed, number, epoch in [
        *product((True, False), (0, 3), (None,), (1, 2)),
        *product((True, False), (0, 3), (3, 7, 10, 25), (1, 2, 5)),
    ]
]

# Files of `write_data`, and their types.
FILES = {
    "wav.scp": "sound",
    "columns.scp": "multi_columns_sound",
    "several.scp": "variable_columns_sound",
    "npy.scp": "npy",
    "ark.scp": "kaldi_ark",
    "flac_ark.scp": "kaldi_ark",
    "text_int": "text_int",
    "csv_int": "csv_int",
    "text_float": "text_float",
    "csv_float": "csv_float",
}


def write_data() -> None:
    """The files of `FILES`, of three utterances, with recordings of several formats."""
    rng = np.random.default_rng(0)
    formats = {"a": ("wav", "PCM_16"), "b": ("flac", "PCM_24"), "c": ("wav", "FLOAT")}
    for name, (extension, subtype) in formats.items():
        samples = rng.integers(-(2**14), 2**14, rng.integers(5, 12)) / 2**15
        soundfile.write(f"{name}.{extension}", samples, 8000, subtype=subtype)
        np.save(f"{name}.npy", rng.integers(-9, 9, (rng.integers(1, 4), 2)) / 4)
    paths = {name: f"{name}.{extension}" for name, (extension, _) in formats.items()}
    _table("wav.scp", paths)
    _table("columns.scp", {name: f"{path} {path}" for name, path in paths.items()})
    _table("several.scp", {"a": "a.wav b.flac c.wav", "b": "b.flac c.wav a.wav b.flac", "c": "c.wav b.flac a.wav"})
    _table("npy.scp", {name: f"{name}.npy" for name in formats})
    _table("text_int", {"a": "1 2 3", "b": "4", "c": "5 6"})
    _table("csv_int", {"a": "1,2", "b": "3", "c": "4,5,6"})
    _table("text_float", {"a": "1.5 2", "b": "4", "c": "-5e2 6"})
    _table("csv_float", {"a": "1.5,2", "b": "3", "c": "4,5,.25"})
    _write_ark(rng)
    _write_flac_ark()


def _write_flac_ark() -> None:
    """Recordings in an archive, as upstream's recipes write them: a mark, the bytes of the size, the size, a file."""
    ark, places = b"", {}
    for name in "abc":
        recording = Path("b.flac").read_bytes()
        places[name] = f"recordings.ark:{len(ark) + 2}"
        ark += f"{name} AUDIO".encode() + bytes([2]) + len(recording).to_bytes(2, "little") + recording
    Path("recordings.ark").write_bytes(ark)
    _table("flac_ark.scp", places)


def _table(path: str, rows: dict[str, str]) -> None:
    Path(path).write_text("".join(f"{name} {value}\n" for name, value in rows.items()))


def _write_ark(rng: np.random.Generator) -> None:
    """Matrices of float32 as Kaldi writes them, and the places where they begin."""
    ark, places = b"", {}
    for name in "abc":
        matrix = rng.integers(-9, 9, (rng.integers(1, 4), 3)).astype("<f4")
        ark += f"{name} ".encode()
        places[name] = f"matrices.ark:{len(ark)}"
        header = [b"\4" + int(size).to_bytes(4, "little") for size in matrix.shape]
        ark += b"\0BFM " + b"".join(header) + matrix.tobytes()
    Path("matrices.ark").write_bytes(ark)
    _table("ark.scp", places)


def plain(array: np.ndarray) -> list[Any]:
    """An array for JSON: its dtype and values."""
    return [str(array.dtype), array.tolist()]


TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<space>", "<noise>", "hello", "world", "e", "h", "l", "o", "<sos/eos>"]
TEXTS = ["a b c", "hello world", "a<noise>b", "abc d", "  a  b ", "hello <noise> a", "one two three", "a-b-c", "zzz"]
TOKENIZERS: list[dict[str, Any]] = [
    *({"token_type": kind, "token_list": TOKENS} for kind in ("char", "word", "phn")),
    *(
        {"token_type": kind, "token_list": TOKENS, "non_linguistic_symbols": ["<noise>"]}
        for kind in ("char", "word", "phn")
    ),
    {"token_type": "char", "token_list": "tokens.txt"},
    {"token_type": "char", "token_list": TOKENS, "space_symbol": "a", "unk_symbol": "c"},
    {"token_type": "char", "token_list": TOKENS, "text_cleaner": ["korean_cleaner"]},
    {"token_type": "word", "token_list": TOKENS, "delimiter": "-"},
    {"token_type": "bpe", "token_list": "pieces.txt", "bpemodel": "bpe.model"},
]


def write_tokens() -> None:
    """A token list, and a SentencePiece model with one."""
    sentences = ["hello world", "a b c", "abc abc", "one two three", "low hollow", "all hello"] * 3
    with open("bpe.model", "wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="bpe",
            vocab_size=30,
            normalization_rule_name="identity",
            minloglevel=2,
        )
    processor = sentencepiece.SentencePieceProcessor(model_file="bpe.model")
    pieces = [processor.id_to_piece(index) for index in range(3, processor.get_piece_size() - 2)]
    Path("pieces.txt").write_text("".join(f"{token}\n" for token in ["<blank>", "<unk>", *pieces, "<sos/eos>"]))
    Path("tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS))


# Options of CommonPreprocessor with which nothing is random but the place in the noise, of which there is one.
SPEECH: dict[str, dict[str, Any]] = {
    "room": {"rir_scp": "rir.scp"},
    "noise": {"noise_scp": "noise.scp", "noise_db_range": "10"},
    "both": {"rir_scp": "rir.scp", "noise_scp": "noise.scp", "noise_db_range": "-5"},
    "volume": {"speech_volume_normalize": 0.5},
    "all": {"rir_scp": "rir.scp", "noise_scp": "noise.scp", "noise_db_range": "0", "speech_volume_normalize": 1.0},
    "loud": {"noise_scp": "noise.scp", "noise_db_range": "-30"},
}


def speech() -> np.ndarray:
    """Samples (T,) float32 of loud and quiet noise in turns."""
    rng = np.random.default_rng(1)
    loudness = np.repeat([0.1, 0.001, 0.05, 0.0, 0.2, 0.01], 1000)
    return (rng.standard_normal(6000) * loudness).astype(np.float32)


def write_augmentation() -> None:
    """A room and a noise, which lasts as long as the speech."""
    rng = np.random.default_rng(2)
    response = rng.standard_normal(400) * np.exp(-np.arange(400) / 80) * 0.2
    soundfile.write("rir.wav", response, 16000, subtype="FLOAT")
    soundfile.write("noise.wav", rng.standard_normal(6000) * 0.1, 16000, subtype="FLOAT")
    _table("rir.scp", {"room": "rir.wav"})
    Path("noise.scp").write_text("noise.wav\n")


def write_files() -> None:
    """All that the cases read."""
    write_shapes()
    write_data()
    write_tokens()
    write_augmentation()
