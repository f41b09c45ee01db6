"""Runs the examples of README.md and doc/ where a reader would: beside the demo model, its bundle and two recordings,
and a tiny random model for streams with its bundle.

`python` blocks of a page run in order and share their names; one whose first line is a comment with the name of a file
is saved there instead. A `text` block that follows directly shows lines that the block prints. In `console` blocks
every line that starts with `$` runs; it must succeed, or exit with the status that a following `$ echo $?` shows, and
print the lines shown below it. Lines come in their order, there may be others between them, and `...` stands for any
text. Four spaces continue the line above them. `sh` blocks do not run, but commands of this project in them must have
options that exist.
"""

import contextlib
import importlib
import io
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espnet2.export.doctor.considerations import CONSIDERATIONS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "doc").rglob("*.md"))]
BLOCK = re.compile(
    r"^```(python|console)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
FILE = re.compile(r"# ([\w/]+\.py)\n")
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WIDTH = 90  # characters of a line of code that fit the column of a page
FIGURE_BYTES = 60_000


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def reader(request, page, tmp_path, monkeypatch, demo_dir, demo_bundle) -> Path:
    """The directory that examples of a page run in; the model for streams is exported for pages that name it."""
    soundfile = pytest.importorskip("soundfile")
    recordings = demo_dir / "recordings"
    shutil.copytree(demo_dir / "exp", tmp_path / "exp")
    shutil.copytree(demo_bundle, tmp_path / "bundle")
    if any("stream_bundle" in block for _, block, _ in BLOCK.findall(page.read_text(encoding="utf-8"))):
        shutil.copytree(request.getfixturevalue("stream_exp"), tmp_path / "exp" / "stream")
        shutil.copytree(request.getfixturevalue("stream_bundle"), tmp_path / "stream_bundle")
    if page.name == "one_graph.md":
        for path in request.getfixturevalue("one_graph").iterdir():
            shutil.copy(path, tmp_path / "bundle" / path.name)
    shutil.copytree(recordings, tmp_path / "recordings")
    shutil.copy(recordings / "wav.scp", tmp_path)
    first, second, *_ = sorted(recordings.glob("*.flac"))
    shutil.copy(first, tmp_path / "a.flac")
    soundfile.write(tmp_path / "b.wav", *soundfile.read(second))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def commands(block: str) -> list[tuple[str, list[str]]]:
    """(command, lines shown below it) of a console block; a backslash continues a command."""
    found: list[tuple[str, list[str]]] = []
    for line in block.replace("\\\n", " ").replace("\n    ", " ").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def check_console(block: str) -> None:
    steps = commands(block)
    for (command, shown), (after, status) in zip(steps, [*steps[1:], ("", [])], strict=True):
        if command == "echo $?":
            continue
        command = re.sub(r"^python ", f"{sys.executable} ", command)
        command = re.sub(r"(^|\| )espnet ", rf"\1{sys.executable} -m espnet2.bin.cli ", command)
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        expected = int(status[0]) if after == "echo $?" else 0
        assert run.returncode == expected, f"{command}\n{run.stdout}{run.stderr}"
        check_printed(command, shown, run.stdout + run.stderr)


def check_printed(code: str, shown: list[str], output: str) -> None:
    printed = iter(output.splitlines())
    for line in shown:
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split("..."))))
        found = any(pattern.fullmatch(candidate.rstrip()) for candidate in printed)
        assert found, f"{code}\ndoes not print: {line}\n{output}"


def check_python(page: Path, block: str, shown: str, names: dict[str, object], line: int) -> None:
    """Run a block, or save it; `shown` are lines that it prints, `line` is that of the page before it."""
    file = FILE.match(block)
    if file:
        Path(file[1]).write_text(block, encoding="utf-8")
        return
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile("\n" * line + block, str(page), "exec"), names)
    check_printed(block, shown.splitlines(), output.getvalue())


# Modules that are bad examples, and functions that the exporter itself calls, make PyTorch warn.
@pytest.mark.filterwarnings("ignore:::torch", "ignore:.*LeafSpec:FutureWarning", "ignore:The tensor attributes")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_examples(page, reader):
    names: dict[str, object] = {"__name__": "example"}
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        language, block, shown = found.groups(default="")
        if language == "python":
            check_python(page, block, shown, names, line=text[: found.start(2)].count("\n"))
        else:
            check_console(block)


def shell_commands(page: Path) -> list[list[str]]:
    """Words of each command of this project in `sh` blocks of a page, up to a pipe or redirection, without `...`."""
    found = []
    for block in SHELL.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.findall(r"python -m (espnet2\.bin\.[^|<>&;]*)", line):
                found.append([word for word in shlex.split(command) if word != "..."])
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_shell_commands_have_known_options(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, *arguments in shell_commands(page):
        for option, value in itertools.pairwise(arguments):
            if option == "--config":  # read with the options
                Path(value).write_text("{}", encoding="utf-8")
        importlib.import_module(module).get_parser().parse_args(arguments)


@pytest.mark.parametrize("script", sorted((ROOT / "doc" / "examples").glob("*.py")), ids=name_of)
def test_scripts(script, tmp_path):
    run = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_fits_the_column(page):
    blocks = FENCED.findall(page.read_text(encoding="utf-8"))
    assert not [line for block in blocks for line in block.splitlines() if len(line) >= WIDTH]


@pytest.mark.parametrize("figure", sorted((ROOT / "doc").rglob("*.svg")), ids=name_of)
def test_figures_are_small_and_shown(figure):
    assert figure.stat().st_size < FIGURE_BYTES
    assert any(f"]({figure.name})" in page.read_text(encoding="utf-8") for page in figure.parent.glob("*.md"))


def test_considerations_of_the_doctor_have_sections():
    page = (ROOT / "doc" / "onnx" / "considerations.md").read_text(encoding="utf-8")
    assert not [name for name in CONSIDERATIONS if f'<a id="{name}"></a>' not in page]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [page.name for page in PAGES[1:] if f": {page.relative_to(ROOT / 'doc').as_posix()}\n" not in navigation]
