"""Store upstream ESPnet's hypotheses for the recordings of `egs2/digits/asr1/demo`: its `refs.jsonl`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project):

    ORACLE/bin/python tools/make_demo_refs.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "egs2" / "digits" / "asr1" / "demo"
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]

import soundfile  # noqa: E402

from espnet2.bin.asr_inference import Speech2Text  # noqa: E402

SETTINGS = {"no_lm": 0.0, "lm": 0.5}
OPTIONS = {"beam_size": 10, "ctc_weight": 0.3, "nbest": 5}
DIGITS = 7  # of a score


def load(lm_weight: float) -> Speech2Text:
    """Upstream's recogniser; it reads the paths of a configuration from the working directory."""
    os.chdir(DEMO / "exp" / "asr")
    lm = DEMO / "exp" / "lm"
    given = {"lm_train_config": str(lm / "config.yaml"), "lm_file": str(lm / "valid.loss.ave.pth")}
    return Speech2Text("config.yaml", "valid.acc.ave.pth", **given, **OPTIONS, lm_weight=lm_weight)


def told(results: list) -> list[dict]:
    """Hypotheses, best first."""
    return [
        {
            "text": text,
            "token": tokens,
            "token_int": ids,
            "yseq": [int(token) for token in hypothesis.yseq],
            "score": round(float(hypothesis.score), DIGITS),
            "scores": {name: round(float(value), DIGITS) for name, value in hypothesis.scores.items()},
        }
        for text, tokens, ids, hypothesis in results
    ]


def main() -> None:
    texts = dict(line.split(maxsplit=1) for line in (DEMO / "recordings" / "text").read_text().splitlines())
    rows = {utt: {"utt": utt, "file": f"recordings/{utt}.flac", "ref": text} for utt, text in texts.items()}
    for setting, lm_weight in SETTINGS.items():
        speech2text = load(lm_weight)
        for row in rows.values():
            samples, _ = soundfile.read(DEMO / row["file"], dtype="float32")
            row[setting] = {**OPTIONS, "lm_weight": lm_weight, "nbest": told(speech2text(samples))}
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    (DEMO / "refs.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
