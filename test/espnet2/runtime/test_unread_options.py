"""Options that a search does not read."""

from dataclasses import fields

import pytest

from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import KINDS
from espnet2.runtime.unread_options import ALWAYS_READ, unread_options, warn_of_unread

HYBRID = ("encoder", "ctc", "decoder_start", "decoder_step")
TRANSDUCER = ("encoder", "ctc", "decoder_step", "joint_start", "joint_step")


@pytest.mark.parametrize(
    ("parts", "options", "unread"),
    [
        (HYBRID, {}, []),
        (HYBRID, {"penalty": 1.0, "maxlenratio": 0.5, "nbest": 3, "batch_size": 2, "timestamps": "word"}, []),
        (HYBRID, {"lm_weight": 0.3, "ngram_weight": 0.3}, ["lm_weight", "ngram_weight"]),
        (HYBRID, {"lm_weight": 0.0, "ngram_weight": 0.0}, []),
        ((*HYBRID, "lm_step", "ngram"), {"lm_weight": 0.3, "ngram_weight": 0.3}, []),
        (HYBRID, {"max_seq_len": 3, "maskctc_n_iterations": 3}, ["max_seq_len", "maskctc_n_iterations"]),
        (HYBRID, {"time_sync": True, "penalty": 1.0, "minlenratio": 0.5}, ["minlenratio"]),
        (HYBRID, {"partial_ar": True, "max_seq_len": 3}, []),
        (HYBRID, {"ctc_greedy": True, "beam_size": 5, "ctc_weight": 0.3}, ["beam_size", "ctc_weight"]),
        (TRANSDUCER, {"beam_size": 5, "transducer_conf": {"nstep": 2}, "penalty": 1.0}, ["penalty"]),
        ((*TRANSDUCER, "lm_step"), {"lm_weight": 0.3}, []),
        (HYBRID, {"search_hop_size": 8}, ["search_hop_size"]),
        (HYBRID, {"streaming": True, "search_hop_size": 8, "penalty": 1.0}, []),
        (("encoder_step", *HYBRID[1:]), {"search_hop_size": 8, "penalty": 1.0}, []),
        (("encoder_step", "ctc"), {"long_form": "true", "memory_limit": 1.0}, ["long_form", "memory_limit"]),
        (("encoder_step", *TRANSDUCER[1:]), {"search_hop_size": 8}, ["search_hop_size"]),
        (("encoder_step", *TRANSDUCER[1:]), {"long_form": "true"}, ["long_form"]),
        (
            ("encoder_step", *HYBRID[1:]),
            {"time_sync": True, "search_hop_size": 8, "memory_limit": 1.0},
            ["memory_limit"],
        ),
        (("encoder", "ctc", "mlm"), {"maskctc_n_iterations": 3, "normalize_length": True}, ["normalize_length"]),
    ],
)
def test_options_that_have_no_effect(parts, options, unread, caplog):
    assert unread_options(DecodeOptions(**options), parts) == unread
    warn_of_unread(DecodeOptions(**options), parts)
    named = ", ".join(f"{name} {options[name]}" for name in unread)
    expected = [f"without effect on this model and search: {named}"] if unread else []
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == expected


def test_every_option_is_read_somewhere():
    everywhere = ALWAYS_READ | {"long_form", "memory_limit"}
    by_kind = [kind.reads | kind.stream_reads for kind in KINDS]
    assert everywhere.union(*by_kind) == {option.name for option in fields(DecodeOptions)}
