"""Jobs here and by Slurm, commands that run once, lists cut for jobs and results put together."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import espnet2.recipe.once
from espnet2.bin.recipe import main as recipe
from espnet2.bin.run_jobs import main as run_jobs
from espnet2.bin.run_once import main as run_once
from espnet2.interface.errors import DataError
from espnet2.recipe.splits import merge_decodes, split_keys

# Runs each job of an array as Slurm does, with what it would be told of.
SBATCH = """#!/usr/bin/env bash
[ "$REFUSES" != true ] || { echo "sbatch: error: invalid partition" >&2; exit 1; }
echo "$@" >> "$CALLS"
for word; do
    case $word in --array=*) range=${word#--array=} ;; --output=*) output=${word#--output=} ;; esac
done
range=${range%%%*}
status=0
for ((task = ${range%-*}; task <= ${range#*-}; task++)); do
    SLURM_ARRAY_TASK_ID=$task bash "${@: -1}" > "${output//%a/$task}" 2>&1 || status=1
done
exit $status
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """A stand-in for sbatch on PATH; returns the file of its calls."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "sbatch"
    command.write_text(SBATCH)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))
    return tmp_path / "calls"


def shell(text: str) -> list[str]:
    return ["bash", "-c", text]


@pytest.mark.parametrize("backend", ["local", "slurm"])
def test_each_job_has_its_number_and_its_log(tmp_path, slurm, backend):
    log = f"{tmp_path}/log/x.JOB.log"
    command = shell("echo 'job JOB' \"$HOME\" > " + f"'{tmp_path}/out.JOB'; echo said JOB")
    assert run_jobs(["--backend", backend, "--slurm_args", "--mem=1G -p cpu", "JOB=2:3", log, *command]) == 0
    assert (tmp_path / "out.3").read_text() == f"job 3 {os.environ['HOME']}\n"
    lines = (tmp_path / "log" / "x.2.log").read_text().splitlines()
    assert "said 2" in lines and " with status 0 after " in lines[-1]
    if backend == "slurm":
        assert "--wait --array=2-3" in slurm.read_text() and "--mem=1G -p cpu" in slurm.read_text()


@pytest.mark.parametrize("backend", ["local", "slurm"])
def test_failures_name_the_log_and_what_it_ends_with(tmp_path, slurm, capsys, backend):
    log = f"{tmp_path}/x.JOB.log"
    command = shell("echo trouble in JOB; [ JOB != 2 ] || exit 7")
    assert run_jobs(["--backend", backend, "JOB=1:3", log, *command]) == 2
    expected = f"{tmp_path}/x.2.log: expected the command to succeed, found status 7 (1 of 3 jobs): trouble in 2"
    assert expected in capsys.readouterr().err
    assert run_jobs(["--backend", backend, "--accept", "0,7", "JOB=1:3", log, *command]) == 0


def test_a_single_job_needs_no_number(tmp_path, slurm, capfd):
    for backend in ("local", "slurm"):
        assert run_jobs(["--backend", backend, f"{tmp_path}/{backend}.log", *shell("echo hello; exit 0")]) == 0
        assert "hello\n" in (tmp_path / f"{backend}.log").read_text()
    assert "hello" in capfd.readouterr().err


def test_at_most_max_jobs_run_at_a_time(tmp_path):
    command = shell(f"cd {tmp_path}; mkdir busy && sleep 0.02 && rmdir busy")
    assert run_jobs(["--max_jobs", "1", "JOB=1:3", f"{tmp_path}/x.JOB.log", *command]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["JOB=3:2", "x.JOB.log", "true"], "jobs: expected NAME=FIRST:LAST as in JOB=1:4, found 'JOB=3:2'"),
        (["JOB=1:2", "x.log", "true"], "expected a log for each job, with JOB in its name, found 'x.log'"),
        (["x.log"], "expected [JOB=1:N] LOG COMMAND ..., found 'x.log'"),
        (["{tmp}/x.log", "no-such-command"], "x.log: expected the command to succeed, found status 127"),
    ],
)
def test_wrong_jobs_are_refused(tmp_path, capsys, words, message):
    assert run_jobs([word.format(tmp=tmp_path) for word in words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "words", "message"),
    [
        (
            run_jobs,
            ["--accept", "a", "x.log", "true"],
            "--accept: expected numbers separated by commas, found 'a'",
        ),
        (run_jobs, ["--max_jobs", "-1", "x.log", "true"], "--max_jobs: expected a whole number above 0, found '-1'"),
        (
            recipe,
            ["split", "--nj", "0", "--output_dir", "x", "a=b"],
            "--nj: expected a whole number above 0, found '0'",
        ),
        (recipe, ["format", "a", "b", "--fs", "0"], "--fs: expected a whole number above 0, found '0'"),
        (
            recipe,
            ["bpe", "--input", "a", "--output_dir", "b", "--nbpe", "9", "--options", "a"],
            "argument --options: expected options such as {name: value}, found 'a'",
        ),
    ],
)
def test_wrong_options_are_said_in_a_sentence(capsys, main, words, message):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


def test_slurm_that_is_missing_or_refuses_is_named(tmp_path, slurm, monkeypatch, capsys):
    monkeypatch.setenv("REFUSES", "true")
    assert run_jobs(["--backend", "slurm", f"{tmp_path}/x.log", "true"]) == 2
    assert "sbatch: expected to submit" in (said := capsys.readouterr().err) and "invalid partition" in said
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_jobs(["--backend", "slurm", f"{tmp_path}/x.log", "true"]) == 2
    assert "expected the command sbatch, found none" in capsys.readouterr().err


@pytest.fixture
def counted(tmp_path):
    """Runs a command that counts its runs, once; returns the status and the count."""
    (tmp_path / "in").write_text("a")

    def once(*options: str, text: str = "true") -> tuple[int, int]:
        command = shell(f"echo x >> {tmp_path}/runs; touch {tmp_path}/out; {text}")
        status = run_once(["--stamp", f"{tmp_path}/done", "--inputs", f"{tmp_path}/in", *options, "--", *command])
        runs = tmp_path / "runs"
        return status, len(runs.read_text().splitlines()) if runs.exists() else 0

    return once


def test_a_command_that_has_succeeded_is_left_out(tmp_path, counted):
    assert [counted(), counted()] == [(0, 1), (0, 1)]
    (tmp_path / "in").write_text("b")
    assert [counted(), counted()] == [(0, 2), (0, 2)]
    assert counted(text="true --other") == (0, 3)


def test_a_command_that_has_failed_runs_again(tmp_path, counted):
    assert counted(text="exit 3") == (3, 1)
    assert not (tmp_path / "done").exists()
    assert counted(text="exit 3") == (3, 2)


def test_a_command_runs_again_where_its_output_is_missing(tmp_path, counted):
    outputs = ["--outputs", f"{tmp_path}/out"]
    assert [counted(*outputs), counted(*outputs)] == [(0, 1), (0, 1)]
    (tmp_path / "out").unlink()
    assert counted(*outputs) == (0, 2)


def test_a_command_that_ends_without_its_output_is_not_done(tmp_path, counted, capsys):
    outputs = ["--outputs", f"{tmp_path}/out", f"{tmp_path}/model"]
    assert [counted(*outputs), counted(*outputs)] == [(2, 1), (2, 2)]
    assert f"{tmp_path}/model: expected the command of {tmp_path}/done to make it" in capsys.readouterr().err
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("anew", [True, False])
def test_outputs_are_removed_before_a_run_on_demand(tmp_path, counted, anew):
    (tmp_path / "decode" / "1best_recog").mkdir(parents=True)
    (tmp_path / "file").write_text("old")
    options = ["--anew", str(anew).lower(), "--outputs", f"{tmp_path}/decode", f"{tmp_path}/file"]
    assert counted(*options, text="exit 1") == (1, 1)
    assert [(tmp_path / name).exists() for name in ("decode", "file")] == [not anew] * 2


@pytest.mark.parametrize(("command", "kept"), [("exit 2", True), ("mkdir {out}; exit 2", False)])
def test_outputs_come_back_where_nothing_takes_their_place(tmp_path, counted, command, kept):
    out = tmp_path / "decode"
    options = ["--anew", "true", "--outputs", str(out)]
    assert counted(*options, text=f"mkdir {out}; touch {out}/text") == (0, 1)
    assert counted(*options, text=command.format(out=out)) == (2, 2)
    assert ((out / "text").exists(), (tmp_path / "done").exists()) == (kept, kept)
    assert counted(*options, text=f"mkdir {out}; touch {out}/text") == ((0, 2) if kept else (0, 3))
    assert (out / "text").exists() and not list(tmp_path.glob(".*.before"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["true", "--ngpu", "1", "--files", "a", "b"], "--ngpu was 0, and is 1"),
        (["true", "--ngpu", "0", "--files", "a"], "--files was a b, and is a"),
        (["true", "--ngpu", "0"], "--files was a b, and is not given"),
        (["false", "--ngpu", "0", "--files", "a", "b"], "the program was true, and is false"),
        (["true", "--files", "a", "b", "--ngpu", "0"], "the order of its arguments has changed"),
    ],
)
def test_options_that_have_changed_are_named(tmp_path, capsys, command, said):
    refuse = ["--stamp", f"{tmp_path}/done", "--on_change", "refuse", "--"]
    assert run_once([*refuse, "true", "--ngpu", "0", "--files", "a", "b"]) == 0
    assert run_once([*refuse, *command]) == 2
    assert f"found another: {said}; remove this file" in capsys.readouterr().err


def test_a_command_that_was_refused_before_it_made_anything_may_be_corrected(tmp_path, counted):
    refuse = ["--on_change", "refuse", "--outputs", f"{tmp_path}/model"]
    assert counted(*refuse, text="exit 2") == (2, 1)
    assert counted(*refuse, text=f"touch {tmp_path}/model; exit 3") == (3, 2)
    assert counted(*refuse, text=f"touch {tmp_path}/model") == (2, 2)


@pytest.mark.parametrize("ended", [True, False])
def test_what_has_changed_is_refused_by_name(tmp_path, counted, capsys, ended):
    counted(text="true" if ended else "exit 1")
    (tmp_path / "in").write_text("b")
    refuse = ["--on_change", "refuse"]
    assert counted(*refuse, text="true" if ended else "exit 1")[1] == 1
    assert f"{tmp_path}/in has changed" in capsys.readouterr().err
    (tmp_path / "in").write_text("a")
    assert counted(*refuse) == (0, 1) if ended else counted(*refuse, text="exit 1") == (1, 2)


def test_missing_inputs_are_named(tmp_path, counted, capsys):
    (tmp_path / "in").unlink()
    assert counted() == (2, 0)
    assert f"{tmp_path}/in: expected a file to read, found none" in capsys.readouterr().err


def test_a_command_that_goes_on_after_a_kill_is_not_started_twice(tmp_path, counted, capsys, monkeypatch):
    command = [
        "--stamp",
        f"{tmp_path}/done",
        "--",
        *shell(f"touch {tmp_path}/started; sleep 2; touch {tmp_path}/ended"),
    ]
    process = subprocess.Popen([sys.executable, "-m", "espnet2.bin.run_once", *command])
    deadline = time.monotonic() + 20
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    with monkeypatch.context() as impatient:
        impatient.setattr(espnet2.recipe.once, "PATIENCE", 0.1)
        assert counted() == (2, 0)
    assert "expected no other run of the same command, found one still running" in capsys.readouterr().err
    assert counted() == (0, 1) and (tmp_path / "ended").exists()


def test_keys_are_cut_in_equal_shares(tmp_path, capsys):
    (tmp_path / "a").write_text("".join(f"u{k} x\n" for k in range(7)))
    (tmp_path / "b").write_text("v1 x\nv2 x\n")
    assert recipe(["split", "--nj", "3", "--output_dir", f"{tmp_path}/log", f"keys={tmp_path}/a"]) == 0
    assert capsys.readouterr().out == "3\n"
    parts = [(tmp_path / "log" / f"keys.{k}.scp").read_text().split() for k in (1, 2, 3)]
    assert list(map(len, parts)) == [2, 2, 3] and [key for part in parts for key in part] == [f"u{k}" for k in range(7)]
    assert split_keys({"a": tmp_path / "a", "b": tmp_path / "b"}, tmp_path / "log", 3) == 2
    (tmp_path / "b").write_text("")
    with pytest.raises(DataError, match="b: expected at least one line, found none"):
        split_keys({"b": tmp_path / "b"}, tmp_path / "log", 3)


def test_decodes_of_jobs_are_put_together(tmp_path):
    for job, lines in ((1, "b two\n"), (2, "a one\n")):
        path = tmp_path / f"output.{job}" / "1best_recog"
        path.mkdir(parents=True)
        for name in ("text", "token"):
            (path / name).write_text(lines)
    (tmp_path / "output.2" / "failures").write_text("c\tc.wav: broken\n")
    assert merge_decodes([tmp_path / "output.1", tmp_path / "output.2"], tmp_path / "all") == 1
    assert (tmp_path / "all" / "1best_recog" / "text").read_text() == "a one\nb two\n"
    assert (tmp_path / "all" / "failures").read_text() == "c\tc.wav: broken\n"
    with pytest.raises(DataError, match=r"output\.3: expected a decode with 1best_recog, found none"):
        merge_decodes([tmp_path / "output.3"], tmp_path / "all")


def test_decodes_that_have_crashed_are_not_merged(tmp_path, capsys):
    keys, part = tmp_path / "wav.scp", tmp_path / "output.1"
    (part / "1best_recog").mkdir(parents=True)
    (part / "1best_recog" / "token").write_text("a x\n")
    (part / "failures").write_text("b\tb.wav: broken\n")
    command = ["merge", str(part), "--output_dir", f"{tmp_path}/all", "--keys", str(keys)]
    keys.write_text("a a.wav\nb b.wav\n")
    assert recipe(command) == 0
    keys.write_text("a a.wav\nb b.wav\nc c.wav\n")
    (part / "1best_recog" / "token.partial").write_text("c y\n")
    assert recipe(command) == 2
    assert f"{tmp_path}: expected a result or a failure of 'c', found neither" in capsys.readouterr().err
