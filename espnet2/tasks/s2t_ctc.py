"""Speech to text of many tasks with CTC alone, as OWSM-CTC: keys of its configuration, choices of its parts, and the
model that they make."""

from __future__ import annotations

from argparse import Namespace

from espnet2.runtime.s2t_section import S2TCTCSection
from espnet2.tasks import asr
from espnet2.tasks.asr import CTC, frontend_of, require_fit, vocab_size_of
from espnet2.tasks.choices import Choices, build
from espnet2.tasks.s2t import PromptedTask
from espnet2.tasks.shared import NORMALIZE, SPECAUG
from espnet2.train.abs_espnet_model import AbsESPnetModel

FRONTEND = Choices(
    "frontend",
    {name: asr.FRONTEND.classes[name] for name in ("default", "sliding_window", "s3prl", "fused", "whisper")},
    default="default",
    optional=True,
)
# Upstream offers the encoders of recognition, too, none of which takes a prompt.
ENCODER = Choices(
    "encoder",
    {"e_branchformer_ctc": asr.ENCODER.classes["e_branchformer_ctc"]},
    default="e_branchformer_ctc",
)
PROMPT_ENCODER = Choices(
    "promptencoder",
    {name: asr.ENCODER.classes[name] for name in ("conformer", "transformer", "branchformer", "e_branchformer")},
    default="transformer",
)
MODEL = Choices("model", {"espnet_ctc": "espnet2.s2t.espnet_ctc_model:ESPnetS2TCTCModel"}, default="espnet_ctc")
PREPROCESSOR = Choices(
    "preprocessor",
    {"s2t_ctc": "espnet2.train.preprocessor:S2TCTCPreprocessor"},
    default="s2t_ctc",
    part_of_model=False,
)
PROMPT_SIZE = 256  # of the prompt encoder, where its configuration does not say


class S2TTask(PromptedTask):
    """Models with an encoder and CTC, whose input begins with a language and a task."""

    name = "s2t_ctc"
    rows = (
        *PromptedTask.prompted_rows,
        FRONTEND,
        SPECAUG,
        NORMALIZE,
        MODEL,
        PROMPT_ENCODER,
        ENCODER,
        PREPROCESSOR,
    )
    preprocessor = PREPROCESSOR
    section_class = S2TCTCSection

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the parts in order: each gets the output size of the one before it."""
        frontend, size = frontend_of(config, FRONTEND)
        vocab_size = vocab_size_of(config)
        encoder = ENCODER.build(config.encoder, config.encoder_conf, input_size=size)
        require_fit(config, frontend, None, encoder)
        prompt_size = config.promptencoder_conf.get("output_size", PROMPT_SIZE)
        prompt_encoder = PROMPT_ENCODER.build(
            config.promptencoder, config.promptencoder_conf, input_size=prompt_size, input_layer=None
        )
        return MODEL.build(
            config.model or "espnet_ctc",
            config.model_conf,
            vocab_size=vocab_size,
            token_list=config.token_list,
            frontend=frontend,
            specaug=SPECAUG.build(config.specaug, config.specaug_conf),
            normalize=NORMALIZE.build(config.normalize, config.normalize_conf),
            encoder=encoder,
            prompt_encoder=prompt_encoder,
            ctc=build("ctc_conf", CTC, config.ctc_conf, odim=vocab_size, encoder_output_size=encoder.output_size()),
        )
