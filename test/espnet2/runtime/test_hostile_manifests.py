"""Manifests that strangers write: each is read, or refused in one sentence."""

import copy
import random
import time

import pytest
import yaml

from espnet2.interface.errors import BundleError
from espnet2.interface.families import family_of
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.bundle import Bundle, Manifest

pytestmark = pytest.mark.usefixtures("within_bounds")

SECONDS = 0.8
VALUES = (
    None, True, 0, -1, 10**12, 10**30, 1e308, float("nan"), "", "../x", "/etc/passwd", "a\nb", "\x1b[2J", "x" * 60_000,
    [], {}, [[]], {"file": 1}, [None], b"\xff",
)  # fmt: skip


@pytest.mark.parametrize("fixture", ["tiny_bundle", "streaming_bundle"])
def test_changed_trees(tmp_path, request, fixture):
    """A manifest with other values, without keys, and with other keys."""
    text = (request.getfixturevalue(fixture) / "bundle.yaml").read_text(encoding="utf-8")
    manifest = yaml.safe_load(text)
    rng, end = random.Random(0), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        data = copy.deepcopy(manifest)
        for _ in range(rng.choice((1, 1, 3))):
            _change_tree(data, rng)
        (tmp_path / "bundle.yaml").write_text(yaml.safe_dump(data, allow_unicode=False), encoding="utf-8")
        try:
            Bundle.read(tmp_path)
        except BundleError as error:
            assert len(str(error)) <= 400 and "\n" not in str(error) and "\x1b" not in str(error)


TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
TEXT = {"token_type": "char", "cleaner": [], "g2p": None, "non_linguistic_symbols": []}
RECOGNITION = {"tokens": TOKENS, "special": {"blank": 0, "sos": 5, "eos": 5}, "tokenizer": {"token_type": "char"}}
SPEECH = (Tensor("speech", ("batch", "samples")), Tensor("speech_lengths", ("batch",), "int64", "samples"))
SCORES = Component("classes", "classify", SPEECH, (Tensor("scores", ("batch", 2)),))
SAMPLES = {"sample_rate": 16000}
WITH_TIMES = {**SAMPLES, **RECOGNITION, "special": {"blank": 0, "sos": 5, "eos": 5, "notimestamps": 2}}
FAMILIES = {
    "st": {**SAMPLES, **RECOGNITION, "recognition": RECOGNITION},
    "mt": {**RECOGNITION, "source": TEXT, "source_tokens": TOKENS},
    "slu": {**SAMPLES, **RECOGNITION, "transcript_tokens": ["play"], "transcript_cleaner": ["tacotron"]},
    "s2t": {**WITH_TIMES, "times": [2, 3], "languages": [1, 1]},
    "s2t_ctc": WITH_TIMES,
    "cls": {**SAMPLES, "classes": ["a", "b"], "several": False},
    "lid": {**SAMPLES, "languages": ["deu", "eng"]},
    "asvspoof": SAMPLES,
    "spk": SAMPLES,
    "tts": {**SAMPLES, "tokens": TOKENS, "text": TEXT, "griffin_lim": {"n_fft": 8, "n_shift": 2}},
}


@pytest.mark.parametrize("task", FAMILIES)
def test_changed_trees_of_families(manifest, task):
    """The same for sections of other families, and for their checks of components."""
    family, searches = family_of(task), "tokenizer" in FAMILIES[task]
    components = [entry["interface"] for entry in manifest.components.values()] if searches else [SCORES]
    entry, by_name = {"file": "a.onnx", "sha256": "0" * 64}, {one.name: one for one in components}
    data = {"format_version": 2, "task": task, "defaults": family.defaults(by_name), task: FAMILIES[task]}
    data["components"] = {one.name: {**entry, "interface": one.to_dict()} for one in components}
    data = yaml.safe_load(yaml.safe_dump(data))
    assert Manifest.from_dict(copy.deepcopy(data)).task == task
    rng, end = random.Random(task), time.perf_counter() + SECONDS / 4
    while time.perf_counter() < end:
        changed = copy.deepcopy(data)
        for _ in range(rng.choice((1, 1, 3))):
            tree = rng.choice((changed, changed.get(task), changed.get("defaults")))
            _change_tree(tree if isinstance(tree, dict) else changed, rng)
        try:
            family.require_usable(by_name, Manifest.from_dict(changed).section)
        except BundleError as error:
            assert len(str(error)) <= 400 and "\n" not in str(error) and "\x1b" not in str(error)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("beam_size", 10**9, "defaults.beam_size: expected an integer from 1 to 10000, found 1000000000"),
        ("penalty", 10**390, "defaults.penalty: expected a finite number, found 1000"),
        ("lm_weight", "x" * 60_000, "defaults.lm_weight: expected a finite number, found 'xxx"),
    ],
)
def test_defaults(tiny_bundle, name, value, sentence):
    path = tiny_bundle / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["defaults"] = {name: value, "an_option_of_a_later_release": 1}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(BundleError) as error:
        Bundle.read(tiny_bundle)
    assert f"bundle.yaml: {sentence}" in str(error.value)


def _change_tree(tree, rng: random.Random) -> None:
    """Change a value, a key, or remove one, somewhere in a tree of lists and mappings."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(tree[key], dict | list) and rng.random() < 0.85:
            tree = tree[key]
            continue
        break
    if isinstance(tree, dict) and rng.random() < 0.3:
        value = tree.pop(key)
        if rng.random() < 0.5:
            tree[rng.choice((1, None, "x", "\x1b[2J", "y" * 5000))] = value
    else:
        tree[key] = rng.choice(VALUES)


OF_16_KHZ, OF_RATE = "sample_rate: 16000", "sample_rate: expected a rate of at most 1000000 Hz"
LEAST = {"samples_per_step": 1, "hop_size": 1, "block_size": 1, "lead": 0, "least_steps": 0}
SIZES = [
    ("tiny_bundle", OF_16_KHZ, f"sample_rate: {10**10}", OF_RATE),
    ("tiny_bundle", OF_16_KHZ, f"sample_rate: {10**30}", OF_RATE),
    ("tiny_bundle", OF_16_KHZ, f"sample_rate: 0x{'f' * 6000}", "a number of 6002 characters"),
    *(
        (
            "streaming_bundle",
            f"{name}: ",
            f"{name}: {value}  # ",
            f"streaming.{name}: expected a number from {least} to",
        )
        for name, least in LEAST.items()
        for value in (10**12, *([0] if least else []))
    ),
]


@pytest.mark.parametrize(("fixture", "old", "new", "sentence"), SIZES)
def test_sizes(request, fixture, old, new, sentence):
    path = request.getfixturevalue(fixture)
    text = (path / "bundle.yaml").read_text(encoding="utf-8")
    assert old in text
    (path / "bundle.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BundleError) as error:
        Bundle.load(path)
    assert str(error.value).startswith(f"{path / 'bundle.yaml'}: ") and sentence in str(error.value)


def test_a_state_of_many_numbers(streaming_bundle):
    path = streaming_bundle / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    interface = data["components"]["encoder_step"]["interface"]
    assert interface["states"]
    interface["states"][0]["input"]["axes"][-1] = 10**12
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(BundleError, match="expected sizes of a state, found"):
        Bundle.read(streaming_bundle)


def test_more_tokens_than_the_graphs_score(tiny_bundle):
    path = tiny_bundle / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["asr"]["tokens"].append("another")
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(BundleError, match="tokens: expected at most 6, as many as ctc scores, found 7 tokens"):
        Speech2Text(tiny_bundle, ctc_weight=1.0)
