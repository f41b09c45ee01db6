"""State dicts of other releases, whose names differ from those of 202511, load into every row of the zoo that has them.

`tools/make_state_names_golden.py` asked the releases.
"""

import json
from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.torch_utils.checkpoint import load_state
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model

NAMES = json.loads((Path(__file__).with_name("golden") / "state_names.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(row, group["gone"], group["new"], id=f"{release}-{row}")
    for release, groups in NAMES.items()
    for group in groups
    for row in group["rows"]
]
ZEROS = "lin_dec.bias"  # what later releases add, and where it does not count


def _of_release(own: dict[str, torch.Tensor], gone: list[str], new: list[str]) -> dict[str, torch.Tensor]:
    """The tensors under the release's names: one for one, or with some more or fewer."""
    other = {name: value for name, value in own.items() if name not in gone}
    renamed = [own[name] for name in gone] if len(gone) == len(new) else [torch.ones(1) for _ in new]
    return {**other, **dict(zip(new, renamed, strict=True))}


@pytest.mark.parametrize(("row", "gone", "new"), CASES)
def test_names_of_another_release_load(row, gone, new, tmp_path):
    model = zoo_calls.build(zoo.ROWS[row].make, tmp_path)
    own = {
        name: torch.zeros_like(value) if name.endswith(ZEROS) else value for name, value in model.state_dict().items()
    }
    other = _of_release({name: value.clone() for name, value in own.items()}, gone, new)
    assert other.keys() != own.keys()
    for load in (
        lambda: load_state(model, other, "other.pth"),
        lambda: torch.nn.ModuleDict({"part": model}).load_state_dict({f"part.{n}": v for n, v in other.items()}),
    ):
        for value in model.state_dict().values():
            value.fill_(2)
        load()
        assert all(torch.equal(value, own[name]) for name, value in model.state_dict().items())
    model.load_state_dict(own)  # the names that are written stay loadable


def test_weights_to_start_from_have_names_of_another_release(tmp_path):
    model = torch.nn.ModuleDict({"encoder": zoo_calls.module_for(zoo.ROWS["conformer-scaled_abs_pos"], tmp_path)})
    own = {name: value.clone() for name, value in model.state_dict().items()}
    renamed = {name.replace("out.0.", "out.").replace("out.1.", "pos_enc."): value for name, value in own.items()}
    torch.save(renamed, tmp_path / "new.pth")
    torch.nn.init.zeros_(model["encoder"].embed.out[0].weight)
    found = load_pretrained_model(f"{tmp_path}/new.pth:encoder:encoder", model)
    assert set(found) == set(own)
    assert all(torch.equal(value, own[name]) for name, value in model.state_dict().items())
