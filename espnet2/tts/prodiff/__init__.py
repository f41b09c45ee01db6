"""ProDiff."""

from espnet2.tts.prodiff.prodiff import ProDiff as ProDiff
