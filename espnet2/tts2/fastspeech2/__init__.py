"""FastSpeech 2 over discrete units."""

from espnet2.tts2.fastspeech2.fastspeech2_discrete import FastSpeech2Discrete as FastSpeech2Discrete
