"""config.yaml files: of old and new releases, of other tasks, with mistakes, and with paths that moved."""

import os

import pytest
import yaml

from espnet2.interface.errors import ConfigError
from espnet2.main_funcs.pack_funcs import META_SECTIONS
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.config import model_keys, read_config, training_keys
from espnet2.tasks.detect import MARKS
from espnet2.tasks.lm import LMTask
from espnet2.text.build_tokenizer import PRETRAINED

TOKENS = ["<blank>", "<unk>", "a", "<sos/eos>"]
# What a recogniser's config of release 202204 lacks: model, preprocessor, joint decoding of languages, adapters, ...
OLD = {
    **{"config": "conf/train.yaml", "print_config": False, "output_dir": "exp/asr", "ngpu": 1, "seed": 0},
    **{"dist_backend": "nccl", "sharded_ddp": False, "grad_clip": 5.0, "max_epoch": 50, "patience": None},
    **{"batch_type": "numel", "batch_bins": 10000000, "fold_length": [80000, 150], "num_cache_chunks": 1024},
    **{
        "optim": "adam",
        "optim_conf": {"lr": 0.0005},
        "scheduler": "warmuplr",
        "scheduler_conf": {"warmup_steps": 30000},
    },
    **{"token_list": TOKENS, "init": None, "input_size": None, "joint_net_conf": None, "use_preprocessor": True},
    **{"ctc_conf": {"dropout_rate": 0.0, "ctc_type": "builtin", "reduce": True, "ignore_nan_grad": True}},
    **{"model_conf": {"ctc_weight": 0.3}, "token_type": "bpe", "bpemodel": None, "cleaner": None, "g2p": None},
    **{"speech_volume_normalize": None, "rir_scp": None, "noise_scp": None, "noise_db_range": "13_15"},
    **{"frontend": "default", "frontend_conf": {"fs": "16k"}, "specaug": None, "specaug_conf": None},
    **{"normalize": "utterance_mvn", "normalize_conf": {}, "preencoder": None, "preencoder_conf": {}},
    **{"encoder": "transformer", "encoder_conf": {}, "postencoder": None, "postencoder_conf": {}},
    **{"decoder": "transformer", "decoder_conf": {}, "required": ["output_dir", "token_list"]},
    **{"version": "202204", "distributed": True},
}


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
    return path


def test_an_old_release_is_completed(tmp_path):
    config = read_config(write(tmp_path / "config.yaml", OLD), ASRTask)
    assert (config.model, config.preprocessor, config.specaug_conf) == ("espnet", "default", {})
    assert config.token_list == TOKENS and config.encoder == "transformer" and config.ctc_conf["reduce"]
    assert not hasattr(config, "optim")


def test_defaults_of_a_language_model(tmp_path):
    config = read_config(write(tmp_path / "config.yaml", {"token_list": TOKENS, "lm_conf": None}), LMTask)
    assert (config.lm, config.lm_conf, config.model) == ("seq_rnn", {}, "lm")


def test_training_keys_are_no_model_keys():
    for task in (ASRTask, LMTask):
        assert not training_keys(task) & {*model_keys(task), *dict(MARKS)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**OLD, "encodr": 1}, "expected known keys, found the unknown key 'encodr'; did you mean 'encoder'[?]"),
        ({**OLD, "zzz": 1}, "unknown key 'zzz'$"),
        ({**OLD, "encoder": 3}, "encoder: expected str or null, found int 3"),
        ({**OLD, "encoder_conf": [1]}, r"encoder_conf: expected dict, found list \[1\]"),
        ({**OLD, "token_list": None}, "token_list: expected list of str, found null"),
        (
            {**OLD, "token_list": ["a", 1]},
            "token_list: .* found int 1 as item 2 of 2; write '1' with quotes",
        ),
        (
            {**OLD, "token_list": "none.txt"},
            "token_list: expected a file beside the config, above it or here, found no file 'none.txt'",
        ),
        (
            {**OLD, "normalize": "global_mvn", "normalize_conf": {"stats_file": "exp/none.npz"}},
            "normalize_conf.stats_file: expected a file .*, found no file 'exp/none.npz'",
        ),
        (
            {"tts": "fastspeech2", "tts_conf": {}},
            "expected a config of speech recognition .*, found one of text-to-speech",
        ),
        ({"lm": "seq_rnn"}, "expected a config of speech recognition .*, found one of a language model"),
        ("- a\n- b\n", "expected keys and values in YAML, found list"),
        ("", "expected keys and values in YAML, found nothing"),
        ("a: [1, 2", "expected plain YAML, found: "),
        (
            "a: !!python/object/apply:os.system ['true']",
            "expected plain YAML, found: could not determine a constructor",
        ),
        ("a: \0", "expected keys and values in YAML, found zero bytes"),
        ("a: !!int ''", "expected plain YAML, found: "),
        ("a: !!bool x", "expected plain YAML, found: "),
        ("[" * 5000, "expected plain YAML, found: "),
    ],
)
def test_mistakes_are_named(tmp_path, data, message):
    path = write(tmp_path / "config.yaml", data)
    with pytest.raises(ConfigError, match=message) as error:
        read_config(path, ASRTask)
    assert str(error.value).startswith(str(path))


def test_a_recogniser_is_no_language_model(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a config of a language model .*, found one of speech recognition"):
        read_config(write(tmp_path / "config.yaml", OLD), LMTask)


def test_a_scale_of_recordings_is_told(tmp_path, caplog):
    read_config(write(tmp_path / "config.yaml", {**OLD, "speech_volume_normalize": 0.5}), ASRTask)
    assert "speech_volume_normalize: recordings are taken as they are; scale them to 0.5" in caplog.text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: expected keys and values in YAML, found No such file"):
        read_config(tmp_path / "none.yaml", ASRTask)


@pytest.mark.parametrize(
    ("config", "stats", "working"),
    [
        ("exp/asr/config.yaml", "exp/asr/exp/stats.npz", "."),  # relative to the config
        ("exp/asr/config.yaml", "exp/stats.npz", "."),  # to the root of the archive or recipe, two directories up
        ("model/config.yaml", "work/exp/stats.npz", "work"),  # to the working directory
        ("model/config.yaml", "model/stats.npz", "."),  # moved beside the config
    ],
)
def test_paths_are_found(tmp_path, monkeypatch, config, stats, working):
    data = {**OLD, "normalize": "global_mvn", "normalize_conf": {"stats_file": "exp/stats.npz"}, "bpemodel": "exp/bpe"}
    path = write(tmp_path / config, data)
    write(tmp_path / stats, "")
    monkeypatch.chdir(tmp_path / working)
    found = read_config(os.path.relpath(path), ASRTask)
    assert os.path.samefile(found.normalize_conf["stats_file"], tmp_path / stats)
    assert found.bpemodel == "exp/bpe"  # the model does not need it


META = {"yaml_files": {"asr_train_config": "exp/asr/config.yaml"}}


@pytest.mark.parametrize("section", META_SECTIONS)
@pytest.mark.parametrize("name", ["{parent}/secret", "../../../secret", "../secret", "secret"])
def test_a_packed_models_paths_stay_inside(tmp_path, monkeypatch, section, name):
    write(tmp_path / "secret", "<blank>\n")
    write(tmp_path / "model/meta.yaml", {section: META["yaml_files"]})
    name = name.format(parent=tmp_path)
    path = write(tmp_path / "model/exp/asr/config.yaml", {**OLD, "bpemodel": name})
    monkeypatch.chdir(tmp_path)
    assert read_config(path, ASRTask).bpemodel == str(tmp_path / "model/exp/asr/secret")  # which does not exist
    for key in ({"token_list": name}, {"normalize": "global_mvn", "normalize_conf": {"stats_file": name}}):
        write(path, {**OLD, **key})
        with pytest.raises(ConfigError, match=r"expected a file in the packed model, found no file '.*secret'"):
            read_config(path, ASRTask)
    write(tmp_path / "model/secret", "<blank>\n")
    write(path, {**OLD, "bpemodel": "secret"})
    assert read_config(path, ASRTask).bpemodel == str(tmp_path / "model/secret")


@pytest.mark.parametrize("token_type", PRETRAINED)
def test_a_packed_models_vocabulary_stays_inside(tmp_path, monkeypatch, token_type):
    write(tmp_path / "vocabulary/tokenizer.json", "")
    write(tmp_path / "model/meta.yaml", META)
    config = tmp_path / "model/exp/asr/config.yaml"
    monkeypatch.chdir(tmp_path)

    def found(name):
        return read_config(write(config, {**OLD, "token_type": token_type, "bpemodel": name}), ASRTask).bpemodel

    leading_out = [str(tmp_path / "vocabulary"), "../../../vocabulary", "x/../vocabulary"]
    assert {found(name) for name in leading_out} == {str(config.parent / "vocabulary")}
    assert found("../../..") == str(config.parent) and found("someone/vocabulary") == "someone/vocabulary"
    write(tmp_path / "model/data/vocabulary/tokenizer.json", "")
    inside = str(tmp_path / "model/data/vocabulary")
    assert found("data/vocabulary") == found("../../data/vocabulary") == found(inside) == inside


@pytest.mark.parametrize("token_type", ["bpe", *PRETRAINED])
def test_names_of_files_may_be_too_long(tmp_path, token_type):
    config = {**OLD, "token_type": token_type, "bpemodel": "a" * 3000}
    assert read_config(write(tmp_path / "config.yaml", config), ASRTask).bpemodel == "a" * 3000
    with pytest.raises(ConfigError, match=r"token_list: expected a file .*, found no file 'aaa") as error:
        read_config(write(tmp_path / "config.yaml", {**OLD, "token_list": "a" * 3000}), ASRTask)
    assert len(str(error.value)) <= 400


@pytest.mark.parametrize("meta", [None, "a: [", "- a", {"yaml_files": [1], "files": {"asr_model_file": "other.yaml"}}])
def test_a_users_own_config_names_files_anywhere(tmp_path, meta):
    if meta is not None:
        write(tmp_path / "own/meta.yaml", meta)
    bpemodel = write(tmp_path / "elsewhere/bpe.model", "")
    path = write(tmp_path / "own/config.yaml", {**OLD, "bpemodel": str(bpemodel)})
    assert read_config(path, ASRTask).bpemodel == str(bpemodel)


def test_files_that_a_hubs_client_links_are_found(tmp_path):
    config = write(tmp_path / "blobs/1", {**OLD, "bpemodel": "exp/bpe.model"})
    (tmp_path / "snapshot/exp").mkdir(parents=True)
    (tmp_path / "snapshot/exp/config.yaml").symlink_to(config)
    (tmp_path / "snapshot/exp/bpe.model").symlink_to(write(tmp_path / "blobs/2", ""))
    write(tmp_path / "snapshot/meta.yaml", {"yaml_files": {"asr_train_config": "exp/config.yaml"}})
    found = read_config(tmp_path / "snapshot/exp/config.yaml", ASRTask).bpemodel
    assert found == str(tmp_path / "snapshot/exp/bpe.model")


def test_tokens_from_a_file(tmp_path):
    write(tmp_path / "data/tokens.txt", "<blank>\n▁a \n\u2028\n<sos/eos>\n")
    path = write(tmp_path / "exp/config.yaml", {**OLD, "token_list": "data/tokens.txt"})
    assert read_config(path, ASRTask).token_list == ["<blank>", "▁a", "\u2028", "<sos/eos>"]
