"""Parts of the patch for upstream: what they make of files in upstream's shape, and of our own modules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
cst = pytest.importorskip("libcst")

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention  # noqa: E402
from tools.upstream_patch.errors import PatchError  # noqa: E402
from tools.upstream_patch.part import SOURCES  # noqa: E402
from tools.upstream_patch.parts.cache import adding  # noqa: E402
from tools.upstream_patch.parts.recipe import add_stage  # noqa: E402

SCRIPT = """#!/usr/bin/env bash
log() { echo "$*"; }
stage=1
stop_stage=100
python=echo
asr_exp=exp/asr
lm_exp=exp/lm
use_lm=true
inference_asr_model=a.pth
inference_lm=lm.pth
skip_packing=true # its comment
skip_upload_hf=true
help_message=$(cat <<EOF
    --stage # First one.
    --skip_upload_hf # Its text (default="${skip_upload_hf}").
EOF
)
for pair in "$@"; do eval "$pair"; done
if [ ${stage} -le 14 ] && [ ${stop_stage} -ge 14 ]; then log "fourteen"; fi
if [ "${stage}" -le 15 ] && [ "${stop_stage}" -ge 15 ]; then log "fifteen"; fi
log "Successfully finished."
"""
EXPORT = "-m espnet2.bin.export_onnx"


def lines_of(script: str, directory: Path, *options: str) -> list[str]:
    path = directory / "asr.sh"
    path.write_text(script, encoding="utf-8")
    run = subprocess.run(["bash", path, *options], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_stage_exports_after_all_others(tmp_path: Path) -> None:
    lines = lines_of(add_stage(SCRIPT), tmp_path, "skip_export=false")
    assert lines[:3] == ["fourteen", "fifteen", "Stage 16: Export to ONNX: exp/asr/bundle"]
    assert lines[3].split() == [
        *EXPORT.split(),
        *("--lm_train_config", "exp/lm/config.yaml", "--lm_file", "exp/lm/lm.pth"),
        *("--asr_train_config", "exp/asr/config.yaml", "--asr_model_file", "exp/asr/a.pth"),
        *("--output_dir", "exp/asr/bundle"),
    ]


@pytest.mark.parametrize(
    "options", [(), ("skip_export=false", "stop_stage=15"), ("skip_export=false", "stage=17")], ids=str
)
def test_stage_runs_only_if_asked(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert not [line for line in lines_of(add_stage(SCRIPT), tmp_path, *options) if EXPORT in line]


def test_stage_without_language_model(tmp_path: Path) -> None:
    lines = lines_of(add_stage(SCRIPT), tmp_path, "skip_export=false", "use_lm=false")
    (command,) = [line for line in lines if EXPORT in line]
    assert "lm_file" not in command


def test_stage_is_added_once_with_option_and_help() -> None:
    once = add_stage(SCRIPT)
    assert add_stage(once) == once
    assert once.count("skip_export=true #") == 1
    assert '    --skip_export # Skip the export to ONNX (default="${skip_export}").\n' in once


@pytest.mark.parametrize("lacking", ["skip_", "--skip_upload_hf", "-le", "Successfully", "lm_exp="])
def test_script_of_another_shape_is_refused(lacking: str) -> None:
    with pytest.raises(PatchError, match=r"asr\.sh: expected .*, found none"):
        add_stage("\n".join(line for line in SCRIPT.splitlines() if lacking not in line) + "\n")


def test_methods_are_added_once_before_the_scores() -> None:
    module = cst.parse_module(
        "class TransformerLM:\n    def forward(self):\n        pass\n\n    def score(self): ...\n"
    )
    once = adding("transformer_lm.py")(module)
    names = [node.name.value for node in once.body[0].body.body]
    assert names == ["forward", "zero_state", "score"]
    assert adding("transformer_lm.py")(once).code == once.code


def ours(file: str, name: str) -> type:
    """Run a source file of the patch, and return its class."""
    names: dict[str, type] = {}
    exec(compile((SOURCES / file).read_text(encoding="utf-8"), file, "exec"), names)
    return names[name]


class Upstream(torch.nn.Module):
    """Attention with upstream's attributes, of which the patch replaces the last step."""

    def __init__(self, attention: MultiHeadedAttention) -> None:
        super().__init__()
        self.linear_out, self.dropout = attention.linear_out, torch.nn.Identity()


@pytest.mark.parametrize("hidden", [(), (3, 4), (0, 1, 2, 3, 4)], ids=str)
def test_bias_attends_as_the_attention_here(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    attention = MultiHeadedAttention(2, 8, 0.0).eval()
    x, mask = torch.randn(1, 5, 8), torch.ones(1, 1, 5, dtype=torch.bool)
    mask[..., list(hidden)] = False
    key, value = attention.project_memory(x, x)
    scores = attention.project_query(x) @ key.transpose(-2, -1) / 2
    patched = Upstream(attention)
    with torch.no_grad():
        found = ours("bias/attention.py", "MultiHeadedAttention").forward_attention(patched, value, scores, mask)
        torch.testing.assert_close(found, attention(x, x, x, mask))
    assert bool((patched.attn[..., list(hidden)] == 0).all())
