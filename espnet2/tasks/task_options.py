"""Options of training that belong to a task: text, preprocessing, and the parts of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from espnet2.tasks import asr, asr_transducer, lm
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices
from espnet2.tasks.optimisation import OPTIM, SCHEDULER
from espnet2.tasks.options import COMMON, Option, fixed
from espnet2.text.build_tokenizer import TOKENIZERS
from espnet2.utils.types import float_or_none, int_or_none, str2bool, str_or_none

TOKEN_TYPES = tuple(TOKENIZERS)
INITS = ("chainer", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal")
CTC = "espnet2.asr.ctc:CTC"
COMMON_PREPROCESSOR = "espnet2.train.preprocessor:CommonPreprocessor"
PREPROCESSORS = {"default": COMMON_PREPROCESSOR, "multi": f"{COMMON_PREPROCESSOR}_multi"}
PREPROCESSOR = Choices("preprocessor", PREPROCESSORS, part_of_model=False)

TOKEN_LIST = Option("token_list", str_or_none, None, "file of tokens, one in a line; required")
INIT = Option("init", str_or_none, None, "how parameters are initialised", INITS)
INPUT_SIZE = Option("input_size", int_or_none, None, "size of features, where no front end is used")
USE_PREPROCESSOR = Option("use_preprocessor", str2bool, True, "turn text into tokens, and change speech as asked for")
TEXT = (
    Option("token_type", str, "bpe", "kind of tokens", TOKEN_TYPES),
    Option("bpemodel", str_or_none, None, "SentencePiece model"),
    Option("non_linguistic_symbols", str_or_none, None, "file of symbols that are not split"),
    Option("cleaner", str_or_none, None, "cleaning of text"),
    Option("g2p", str_or_none, None, "from letters to phonemes, for token_type phn"),
)
SPEECH = (
    Option("speech_volume_normalize", float_or_none, None, "largest amplitude that speech is scaled to"),
    Option("rir_scp", str_or_none, None, "list of room impulse responses"),
    Option("rir_apply_prob", float, 1.0, "how often they are used"),
    Option("noise_scp", str_or_none, None, "list of noises"),
    Option("noise_apply_prob", float, 1.0, "how often they are added"),
    Option("noise_db_range", str, "13_15", "range of signal-to-noise ratios, in dB"),
)


@dataclass(frozen=True)
class Conf:
    """The mapping of options of one class, which has no name to choose; `written` in full into config.yaml."""

    name: str
    target: str
    default: dict | None = None
    written: bool = True


Row = Option | Choices | Conf


@dataclass(frozen=True)
class TrainingTask:
    """What is trained by a command.

    Attributes:
        task: the registries and how parts fit together.
        rows: options behind those of all tasks, in upstream's order.
        defaults: of the choices.
        fields: names of the data's fields that have to be there, and of those that may.
        inputs: names of the fields that inference needs.
        required: options that have to be given.
        int_pad_value: what texts of a batch are padded by.
    """

    task: type[AbsTask]
    rows: tuple[Row, ...]
    defaults: Mapping[str, str | None]
    fields: tuple[tuple[str, ...], tuple[str, ...]]
    inputs: tuple[str, ...] = ("speech",)
    required: tuple[str, ...] = ("output_dir", "token_list")
    int_pad_value: int = -1

    def common_rows(self) -> tuple[Row, ...]:
        """Options that every task has."""
        return (*COMMON, OPTIM, SCHEDULER)

    def all_rows(self) -> tuple[Row, ...]:
        """Every option in the order of config.yaml."""
        return (*self.common_rows(), *self.rows)


ASR = TrainingTask(
    asr.ASRTask,
    (
        TOKEN_LIST,
        INIT,
        INPUT_SIZE,
        Conf("ctc_conf", CTC),
        Conf("joint_net_conf", asr.JOINT_NETWORK, written=False),
        USE_PREPROCESSOR,
        fixed("use_lang_prompt", str2bool, False),
        fixed("use_nlp_prompt", str2bool, False),
        *TEXT,
        *SPEECH,
        Option("short_noise_thres", float, 0.5, "warn of noises that last less than this part of the speech"),
        Option("aux_ctc_tasks", str, [], "fields of the data that aux_ctc of model_conf names", nargs="+"),
        asr.FRONTEND,
        asr.SPECAUG,
        asr.NORMALIZE,
        asr.MODEL,
        asr.PREENCODER,
        asr.ENCODER,
        asr.POSTENCODER,
        asr.DECODER,
        PREPROCESSOR,
    ),
    {
        "optim": "adadelta",
        "frontend": "default",
        "normalize": "utterance_mvn",
        "model": "espnet",
        "encoder": "rnn",
        "preprocessor": "default",
    },
    (("speech", "text"), ("text_spk2", "text_spk3", "text_spk4", "prompt")),
)
LM = TrainingTask(
    lm.LMTask,
    (TOKEN_LIST, INIT, USE_PREPROCESSOR, *TEXT, lm.LM, lm.MODEL),
    {"optim": "adadelta", "lm": "seq_rnn", "model": "lm"},
    (("text",), ()),
    inputs=("text",),
    int_pad_value=0,
)
ASR_TRANSDUCER = TrainingTask(
    asr_transducer.ASRTransducerTask,
    (
        TOKEN_LIST,
        INPUT_SIZE,
        INIT,
        Conf("model_conf", asr_transducer.MODEL),
        Conf("encoder_conf", asr_transducer.ENCODER, {}, written=False),
        Conf("joint_network_conf", asr_transducer.JOINT_NETWORK, {}, written=False),
        USE_PREPROCESSOR,
        *TEXT,
        *SPEECH,
        asr_transducer.FRONTEND,
        asr_transducer.SPECAUG,
        asr_transducer.NORMALIZE,
        asr_transducer.DECODER,
    ),
    {"optim": "adadelta", "frontend": "default", "normalize": "utterance_mvn", "decoder": "rnn"},
    (("speech", "text"), ()),
)


def training_of(task: type) -> TrainingTask:
    """Training of `task`: that of the nearest class it is derived from, else the options of all tasks."""
    known = {training.task: training for training in (ASR, LM, ASR_TRANSDUCER)}
    base = next((base for base in task.__mro__ if base in known), None)
    if base is None:
        return TrainingTask(task, (), {"optim": "adadelta"}, ((), ()), inputs=(), required=("output_dir",))
    return replace(known[base], task=task)
