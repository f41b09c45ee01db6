"""Search and layers under ESPnet's names; the models that are built from them live in `espnet2`."""

from pathlib import Path

__version__ = Path(__file__).with_name("version.txt").read_text(encoding="utf-8").strip()
