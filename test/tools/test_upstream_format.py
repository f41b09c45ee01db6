"""The parts of the patch for upstream: complete, in upstream's format, and planned for a release that is installed."""

import sys
from pathlib import Path

import pytest

for package in ("libcst", "black", "isort"):
    pytest.importorskip(package)

from tools.upstream_patch import parts  # noqa: E402
from tools.upstream_patch.__main__ import main  # noqa: E402
from tools.upstream_patch.fingerprint import functions_of, known_functions, known_releases  # noqa: E402
from tools.upstream_patch.formatting import formatted  # noqa: E402
from tools.upstream_patch.git_checkout import WIDTH, message_of  # noqa: E402

WIDEST = 88  # characters of a line in upstream's style
MOST = 400  # changed lines of a part


@pytest.mark.parametrize("name", parts.NAMES)
def test_every_replaced_function_has_fingerprints_and_a_source(name):
    part = parts.load_part(name)
    assert part.name == name and set(part.requires) <= set(parts.NAMES[: parts.NAMES.index(name)])
    for function in part.functions:
        releases = {release for having in known_functions()[function].values() for release in having}
        assert releases <= set(known_releases())
    for function in part.replacements:
        assert function.rpartition(":")[2] in functions_of(part.source_of(function, known_releases()[-1]))


@pytest.mark.parametrize("name", parts.NAMES)
def test_sources_are_in_the_style_of_upstream(name):
    part = parts.load_part(name)
    files = {*part.additions.values()}
    files |= {part.replacements[function] for function in part.replacements}
    for file in files:
        text = part.source(file)
        text = formatted(text) if file.endswith(".py") else text
        assert [line for line in text.splitlines() if len(line) > WIDEST and "http" not in line] == []


@pytest.mark.parametrize("name", parts.NAMES)
def test_parts_are_small_enough_for_a_review(name):
    part = parts.load_part(name)
    code = {file for path, file in part.additions.items() if not path.startswith("test/")}
    code |= {part.replacements[function] for function in part.replacements}
    assert sum(len(part.source(file).splitlines()) for file in code) < MOST


@pytest.mark.parametrize("name", parts.NAMES)
def test_commit_messages_have_subject_and_folded_body(name):
    subject, empty, *body = message_of(parts.load_part(name)).splitlines()
    assert len(subject) <= WIDTH and not subject.endswith(".") and not empty
    assert body and all(len(line) <= WIDTH for line in body)


def test_plan_for_an_installed_release(repo_dir: Path, capsys: pytest.CaptureFixture[str]):
    site = next((repo_dir / ".oracle").glob("lib/python*/site-packages/espnet2"), None)
    if site is None or site.is_relative_to(sys.prefix):
        pytest.skip("needs .oracle: upstream ESPnet, installed by tools/setup_oracle.sh")
    assert main(["apply", str(site.parent), "--part", "masks", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "nets_utils.py" in out and out.endswith("nothing was written\n")
