"""The patch for upstream, on a few files in upstream's shape: what it changes, and what it refuses."""

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

for package in ("libcst", "black", "isort"):
    pytest.importorskip(package)

import fake_espnet as fake  # noqa: E402

from tools.upstream_patch import checkout, parts, plan  # noqa: E402
from tools.upstream_patch import installation as installation_module  # noqa: E402
from tools.upstream_patch.__main__ import main  # noqa: E402
from tools.upstream_patch.git_checkout import message_of  # noqa: E402
from tools.upstream_patch.part import Part, Transform  # noqa: E402

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def fake_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts for the fake files take the place of the patch's."""
    sources = tmp_path / "sources"
    fake.write_files(sources, fake.SOURCES)
    known = {part.name: part for part in (fake.FIRST, fake.SECOND)}
    monkeypatch.setattr("tools.upstream_patch.part.SOURCES", sources)
    monkeypatch.setattr(parts, "NAMES", tuple(known))
    monkeypatch.setattr(parts, "load_part", known.__getitem__)
    monkeypatch.setattr(plan, "known_functions", lambda: fake.TABLE)
    monkeypatch.setattr(checkout, "known_releases", lambda: ("202209", "202511", "202611"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def git_checkout(tmp_path: Path) -> Path:
    return fake.make_git_checkout(tmp_path / "espnet")


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    return fake.make_installation(tmp_path / "site-packages")


def test_functions_are_replaced_with_docstring_and_decorators_kept(git_checkout: Path, run: Run) -> None:
    assert run("apply", git_checkout)[0] == 0
    texts = fake.texts_below(git_checkout)
    masks, layer = texts["espnet2/legacy/nets/masks.py"], texts["espnet2/layer.py"]
    assert "Upstream's words" in masks and "Our words" not in masks
    assert masks.index("def with_reference") < masks.index("def mask")
    assert "import math" in masks and "numpy" not in masks and "helper_of_old" not in masks
    assert "    # its comment\n    return torch.relu(x)" in masks
    assert '    @staticmethod\n    def twice(x):\n        """Upstream\'s method."""\n        return 2 * x\n' in layer
    assert "x = x * 2" in layer
    assert texts["espnet2/unformatted.py"] == "def f( x ):\n    x=x * 2\n    return x\n".replace("x=x", "x = x")
    assert texts["test/espnet2/legacy/test_masks.py"] == fake.OUR_TEST


def test_each_part_is_a_commit_of_the_user(git_checkout: Path, run: Run) -> None:
    run("apply", git_checkout)
    log = fake.git(git_checkout, "log", "--reverse", "--format=%an %s")
    assert log.splitlines()[1:] == [f"A. User {part.title}" for part in (fake.FIRST, fake.SECOND)]
    assert fake.git(git_checkout, "status", "--porcelain") == ""
    message = fake.git(git_checkout, "log", "-1", "--format=%B", "HEAD~1")
    assert message + "\n" == message_of(fake.FIRST) and max(map(len, message.splitlines())) <= 72


def test_former_layout_has_former_names(tmp_path: Path, run: Run) -> None:
    root = fake.make_git_checkout(tmp_path / "old", moved=False)
    assert run("apply", root)[0] == 0
    texts = fake.texts_below(root)
    assert "with_reference" in texts["espnet/nets/masks.py"]
    assert texts["test/test_masks.py"].startswith("from espnet.nets.masks import mask\n")
    assert not any("legacy" in text for text in texts.values())


@pytest.mark.parametrize("make", [fake.make_git_checkout, fake.make_installation])
def test_twice_changes_nothing_more_and_revert_restores(tmp_path: Path, run: Run, make: Callable) -> None:
    root = make(tmp_path / "root")
    before = fake.texts_below(root)
    run("apply", root)
    once = fake.texts_below(root)
    assert once != before
    status, out, _ = run("apply", root)
    assert status == 0 and out.splitlines() == ["part first: already applied", "part second: already applied"]
    assert fake.texts_below(root) == once
    assert run("revert", root)[:2] == (0, "reverted: second, first\n")
    assert fake.texts_below(root) == before
    assert run("revert", root)[1].startswith("nothing to revert")
    assert run("apply", root)[0] == 0
    assert fake.texts_below(root) == once
    assert run("revert", root)[1] == "reverted: second, first\n"


def test_parts_one_after_the_other_revert_together(installation: Path, run: Run) -> None:
    before = fake.texts_below(installation)
    run("apply", installation, "--part", "first")
    run("apply", installation, "--part", "second")
    assert run("revert", installation)[1] == "reverted: second, first\n"
    assert fake.texts_below(installation) == before


def test_required_part_is_applied_before(git_checkout: Path, run: Run) -> None:
    _, out, _ = run("apply", git_checkout, "--part", "second")
    assert re.findall(r"part (\w+):", out) == ["first", "second"]


def test_status_is_a_table_of_parts(git_checkout: Path, run: Run) -> None:
    def states() -> list[str]:
        return [line[9:21].strip() for line in run("status", git_checkout)[1].splitlines()[1:]]

    assert states() == ["not applied", "not applied"]
    run("apply", git_checkout, "--part", "first")
    assert states() == ["applied", "not applied"]
    run("apply", git_checkout)
    assert states() == ["applied", "applied"]


def test_dry_run_counts_lines_and_writes_nothing(git_checkout: Path, run: Run) -> None:
    before = fake.texts_below(git_checkout)
    status, out, _ = run("apply", git_checkout, "--dry-run")
    assert status == 0 and "part first: 2 files" in out and "nothing was written" in out
    assert fake.texts_below(git_checkout) == before


def changed_function(root: Path) -> None:
    file = root / "espnet2/legacy/nets/masks.py"
    file.write_text(file.read_text().replace("return helper_of_old(lengths)", "return helper_of_old(lengths) + 1"))
    fake.git(root, "commit", "--quiet", "--all", "--message=Mine")


def renamed_function(root: Path) -> None:
    file = root / "espnet2/layer.py"
    file.write_text(file.read_text().replace("def twice", "def double"))
    fake.git(root, "commit", "--quiet", "--all", "--message=Mine")


def half(root: Path) -> None:
    fake.write_files(root, {"test/espnet2/legacy/test_masks.py": fake.OUR_TEST})
    fake.git(root, "add", "--all")
    fake.git(root, "commit", "--quiet", "--message=Half")


def local_change(root: Path) -> None:
    (root / "espnet2/layer.py").write_text(fake.LAYER + "\n# mine\n")


def read_only(root: Path) -> None:
    (root / "espnet2/layer.py").chmod(stat.S_IRUSR)


def untracked(root: Path) -> None:
    fake.write_files(root, {"test/espnet2/legacy/test_masks.py": "# mine\n"})


def other_release(root: Path) -> None:
    fake.write_files(root, {"pyproject.toml": 'version = "201912"\n'})
    fake.git(root, "commit", "--quiet", "--all", "--message=Release")


def no_espnet(root: Path) -> None:
    (root / "espnet2").rename(root / "espnet9")


def no_identity(root: Path) -> None:
    fake.git(root, "config", "user.useConfigOnly", "true")
    fake.git(root, "config", "--unset", "user.email")


REFUSED = [
    (changed_function, "masks.py: expected mask as a release"),
    (renamed_function, "layer.py: expected Layer.twice, as 202611 has it, found none"),
    (half, "expected part first to be applied as a whole or not at all"),
    (local_change, "without local changes, found 1 changed files, such as espnet2/layer.py"),
    (read_only, "layer.py: expected it to be writable"),
    (untracked, "test_masks.py: expected no such file"),
    (other_release, "expected ESPnet 202209 to 202611, found 201912"),
    (no_espnet, "expected a checkout of ESPnet"),
    (no_identity, "expected git's user.name and user.email"),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSED, ids=[spoil.__name__ for spoil, _ in REFUSED])
def test_refusal_is_one_sentence_and_touches_nothing(
    git_checkout: Path, run: Run, monkeypatch: pytest.MonkeyPatch, spoil: Callable, sentence: str
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    spoil(git_checkout)
    before, head = fake.texts_below(git_checkout), fake.git(git_checkout, "rev-parse", "HEAD")
    status, out, err = run("apply", git_checkout)
    assert status == 2 and out == "" and sentence in err and err.count("\n") == 1
    assert fake.texts_below(git_checkout) == before and fake.git(git_checkout, "rev-parse", "HEAD") == head


def test_directory_that_is_not_there_is_refused(tmp_path: Path, run: Run) -> None:
    assert "expected a checkout of ESPnet" in run("status", tmp_path / "nowhere")[2]


def test_changed_installation_is_refused(installation: Path, run: Run) -> None:
    run("apply", installation)
    file = installation / "espnet2/layer.py"
    file.write_text(file.read_text() + "\n# mine\n")
    before = fake.texts_below(installation)
    status, _, err = run("revert", installation)
    assert status == 2 and "layer.py: expected it as it was installed, found local changes" in err
    assert fake.texts_below(installation) == before


def test_patch_with_later_changes_of_its_lines_does_not_revert(git_checkout: Path, run: Run) -> None:
    run("apply", git_checkout)
    file = git_checkout / "espnet2/layer.py"
    file.write_text(file.read_text().replace("return 2 * x", "return 3 * x"))
    fake.git(git_checkout, "commit", "--quiet", "--all", "--message=Mine")
    before, head = fake.texts_below(git_checkout), fake.git(git_checkout, "rev-parse", "HEAD")
    status, _, err = run("revert", git_checkout)
    assert status == 2 and "found later changes of its lines" in err
    assert fake.texts_below(git_checkout) == before and fake.git(git_checkout, "rev-parse", "HEAD") == head


def ends_early(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the writing of the second part's file end with an error."""
    replace = installation_module._replace

    def failing(file: Path, content: bytes | None) -> None:
        if file.name == "unformatted.py" and content != fake.FILES["espnet2/unformatted.py"].encode():
            raise error
        replace(file, content)

    monkeypatch.setattr(installation_module, "_replace", failing)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "interrupt"]
)
def test_originals_are_put_back_when_writing_ends_early(
    installation: Path, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = fake.texts_below(installation)
    ends_early(monkeypatch, error)
    status, _, err = run("apply", installation)
    assert status != 0 and err.count("\n") <= 1
    assert fake.texts_below(installation) == before


def test_revert_undoes_what_a_killed_process_has_left(
    installation: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(root: Path, new: dict[str, bytes | None], old: dict[str, bytes | None]) -> None:
        path, content = next(iter(new.items()))
        installation_module._replace(root / path, content)
        raise KeyboardInterrupt

    before = fake.texts_below(installation)
    with monkeypatch.context() as dead:
        dead.setattr(installation_module, "_replace_files", killed)
        dead.setattr(installation_module.Installation, "_forget", lambda *_: None)
        run("apply", installation)
    assert fake.texts_below(installation) != before
    assert run("revert", installation)[0] == 0
    assert fake.texts_below(installation) == before


def test_status_tells_of_unknown_code_and_goes_on(git_checkout: Path, run: Run) -> None:
    changed_function(git_checkout)
    status, out, _ = run("status", git_checkout)
    assert status == 0 and "first    unknown code" in out and "second   not applied" in out
    assert "first: espnet2/legacy/nets/masks.py: expected mask as a release" in out


def test_part_of_transforms_alone_tells_its_state(
    git_checkout: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "egs2/TEMPLATE/asr1/asr.sh"
    change = Transform((script,), "stage", lambda text: text if "new" in text else text + "new\n", applied=r"(?m)^new$")
    third = Part("third", "Add a stage", "Why.", transforms=(change,))
    monkeypatch.setattr(parts, "NAMES", ("third",))
    monkeypatch.setattr(parts, "load_part", {"third": third}.__getitem__)
    assert "part third: nothing to change" in run("apply", git_checkout)[1]
    assert "third    not needed" in run("status", git_checkout)[1]
    fake.write_files(git_checkout, {script: "stage=1\n"})
    fake.git(git_checkout, "add", "--all")
    fake.git(git_checkout, "commit", "--quiet", "--message=Recipe")
    assert "third    not applied" in run("status", git_checkout)[1]
    run("apply", git_checkout)
    assert "third    applied" in run("status", git_checkout)[1]
    assert "part third: already applied" in run("apply", git_checkout)[1]
