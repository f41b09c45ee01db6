"""Language models and stand-alone transducers are trained by the same trainer."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny_training import make_corpus

from espnet2.bin import asr_transducer_train, lm_calc_perplexity, lm_train
from espnet2.inference import perplexity
from espnet2.tasks.asr_transducer import ASRTransducerTask
from espnet2.tasks.lm import LMTask

LOOP = {"token_type": "char", "batch_type": "unsorted", "batch_size": 2, "num_workers": 0, "num_att_plot": 0}
LOOP |= {"use_matplotlib": "false", "use_tensorboard": "false", "max_epoch": 2, "optim": "adam"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    make_corpus(directory)
    return directory


def options_for(directory, fields, **changes):
    options = ["--token_list", str(directory / "tokens.txt")]
    for phase in ("train", "valid"):
        for name, kind in fields:
            options += [f"--{phase}_data_path_and_name_and_type", f"{directory / phase}/{name},{kind}"]
        options += [f"--{phase}_shape_file", str(directory / phase / "text")]
    return options + [word for name, value in {**LOOP, **changes}.items() for word in (f"--{name}", str(value))]


def test_a_language_model(corpus, tmp_path):
    options = options_for(corpus, [("text,text", "text")], lm="transformer", best_model_criterion="valid,loss,min")
    small = ["--lm_conf", "{layer: 1, unit: 8, embed_unit: 8, att_unit: 8, head: 2}"]
    assert lm_train.main([*options, *small, "--output_dir", str(tmp_path / "lm")]) == 0
    model, _ = LMTask.build_model_from_file(None, tmp_path / "lm" / "valid.loss.ave.pth")
    command = ["--model_file", str(tmp_path / "lm" / "valid.loss.ave.pth"), "--num_workers", "0", "--log_base", "10"]
    command += ["--data_path_and_name_and_type", f"{corpus}/valid/text,text,text"]
    (tmp_path / "ppl").mkdir()
    (tmp_path / "ppl" / ".partial-ppl-killed").touch()
    assert lm_calc_perplexity.main([*command, "--output_dir", str(tmp_path / "ppl")]) == 0
    assert sorted(path.name for path in (tmp_path / "ppl").iterdir()) == ["base", "ppl", "utt2ntokens", "utt2ppl"]
    found = float((tmp_path / "ppl" / "ppl").read_text())
    texts = [line.split()[1] for line in (corpus / "valid" / "text").read_text().splitlines()]
    nll, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([["ab".find(letter) + 2 if letter in "ab" else 4 for letter in text]])
        losses, lengths = model.nll(ids, torch.tensor([len(text)]))
        nll, count = nll + losses.sum().item(), count + int(lengths.sum())
    assert found == pytest.approx(np.exp(nll / count), rel=1e-5)
    assert (tmp_path / "ppl" / "base").read_text() == "10.0\n"


# Trains, and writes the weights that this process has at the end; only the first one writes an experiment.
ONE_OF_TWO = """
import sys, torch
from espnet2.bin.lm_train import main
from espnet2.train.training_module import TrainingModule
TrainingModule.on_train_end = lambda self: torch.save(self.model.state_dict(), sys.argv[1])
raise SystemExit(main(sys.argv[2:]))
"""


def test_two_processes_have_the_same_weights(corpus, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = options_for(corpus, [("text,text", "text")], best_model_criterion="valid,loss,min", grad_noise="true")
    options += ["--lm_conf", "{unit: 8, nlayers: 1}", "--output_dir", str(tmp_path / "lm"), "--dist_world_size", "2"]
    options += ["--dist_master_addr", "127.0.0.1", "--dist_master_port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    options += ["--dist_rank", "{rank}", "--local_rank", "{rank}"]
    command = [sys.executable, "-c", ONE_OF_TWO, str(tmp_path / "{rank}.pth"), *options]
    commands = [[word.replace("{rank}", str(rank)) for word in command] for rank in (0, 1)]
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for command in commands]
    said = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    first, second = (torch.load(tmp_path / f"{rank}.pth", weights_only=True) for rank in (0, 1))
    written = torch.load(tmp_path / "lm" / "2epoch.pth", weights_only=True)
    assert first.keys() == second.keys() == written.keys()
    for name in first:
        assert torch.equal(first[name], second[name]) and torch.equal(first[name], written[name]), name
    assert (tmp_path / "lm" / "valid.loss.ave.pth").is_file()
    assert not list(tmp_path.rglob(".partial*"))


def test_perplexity_is_upstreams(fixtures_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(fixtures_dir / "models" / "lm_transformer")
    command = ["--train_config", "config.yaml", "--model_file", "valid.loss.ave.pth", "--batch_size", "10"]
    command += ["--num_workers", "0", "--data_path_and_name_and_type", "../../data/test_seen/text,text,text"]
    assert lm_calc_perplexity.main([*command, "--output_dir", str(tmp_path)]) == 0
    assert float((tmp_path / "ppl").read_text()) == pytest.approx(3.040586153158007, rel=1e-5)
    assert (tmp_path / "utt2ntokens").read_text().startswith("george-testseen-0000 15\n")


def test_the_last_token_ends_sentences_of_a_language_model_whatever_it_is(corpus, tmp_path):
    (tmp_path / "tokens.txt").write_text((corpus / "tokens.txt").read_text().replace("<sos/eos>", "</s>"))
    options = options_for(corpus, [("text,text", "text")])
    other = ["--token_list", str(tmp_path / "tokens.txt"), "--lm", "seq_rnn", "--lm_conf", "{unit: 8}"]
    assert lm_train.main([*options, *other, "--dry_run", "true", "--output_dir", str(tmp_path / "lm")]) == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")
def test_perplexity_on_a_gpu_that_is_not_there_is_refused(fixtures_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(fixtures_dir / "models" / "lm_transformer")
    command = ["--train_config", "config.yaml", "--model_file", "valid.loss.ave.pth", "--ngpu", "1"]
    command += ["--data_path_and_name_and_type", "../../data/test_seen/text,text,text"]
    assert lm_calc_perplexity.main([*command, "--output_dir", str(tmp_path)]) == 2
    assert "device: expected one that PyTorch can use, found 'cuda'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--log_base", "nan"), "--log_base: expected a base of logarithms, such as 2 or 10, found nan"),
        (("--log_base", "1"), "--log_base: expected a base of logarithms"),
        (("--num_workers", "1000000"), "num_workers: expected a number from 0 to 1024, found 1000000"),
        (("--num_workers", "-1"), "num_workers: expected a number from 0 to 1024, found -1"),
    ],
)
def test_options_of_perplexity_at_their_limits(fixtures_dir, tmp_path, monkeypatch, capsys, options, sentence):
    monkeypatch.chdir(fixtures_dir / "models" / "lm_transformer")
    command = ["--train_config", "config.yaml", "--model_file", "valid.loss.ave.pth", "--output_dir", str(tmp_path)]
    command += ["--data_path_and_name_and_type", "../../data/test_seen/text,text,text"]
    assert lm_calc_perplexity.main([*command, *options]) == 2
    assert sentence in capsys.readouterr().err


def test_texts_whose_attention_takes_much_memory_are_refused(fixtures_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(fixtures_dir / "models" / "lm_transformer")
    monkeypatch.setenv("ESPNET_TEXT_TOKENS", "10")
    command = ["--train_config", "config.yaml", "--model_file", "valid.loss.ave.pth", "--num_workers", "0"]
    command += ["--data_path_and_name_and_type", "../../data/test_seen/text,text,text", "--output_dir", str(tmp_path)]
    assert lm_calc_perplexity.main(command) == 2
    sentence = (
        "george-testseen-0000: expected a text of at most 10 tokens, found 14; set ESPNET_TEXT_TOKENS to allow more"
    )
    assert sentence in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_perplexity_beyond_floating_point():
    assert perplexity._perplexity(1e6, 1) == float("inf")


def test_the_perplexity_of_random_weights_is_not_measured(capsys):
    command = ["--train_config", "config.yaml", "--output_dir", "x", "--data_path_and_name_and_type", "t,text,text"]
    assert lm_calc_perplexity.main(command) == 2
    assert "--model_file: expected the weights of the language model, found none" in capsys.readouterr().err


def test_a_transducer(corpus, tmp_path):
    fields = [("wav.scp,speech", "sound"), ("text,text", "text")]
    options = options_for(corpus, fields, decoder="stateless", best_model_criterion="valid,loss,min", max_epoch=1)
    encoder = (
        "{body_conf: [{block_type: conformer, hidden_size: 8, linear_size: 8, heads: 2, conv_mod_kernel_size: 3}]}"
    )
    small = ["--encoder_conf", encoder, "--decoder_conf", "embed_size=8"]
    small += ["--joint_network_conf", "joint_space_size=8"]
    assert asr_transducer_train.main([*options, *small, "--output_dir", str(tmp_path)]) == 0
    ASRTransducerTask.build_model_from_file(None, tmp_path / "valid.loss.ave.pth")
