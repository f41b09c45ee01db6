"""Detection of spoofed speech: keys of its configuration, choices of its parts, and the model that they make."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from espnet2.interface.errors import ConfigError, listed
from espnet2.runtime.map_model import MapSection
from espnet2.tasks import asr, cls
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import PREENCODER, encoding_parts
from espnet2.tasks.choices import Choices
from espnet2.tasks.options import Key, Option
from espnet2.tasks.recognition import DEFAULT_SAMPLE_RATE
from espnet2.tasks.shared import INIT, INPUT_SIZE, NORMALIZE, SPECAUG, USE_PREPROCESSOR
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.upstream_options import plain_value

_PLACE = "espnet2.asvspoof."
FRONTEND = cls.FRONTEND
ENCODER = Choices("encoder", {"transformer": asr.ENCODER.classes["transformer"]}, default="transformer")
DECODER = Choices("decoder", {"linear": _PLACE + "decoder.linear_decoder:LinearDecoder"}, default="linear")
LOSSES = {
    "binary_loss": _PLACE + "loss.binary_loss:ASVSpoofBinaryLoss",
    "am_softmax_loss": _PLACE + "loss.am_softmax_loss:ASVSpoofAMSoftmaxLoss",
    "oc_softmax_loss": _PLACE + "loss.oc_softmax_loss:ASVSpoofOCSoftmaxLoss",
}
LOSS = Choices("losses", LOSSES)
MODEL = Choices("model", {"espnet": _PLACE + "espnet_model:ESPnetASVSpoofModel"}, default="espnet")
OF_FRAMES = ("am_softmax_loss", "oc_softmax_loss")  # losses that are told the size of frames


class ASVSpoofTask(AbsTask):
    """Detection of spoofed speech."""

    name = "asvspoof"
    rows = (
        INIT,
        INPUT_SIZE,
        Option(
            "losses",
            plain_value,
            [{"name": "binary_loss", "conf": {}}],
            "list of {name: LOSS, conf: {}}, the last of which trains and scores",
            key=Key(hint=list[dict[str, Any]]),
        ),
        USE_PREPROCESSOR,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        PREENCODER,
        ENCODER,
        DECODER,
    )
    required_data = ("speech", "label")
    inference_data = ("speech",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER)
        losses = {}
        for item in config.losses:
            name = item.get("name")
            if not isinstance(name, str) or name not in LOSSES:
                raise ConfigError(f"losses: expected names among {listed(LOSSES)}, found {name!r}")
            size = {"enc_dim": encoded["encoder_output_size"]} if name in OF_FRAMES else {}
            losses[name] = LOSS.build(name, item.get("conf"), **size)
        decoder = DECODER.build(config.decoder, config.decoder_conf, **encoded)
        return MODEL.build("espnet", {}, decoder=decoder, losses=losses, **parts)

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> MapSection:
        """Return the sampling rate."""
        return MapSection(getattr(model.frontend, "fs", None) or DEFAULT_SAMPLE_RATE)

    @classmethod
    def build_preprocess_fn(cls, args: Namespace, train: bool) -> Callable[..., dict[str, Any]] | None:
        """Return None: labels are numbers, and speech is taken as it is."""
        return None
