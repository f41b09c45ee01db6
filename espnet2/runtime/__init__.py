"""Models in bundles, run on numpy and onnxruntime alone: `from espnet2.runtime import Speech2Text`.

Each class takes a bundle of one kind of models. The classes are imported when they are first asked for, so that reading
declarations and errors needs no package.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "Bundle": "espnet2.runtime.bundle",
    "OneGraphRecognizer": "espnet2.runtime.one_graph",
    "Classification": "espnet2.runtime.cls",
    "Speech2Embedding": "espnet2.runtime.spk",
    "Speech2Lang": "espnet2.runtime.lid",
    "Speech2Language": "espnet2.runtime.s2t_language",
    "Speech2Text": "espnet2.runtime.asr",
    "Speech2TextStreaming": "espnet2.runtime.asr_streaming",
    "SpeechAntiSpoof": "espnet2.runtime.asvspoof",
    "Text2Speech": "espnet2.runtime.tts",
    "Text2Text": "espnet2.runtime.mt",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
