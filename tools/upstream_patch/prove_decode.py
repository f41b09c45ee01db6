"""Upstream's hypotheses for the recordings of `egs2/digits/asr1/demo`, as JSON, and the best texts as Kaldi's list.

PYTHONPATH=COPY UPSTREAM/bin/python tools/upstream_patch/prove_decode.py HYPOTHESES.json TEXT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() not in (ROOT, Path(__file__).resolve().parent)]
sys.path.append(str(ROOT / "tools"))

import make_demo_refs  # noqa: E402
import soundfile  # noqa: E402


def main() -> None:
    hypotheses, texts = map(lambda path: Path(path).resolve(), sys.argv[1:])
    recordings = sorted((make_demo_refs.DEMO / "recordings").glob("*.flac"))
    found = {}
    for setting, lm_weight in make_demo_refs.SETTINGS.items():
        speech2text = make_demo_refs.load(lm_weight)
        for path in recordings:
            samples, _ = soundfile.read(path, dtype="float32")
            found[f"{path.stem} {setting}"] = make_demo_refs.told(speech2text(samples))
    hypotheses.write_text(json.dumps(found, indent=1), encoding="utf-8")
    best = (f"{name.removesuffix(' lm')} {nbest[0]['text']}\n" for name, nbest in found.items() if name.endswith(" lm"))
    texts.write_text("".join(sorted(best)), encoding="utf-8")


if __name__ == "__main__":
    main()
