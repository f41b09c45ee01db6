"""Classification of speech and other sounds: keys of its configuration, choices of its parts, and the model."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from espnet2.runtime.cls import ClassSection
from espnet2.tasks import asr
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import PREENCODER, encoding_parts, vocab_size_of
from espnet2.tasks.choices import Choices
from espnet2.tasks.options import Key, Option
from espnet2.tasks.recognition import DEFAULT_SAMPLE_RATE
from espnet2.tasks.shared import INIT, INPUT_SIZE, NORMALIZE, SPECAUG, TOKEN_LIST, USE_PREPROCESSOR
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.preprocessor import CommonPreprocessor

FRONTEND = Choices(
    "frontend",
    {name: asr.FRONTEND.classes[name] for name in ("default", "sliding_window", "s3prl", "fused")},
    default="default",
    optional=True,
)
ENCODER = Choices(
    "encoder",
    {name: asr.ENCODER.classes[name] for name in ("beats", "transformer", "conformer")},
    default="transformer",
)
DECODER = Choices("decoder", {"linear": "espnet2.cls.decoder.linear_decoder:LinearDecoder"}, default="linear")
MODEL = Choices("model", {"espnet": "espnet2.cls.espnet_model:ESPnetClassificationModel"}, default="espnet")


class CLSTask(AbsTask):
    """Classification."""

    name = "cls"
    rows = (
        TOKEN_LIST,
        Option("token_type", str, "word", "kind of tokens", ("word",), key=Key(hint=str | None)),
        INIT,
        INPUT_SIZE,
        USE_PREPROCESSOR,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        PREENCODER,
        ENCODER,
        DECODER,
        MODEL,
    )
    required = ("output_dir", "token_list")
    required_data = ("speech", "label")
    optional_data = ("speech_lengths", "label_lengths")
    inference_data = ("speech",)

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order; classes are all tokens but the last."""
        classes = vocab_size_of(config) - 1
        parts, encoded = encoding_parts(config, FRONTEND, ENCODER)
        return MODEL.build(
            config.model,
            config.model_conf,
            vocab_size=classes,
            token_list=config.token_list,
            decoder=DECODER.build(config.decoder, config.decoder_conf, vocab_size=classes, **encoded),
            **parts,
        )

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> ClassSection:
        """Return sampling rate and classes."""
        rate = getattr(model.frontend, "fs", None) or DEFAULT_SAMPLE_RATE
        return ClassSection(rate, model.token_list[: model.vocab_size], model.several)

    @classmethod
    def build_preprocess_fn(cls, args: Namespace, train: bool) -> Callable[..., dict[str, Any]] | None:
        """Build the function from an utterance to arrays, whose field `label` has the numbers of its classes."""
        if not getattr(args, "use_preprocessor", True):
            return None
        return CommonPreprocessor(train, token_type=args.token_type, token_list=args.token_list, text_name="label")
