"""FastSpeech 2."""

from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2 as FastSpeech2
