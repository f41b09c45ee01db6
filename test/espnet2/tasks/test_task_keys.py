"""Configs as upstream's tasks write them: those of the tasks here are read, others are told by their task.

`tools/make_task_keys_golden.py` asked the releases for their keys.
"""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from espnet2.interface.errors import ConfigError
from espnet2.interface.families import FAMILIES, task_class
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.config import check_config, model_keys
from espnet2.tasks.files import Places

KEYS = json.loads((Path(__file__).parents[2] / "golden/task_keys.json").read_text(encoding="utf-8"))
SAME_NAME = {"s2t_ctc": "S2TCTCTask"}
# Classes have the names that upstream's have; a vocoder's config is another toolkit's.
OWN = {SAME_NAME.get(task.name, task.__name__): task for task in map(task_class, FAMILIES) if task.name != "vocoder"}
CASES = [
    pytest.param(task, keys, id=f"{release}-{task}") for release, tasks in KEYS.items() for task, keys in tasks.items()
]
TOKENS = ["<blank>", "<unk>", "a", "<sos/eos>"]
FILLED = dict.fromkeys(("token_list", "src_token_list", "tgt_token_list"), TOKENS)
FILLED |= {"losses": [{"name": "binary_loss"}]}  # by which it is not taken for classification
UNITS = {"tts": "fastspeech2", "discrete_feats_extract": "identity"}  # by which it is not taken for translation
NAMES = {  # in the sentence, where it is not the beginning of the task's name in capitals
    "HubertTask": "SSL",
    "GANTTSTask": "TTS",
    "GANSVSTask": "SVS",
    "SpeakerTask": "SPK",
    "DiarizationTask": "DIAR",
    "EnhancementTask": "ENH",
    "EnhS2TTask": "ENH_S2T",
    "TargetSpeakerExtractionTask": "TSE",
    "GANCodecTask": "a neural codec",
    "GANSpeechTokenizerTask": "a speech tokenizer",
    "BeatsTokenizerTask": "BEATS",
    "RestorationTask": "RST",
    "RestorationVocoderTask": "RST",
    "S2TCTCTask": "S2T_CTC",
}


def read(keys, task, own=True):
    sections = model_keys(task) if own else ()  # whose values are not stored
    given = {key: value for key, value in keys.items() if value is not None or key not in sections}
    filled = {name: value for name, value in FILLED.items() if name in sections}
    marked = UNITS if set(UNITS) <= set(sections) else {}
    return check_config({**given, **filled, **marked}, task, Places("config.yaml"))


@pytest.mark.parametrize("task", OWN)
def test_every_task_here_has_a_golden_of_its_keys(task):
    assert any(task in tasks for tasks in KEYS.values())


def test_a_key_that_all_tasks_of_the_newest_release_have_is_read():
    """The golden has none of these."""
    keys = {**KEYS["202611"]["STTask"], "wandb_allow_val_change": True}
    assert isinstance(read(keys, OWN["STTask"]), Namespace)


@pytest.mark.parametrize(("task", "keys"), CASES)
def test_a_config_is_that_of_its_task(task, keys):
    if task in OWN:
        assert isinstance(read(keys, OWN[task]), Namespace)
    for other in (other for own, other in OWN.items() if own != task):
        with pytest.raises(ConfigError, match=r"expected a config of .*, found one of ") as caught:
            read(keys, other, own=False)
        told = str(caught.value).partition("found one of ")[2].upper()
        name = NAMES.get(task, task.removesuffix("Task")).upper()
        assert (name.removeprefix("GAN") in told) or (task == "ASRTransducerTask" and "ASR_TRANSDUCER" in told)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"use_adapter": True, "adapter": "houlsby"},
            "use_adapter: expected false, since houlsby adapters are not built",
        ),
        ({"model_conf": {"sym_na": "<na>"}}, r"found one of .* \(S2T\)"),
        ({"preprocessor": "s2t"}, r"found one of .* \(S2T\)"),
        ({"decoder": "linear"}, r"found one of classification \(CLS\)"),
    ],
)
def test_what_a_config_switches_on_is_refused_by_its_name(keys, message):
    with pytest.raises(ConfigError, match=message):
        read({"ctc_conf": {}, **keys}, ASRTask)


@pytest.mark.parametrize(
    "keys",
    [
        {"pretrain_key": [], "pretrain_path": []},
        {"use_adapter": False, "adapter": "houlsby"},
        {"use_adapter": True, "adapter": "lora"},
        {"use_lora": True, "lora_conf": {"rank": 8}},
    ],
)
def test_what_only_training_reads_is_left_out(keys):
    assert not set(vars(read({"ctc_conf": {}, **keys}, ASRTask))) & set(keys)


@pytest.mark.parametrize(
    ("version", "conf", "expected"),
    [
        ("202511", {}, {}),
        (None, {}, {}),
        ("0.9.6", {}, {}),
        ("202609", {}, {"fbank_mean": 15.2913, "fbank_std": 5.90532}),
        ("202611", {"fbank_mean": 15.0}, {"fbank_mean": 15.0, "fbank_std": 5.90532}),
    ],
)
def test_defaults_are_those_of_the_release_that_trained(version, conf, expected):
    config = read({"ctc_conf": {}, "encoder": "beats", "encoder_conf": conf, "version": version}, ASRTask)
    assert config.encoder_conf == expected
