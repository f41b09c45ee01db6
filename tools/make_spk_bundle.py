"""Export the zoo's row `spk-task` to the bundle `test/golden/spk`, which tests without PyTorch run.

.venv/bin/python tools/make_spk_bundle.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test")]

import zoo  # noqa: E402
import zoo_calls  # noqa: E402

from espnet2.export.make_bundle import make_bundle  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        model = zoo_calls.module_for(zoo.ROWS["spk-task"], directory)  # writes config.yaml there
        torch.save(model.state_dict(), directory / "model.pth")
        files = {"spk_train_config": directory / "config.yaml", "spk_model_file": directory / "model.pth"}
        make_bundle(ROOT / "test" / "golden" / "spk", **files)


if __name__ == "__main__":
    main()
