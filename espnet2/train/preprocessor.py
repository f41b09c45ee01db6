"""Preprocessors of all tasks, at upstream's path."""

from espnet2.train.preprocessing.common import AbsPreprocessor, CommonPreprocessor, CommonPreprocessor_multi
from espnet2.train.preprocessing.language import LIDPreprocessor
from espnet2.train.preprocessing.s2t import S2TPreprocessor
from espnet2.train.preprocessing.s2t_ctc import S2TCTCPreprocessor
from espnet2.train.preprocessing.slu import SLUPreprocessor
from espnet2.train.preprocessing.speaker import SpkPreprocessor
from espnet2.train.preprocessing.two_texts import MutliTokenizerCommonPreprocessor

__all__ = [
    "AbsPreprocessor",
    "CommonPreprocessor",
    "CommonPreprocessor_multi",
    "LIDPreprocessor",
    "MutliTokenizerCommonPreprocessor",
    "S2TCTCPreprocessor",
    "S2TPreprocessor",
    "SLUPreprocessor",
    "SpkPreprocessor",
]
