"""Store upstream ESPnet's cleaned texts in `test/golden/cleaners.json`.

Run it with the Python of an environment with upstream ESPnet, jaconv and espnet_tts_frontend, from the repository's
root: .oracle/bin/python tools/make_cleaner_golden.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]

from espnet2.text.cleaner import TextCleaner  # noqa: E402

TEXTS = {
    "tacotron": (
        "Dr. Jones has 12 cats & $3.50, on the 1st of May 1984.",
        '(Hello)-World;  "it\'s" 3,000 \u00a35 50%!',
        "Na\u00efve caf\u00e9: Mr. Smith, Co. Ltd.",
    ),
    "jaconv": ("\uff8a\uff9d\uff76\uff78 \uff21\uff22\uff23 \uff11\uff12\uff01", "\u3042\u301c\u30fc"),
    "korean_cleaner": ("ABC 123 \ud55c\uad6d\uc5b4, 3.5%!", "2021\ub144 DNA"),
}


def main() -> None:
    """Write the golden."""
    rows = [[name, text, TextCleaner([name])(text)] for name, texts in TEXTS.items() for text in texts]
    (ROOT / "test" / "golden" / "cleaners.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
