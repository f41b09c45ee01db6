"""Input that strangers may send: values in documents, words of options, lines of lists, and files that are none."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

VALUES: Sequence[Any] = (
    *(None, True, 0, -1, 1, 3, 4096, 99_999, 10**6, 10**9, 10**12, 10**30, 10**390, 0.5, -1e308, 1e308),
    *(float("nan"), float("inf"), "", " ", "../x", "/etc/passwd", "/dev/zero", "a\nb", "\x1b[2J", "x" * 60_000),
    *([], {}, [[]], [0], [1, "a"], {"a": 1}, {"file": 1}, [None], b"\xff", "transformer", "<blank>", "%s{0}"),
)
LENGTHS: Mapping[str, Callable[[list[Any]], list[Any]]] = {
    "one less": lambda items: items[:-1],
    "one more": lambda items: [*items, "one more"],
    "the last twice": lambda items: [*items, items[-1]],
    "two changed places": lambda items: [*items[1:], items[0]],
    "the first alone": lambda items: items[:1],
    "a thousand times": lambda items: items * 1000,
}
LINES = (
    "a WAV\n",
    "b WAV\n",
    "a WAV",
    "../x WAV\n",
    "c\x1b[2J WAV\n",
    "\n",
    " \n",
    "d\n",
    "e /dev/zero\n",
    "f /dev/full\n",
    "g " + "x" * 5000 + "\n",
    "h" * 5000 + " WAV\n",
    "i \udcff.wav\n",
    "j /etc\n",
    "k a\0b\n",
    "/abs WAV\n",
    "l WAV |\n",
    ". WAV\n",
    ".. WAV\n",
    "m\t\tWAV\n",
    "n \x85\u2028WAV\n",
    "o WAV\r\n",
    "p abc def\n",
    "q " + "a" * 20_000 + "\n",
)
WORDS = (
    "0",
    "-1",
    "1",
    "2",
    "1e308",
    "-1e308",
    "1e18",
    "nan",
    "inf",
    "-inf",
    "1000000",
    "100000",
    "1000000000",
    *(str(10**30), "", " ", "true", "None", "x", "[]", "{}", "{a: 1}", "{search_type: maes, nstep: 1000000}"),
    "\x1b[2J",
    "x" * 60_000,
    "/dev/zero",
    "/dev/full",
    "/etc/passwd",
    "/",
    "../x",
    "a\nb",
    "<eng>",
    "0.5",
    "1_0",
    "\N{ARABIC-INDIC DIGIT THREE}",
)
# Further words of options.
WORDS_OF: Mapping[str, Sequence[str]] = {
    "--init_param": (
        "gone.pth",
        "gone.pth:a:b",
        ":",
        ":::",
        "::::",
        "a:b:c:d:e",
        "/dev/zero:x",
        "/etc/passwd:::x",
        "x" * 5000 + ":",
        "\x1b[2J:encoder",
    ),
    "--freeze_param": ("encoder", "encoder.", ".", "encoder.embed", "decoder,encoder", "*", "ctc.ctc_lo.weight.x"),
    "--pretrain_path": ("gone.pth", "/etc", "x" * 5000),
    "--ignore_init_mismatch": ("yes", "2"),
    "--resume": ("yes", "2", "checkpoint.pth"),
    **dict.fromkeys(
        ("--transducer_conf", "--beam_search_config"),
        (
            "{search_type: x}",
            "{search_type: [greedy]}",
            "{search_type: null}",
            "{search_type: default}",
            "search_type=tsd",
            "{search_type: tsd, max_sym_exp: 1000000000}",
            "{search_type: tsd, max_sym_exp: 0}",
            "{search_type: alsd, u_max: 1000000000}",
            "{search_type: alsd, u_max: -1}",
            "{search_type: alsd, u_max: .nan}",
            "{search_type: nsc, nstep: 1000000000}",
            "{search_type: nsc, nstep: 0, prefix_alpha: 1}",
            "{search_type: maes, nstep: 2, expansion_gamma: .inf}",
            "{search_type: maes, expansion_beta: 1000000000}",
            "{search_type: maes, prefix_alpha: 1000000000, nstep: 2}",
            "{search_type: maes, expansion_gamma: -1e308}",
            "{search_type: mbg, x: 1}",
            "{score_norm: 3}",
            "{search_type: greedy, nbest: 1000000000}",
            "{1: 2}",
            "{? [a] : 1}",
            "{search_type: tsd, max_sym_exp: 0x" + "f" * 6000 + "}",
        ),
    ),
    "--normalize_conf": (
        "{}",
        "stats_file=gone.npz",
        "{stats_file: 3}",
        "{stats_file: [a]}",
        "eps=-1",
        "stats_file=/etc",
    ),
    **dict.fromkeys(
        ("--model_conf", "--encoder_conf", "--decoder_conf"), ("{}", "{x: 1}", "x=1", "{? {a: 1} : 1}", "[]")
    ),
    **dict.fromkeys(("--token_type", "--src_token_type"), ("char", "bpe", "word", "phn", "hugging_face", "whisper_en")),
    "--optim_conf": ("lr=nan", "lr=-1", "lr=1e308", "betas=[1]", "{lr: [1]}", "foreach=x"),
    "--scheduler": ("warmuplr", "steplr", "reducelronplateau", "x"),
    "--best_model_criterion": ("valid,loss", "valid,loss,min", "x,y,z", "valid,loss,median", ",,", "a,b,min,d"),
    "--fold_length": ("0", "-1", "800", "1000000000000"),
    "--keep_nbest_models": ("0", "[1, 2]", "[]", "-1"),
}
SPECIAL: Mapping[str, Callable[[Path], Any]] = {
    "fifo": lambda path: os.mkfifo(path),
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "full": lambda path: path.symlink_to("/dev/full"),
    "directory": lambda path: path.mkdir(),
    "nothing": lambda path: path.touch(),
    "text": lambda path: path.write_text("graph\n" * 100),
    "gone": lambda path: None,
    "sparse": lambda path: (path.touch(), os.truncate(path, 300 << 20)),
}


def changed(tree: Any, rng: random.Random) -> tuple[Any, str]:
    """A copy of a tree of lists and mappings with a value or key changed or gone, and what was changed."""
    data = copy.deepcopy(tree)
    place, path = data, []
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return data, "nothing"
        key = rng.choice(keys)
        path.append(str(key))
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.8:
            place = place[key]
            continue
        break
    value = rng.choice(VALUES)
    if isinstance(place[key], list) and place[key] and rng.random() < 0.5:
        text, change = rng.choice([*LENGTHS.items()])
        place[key] = change(place[key])
        return data, f"{'.'.join(path)}: {text}"
    if rng.random() < 0.1:
        del place[key]
        return data, f"{'.'.join(path)} removed"
    if isinstance(place, dict) and rng.random() < 0.1:
        place[rng.choice(("x", "\x1b[2J", "y" * 5000))] = place.pop(key)
        return data, f"{'.'.join(path)} renamed"
    place[key] = value
    return data, f"{'.'.join(path)}: {value!r:.40}"
