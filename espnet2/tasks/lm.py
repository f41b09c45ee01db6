"""Language models: keys of their configuration, choices of their parts, and the model that they make."""

from __future__ import annotations

from argparse import Namespace

from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices
from espnet2.tasks.shared import INIT, TEXT, TOKEN_LIST, USE_PREPROCESSOR
from espnet2.train.abs_espnet_model import AbsESPnetModel

LM = Choices(
    "lm",
    {
        "seq_rnn": "espnet2.lm.seq_rnn_lm:SequentialRNNLM",
        "transformer": "espnet2.lm.transformer_lm:TransformerLM",
        "transformer_opt": "espnet2.lm.huggingface_pretrained_opt_lm:HuggingfaceOPTModel",
    },
    default="seq_rnn",
)
MODEL = Choices(
    "model",
    {
        "lm": "espnet2.lm.espnet_model:ESPnetLanguageModel",
        "lm_multitask": "espnet2.lm.espnet_model_multitask:ESPnetMultitaskLanguageModel",
    },
    default="lm",
)
READ_TOKENS = ("lm_multitask",)  # models that look up special tokens


class LMTask(AbsTask):
    """Recurrent and Transformer language models over the recogniser's tokens."""

    name = "lm"
    rows = (TOKEN_LIST, INIT, USE_PREPROCESSOR, *TEXT, LM, MODEL)
    required = ("output_dir", "token_list")
    required_data = ("text",)
    inference_data = ("text",)
    int_pad_value = 0

    @classmethod
    def assemble(cls, config: Namespace) -> AbsESPnetModel:
        """Build the network and wrap it."""
        vocab_size = len(config.token_list)
        lm = LM.build(config.lm, config.lm_conf, vocab_size=vocab_size)
        model = config.model or "lm"
        tokens = {"token_list": config.token_list} if model in READ_TOKENS else {}
        return MODEL.build(model, config.model_conf, vocab_size=vocab_size, lm=lm, **tokens)
