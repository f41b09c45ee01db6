"""The last stage of recognition recipes: the export of the trained model."""

from __future__ import annotations

import re

from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.part import SOURCES, Part, Transform

SCRIPT = "egs2/TEMPLATE/asr1/asr.sh"
# Variables of the script that the stage reads.
READ = ("asr_exp", "inference_asr_model", "inference_lm", "lm_exp", "python", "stage", "stop_stage", "use_lm")
APPLIED = r"(?m)^skip_export="
STAGE = re.compile(r'"?\$\{?stage\}?"? -le (\d+)')
SWITCH = re.compile(r"^skip_\w+=(?:true|false)\b.*\n", re.MULTILINE)
HELP = re.compile(r"^([ \t]*)--skip_\w+[ \t].*\n", re.MULTILINE)
END = re.compile(r'^log "Successfully finished', re.MULTILINE)


def add_stage(text: str) -> str:
    """Add the stage to the script, with its option and the option's help; unchanged if it is there.

    Raises:
        PatchError: The script has no options `skip_...`, no stages, no end, or lacks a variable that the stage reads.
    """
    if re.search(APPLIED, text):
        return text
    found = {
        "an option skip_...": [*SWITCH.finditer(text)],
        "its help": [*HELP.finditer(text)],
        "stages": [*STAGE.finditer(text)],
        'log "Successfully finished" as the end': [*END.finditer(text)],
        **{f"the variable {name}": [*re.finditer(rf"\b{name}=|\bfor {name}\b", text)] for name in READ},
    }
    for what, matches in found.items():
        if not matches:
            raise PatchError(f"{SCRIPT}: expected {what}, found none")
    switch, its_help, stages, end = [*found.values()][:4]
    number = max(int(match[1]) for match in stages) + 1
    block = (SOURCES / "recipe" / "stage.sh").read_text(encoding="utf-8").replace("@NUMBER@", str(number))
    indent = its_help[-1][1]
    added = {
        switch[-1].end(): "skip_export=true # Skip the export to ONNX\n",
        its_help[-1].end(): f'{indent}--skip_export # Skip the export to ONNX (default="${{skip_export}}").\n',
        end[-1].start(): block + "\n",
    }
    for place in sorted(added, reverse=True):
        text = text[:place] + added[place] + text[place:]
    return text


PART = Part(
    name="recipe",
    title="Add a last stage to asr.sh that exports the model to ONNX",
    body="""
    With --skip_export false, asr.sh ends with the export of the model that it has trained, and of its language model,
    to ${asr_exp}/bundle. The stage has the number after the last one, so that no other changes its number; it is left
    out by default, as packing and uploading are.
    """,
    transforms=(Transform((SCRIPT,), r"stop_stage", add_stage, applied=APPLIED),),
    requires=("export",),
)
