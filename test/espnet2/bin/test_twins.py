"""The commands on PyTorch and their twins on bundles take the same options and files."""

import importlib

import pytest
import yaml

from espnet2.interface.errors import OptionError
from espnet2.runtime.decode_arguments import decode_options
from espnet2.utils.upstream_options import require_one_value

TWINS = [
    ("asr_inference", "asr_inference_onnx"),
    ("asr_inference_maskctc", "asr_inference_onnx"),
    ("asr_transducer_inference", "asr_inference_onnx"),
    ("asr_inference_streaming", "asr_inference_streaming_onnx"),
    ("asr_transducer_inference", "asr_inference_streaming_onnx"),
]
PYTORCH = sorted({pytorch for pytorch, _ in TWINS})
BUNDLES = sorted({bundle for _, bundle in TWINS})

# What the decoding configurations of upstream's recipes say, each kind of them once; and the commands that read it.
LIMITS = {"penalty": 0.0, "maxlenratio": 0.0, "minlenratio": 0.0}
WHOLE, MASKED, STREAMS, TRANSDUCERS = (
    ("asr_inference", "asr_inference_onnx"),
    ("asr_inference_maskctc", "asr_inference_onnx"),
    ("asr_inference_streaming", "asr_inference_streaming_onnx"),
    ("asr_transducer_inference", "asr_inference_onnx"),
)
CONFIGURATIONS = [
    (WHOLE, {"beam_size": 60, "ctc_weight": 0.3, "lm_weight": 0.6}),
    (WHOLE, {"beam_size": 20, "ctc_weight": 1.0, "lm_weight": 1.0, **LIMITS}),
    (WHOLE, {"beam_size": 10, "ctc_weight": 0.5, "lm_weight": 0.7, "ngram_weight": 0.9, **LIMITS}),
    (WHOLE, {"beam_size": 1, "ctc_weight": 1.0, "lm_weight": 0.0}),
    (WHOLE, {"beam_size": 10, "ctc_weight": 0.0, "lm_weight": 0.0, **LIMITS, "maxlenratio": 0.3}),
    (WHOLE, {"beam_size": 20, "ctc_weight": 0.3, "lm_weight": 0.0, **LIMITS, "time_sync": True}),
    (WHOLE, {"beam_size": 10, "ctc_weight": 1.0, "lm_weight": 0.0, "time_sync": True, "penalty": 1.0}),
    (WHOLE, {"beam_size": 20, "ctc_weight": 0.6, "lm_weight": 0.3, **LIMITS, "streaming": True}),
    (WHOLE, {"batch_size": 0, "beam_size": 5, "nbest": 3, "normalize_length": True}),
    (WHOLE, {"beam_size": 10, "transducer_conf": {"search_type": "default", "score_norm": True}}),
    (WHOLE, {"beam_size": 1, "transducer_conf": {"search_type": "mbg"}}),
    (WHOLE, {"lm_weight": 0.0, "transducer_conf": {"u_max": 100, "nstep": 3, "prefix_alpha": 2, "max_sym_exp": 4}}),
    (WHOLE, {"hugging_face_decoder": True, "hugging_face_decoder_conf": {"num_beams": 4}}),
    (WHOLE, {"partial_ar": True, "threshold_probability": 0.95, "max_seq_len": 10, "max_mask_parallel": -1}),
    (WHOLE, {"multi_asr": True, "seed": 1, "num_workers": 4, "ngpu": 0, "dtype": "float32", "log_level": "ERROR"}),
    (WHOLE, {"quantize_asr_model": False, "quantize_modules": ["Linear"], "quantize_dtype": "qint8"}),
    (WHOLE, {"word_lm_train_config": None, "word_lm_file": None, "token_type": None, "bpemodel": None}),
    (MASKED, {"maskctc_n_iterations": 10, "maskctc_threshold_probability": 0.999}),
    (STREAMS, {"beam_size": 10, **LIMITS, "sim_chunk_length": 640, "disable_repetition_detection": True}),
    (STREAMS, {"encoded_feat_length_limit": 100, "decoder_text_length_limit": 0, "ctc_weight": 0.5}),
    (TRANSDUCERS, {"beam_size": 10, "beam_search_config": {"search_type": "default", "u_max": 150, "nstep": 2}}),
    (TRANSDUCERS, {"beam_search_config": {"search_type": "maes", "expansion_gamma": 2.3, "expansion_beta": 2}}),
    (TRANSDUCERS, {"display_hypotheses": True, "lm_weight": 0.3, "nbest": 2}),
    (("asr_transducer_inference", "asr_inference_streaming_onnx"), {"decoding_window": 320}),
]


def parser(name: str):
    return importlib.import_module(f"espnet2.bin.{name}").get_parser()


def options(name: str) -> set[str]:
    return {action.dest for action in parser(name)._actions}


@pytest.mark.parametrize(("pytorch", "bundle"), TWINS)
def test_twins_have_the_same_options(pytorch, bundle):
    assert options(pytorch) == options(bundle)


@pytest.mark.parametrize(("commands", "configuration"), CONFIGURATIONS, ids=str)
def test_twins_read_upstreams_configurations_alike(commands, configuration, tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text(yaml.safe_dump(configuration))
    searches = []
    for name in commands:
        args = parser(name).parse_args(
            ["--config", str(path), "--bundle", "b"] if "onnx" in name else [f"--config={path}"]
        )
        require_one_value(args)
        searches.append(decode_options(args))
        if "beam_size" not in configuration:
            del searches[-1]["beam_size"]  # whose default is a transducer's own
    assert searches[0] == searches[1]


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (
            "--asr_train_config=c.yaml",
            "--asr_train_config: expected none, since the model is that of the bundle, found 'c",
        ),
        ("--model_tag=a/b", "--model_tag: expected none, since the model is that of the bundle, found 'a/b'"),
        ("--token_type=char", "--token_type: expected none, since the model is that of the bundle, found 'char'"),
        (
            "--dtype=float64",
            "--dtype: expected 'float32', since the bundle's graphs have their own precision, found 'f",
        ),
        ("--quantize_lm=true", "--quantize_lm: expected False, since the bundle's graphs have their own precision"),
        ("--left_context=3", "--left_context: expected none, since this command does not cut recordings into chunks"),
        ("--word_lm_file=x", "--word_lm_file: expected none, the only value known here, found 'x'"),
    ],
)
def test_what_a_bundle_cannot_do_is_one_sentence(name, option, sentence):
    with pytest.raises(OptionError) as error:
        require_one_value(parser(name).parse_args(["--bundle", "b", option]))
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("name", PYTORCH)
def test_what_a_checkpoint_cannot_do_is_one_sentence(name):
    with pytest.raises(OptionError, match="--bundle: expected none, since bundles are those of the commands"):
        require_one_value(parser(name).parse_args(["--bundle=b"]))
    with pytest.raises(OptionError, match="--quantized: expected False, since bundles are those of the commands"):
        require_one_value(parser(name).parse_args(["--quantized=true"]))


@pytest.mark.parametrize(
    ("words", "layers"),
    [("Linear", ["Linear"]), ("[Linear]", ["Linear"]), ("Linear LSTM", ["Linear", "LSTM"]), ("[Linear, LSTM]", None)],
)
def test_layers_to_quantise_are_read_as_upstream_spells_them(words, layers, tmp_path):
    words = [words] if layers is None else words.split()
    (tmp_path / "c.yaml").write_text(f"quantize_modules: {layers or ['Linear', 'LSTM']}")
    for command in (["--quantize_modules", *words], ["--config", str(tmp_path / "c.yaml")]):
        assert parser("asr_inference").parse_args(command).quantize_modules == (layers or ["Linear", "LSTM"])
        args = parser("asr_inference_onnx").parse_args(["--bundle", "b", *command])
        if layers == ["Linear"]:
            require_one_value(args)
        else:
            with pytest.raises(OptionError, match=r"--quantize_modules: expected \['Linear'\], since the bundle's"):
                require_one_value(args)
