"""Stand-alone transducers from their configs."""

import pytest
import yaml
from zoo_transducer_model import CONFORMER, INPUT

from espnet2.interface.errors import ConfigError
from espnet2.tasks.asr_transducer import ASRTransducerTask

KEYS = {
    "token_list": ["<blank>", "<unk>", "a", "b", "<sos/eos>"],
    "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20},
    "encoder_conf": {"body_conf": [CONFORMER], "input_conf": INPUT},
    "decoder_conf": {"embed_size": 10, "hidden_size": 12},
    "joint_network_conf": {"joint_space_size": 10},
}


def test_defaults_are_those_of_upstream():
    model = ASRTransducerTask.build_model(KEYS)
    assert [type(part).__name__ for part in (model.frontend, model.normalize, model.decoder)] == [
        "DefaultFrontend",
        "UtteranceMVN",
        "RNNDecoder",
    ]
    assert (model.blank_id, model.sos, model.eos) == (0, 4, 4)
    assert [component.name for _, component in model.parts()] == [
        "encoder",
        "decoder_step",
        "joint_start",
        "joint_step",
    ]


@pytest.mark.parametrize(
    ("keys", "layers"),
    [
        ({"auxiliary_ctc_weight": 0.3}, {"ctc_lin"}),
        ({"auxiliary_lm_loss_weight": 0.3, "auxiliary_lm_loss_smoothing": 0.1}, {"lm_lin"}),
        ({"use_k2_pruned_loss": True, "warmup_steps": 7}, {"am_proj", "lm_proj"}),
        ({"sym_blank": "<nothing>", "report_cer": True}, set()),
    ],
)
def test_layers_of_losses_are_kept(keys, layers):
    model = ASRTransducerTask.build_model({**KEYS, "model_conf": keys})
    assert {name for name, _ in model.named_children()} - {"frontend", "normalize"} == {
        *("encoder", "decoder", "joint_network"),
        *layers,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder": "transformer"}, r"config\.yaml: decoder: expected one of mega, rnn.*, found 'transformer'"),
        ({"decoder": None}, "decoder: expected one of mega, rnn, rwkv, stateless, found null"),
        ({"encoder": "conformer"}, "unknown key 'encoder'"),
        ({"encoder_conf": {}}, "encoder_conf.body_conf: expected a value, which Encoder needs, found none"),
        ({"frontend": None}, "input_size: expected the size of the features, since frontend is null"),
        ({"frontend": "whisper"}, "frontend: expected one of default, sliding_window, found 'whisper'"),
        ({"frontend": "sliding_window", "frontend_conf": {}}, r"frontend: expected frames of shape \[400\], which enc"),
        ({"model": "espnet"}, "model: expected none in a stand-alone transducer, found 'espnet'"),
        ({"model_conf": {"ctc_weight": 0.3}}, "model_conf.ctc_weight: expected an option of ESPnetASRTransducerModel"),
        ({"token_list": ["a", "a"]}, "token_list: expected each token once, found 'a' again"),
    ],
)
def test_mistakes_are_named(tmp_path, change, message):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**KEYS, **change}))
    with pytest.raises(ConfigError, match=message):
        ASRTransducerTask.build_model_from_file(tmp_path / "config.yaml")
