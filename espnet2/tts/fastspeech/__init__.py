"""FastSpeech."""

from espnet2.tts.fastspeech.fastspeech import FastSpeech as FastSpeech
