"""Text-to-features models and vocoders that are trained together."""

from espnet2.gan_tts.joint.joint_text2wav import JointText2Wav as JointText2Wav
