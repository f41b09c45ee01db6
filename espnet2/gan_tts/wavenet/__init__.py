"""WaveNet."""

from espnet2.gan_tts.wavenet.wavenet import WaveNet as WaveNet
