"""Decoders of transformers in speech translation, which score as other decoders do."""

import pytest

from espnet2.interface.errors import OptionError
from espnet2.runtime.search import USUAL, graphs_used, kind_of
from espnet2.runtime.search_makers import scorers
from espnet2.runtime.search_model import CTC_EOS, SearchModel
from espnet2.runtime.st import with_ends_of_generation
from espnet2.runtime.st_options import STOptions
from espnet2.runtime.st_section import STSection

TOKENS = ["<blank>", "<unk>", "<s>", "a", "b", "<sos/eos>"]
SECTION = STSection(16000, TOKENS, {"blank": 0, "sos": 5, "eos": 5}, {"token_type": "char"})
RULES = {"decoder_start_token_id": 2, "eos_token_id": 3}
GRAPHS = {"encoder", "ctc", "decoder_start", "decoder_step"}


def test_a_decoder_of_transformers_is_one_scorer_of_several():
    options = STOptions(hugging_face_decoder=True, ctc_weight=0.3)
    assert kind_of(GRAPHS, options) is USUAL
    assert graphs_used(GRAPHS, options) == GRAPHS


class Graph:
    """CTC's, which nobody calls."""

    component = None


def test_it_has_its_own_start_and_end_symbols_and_ctc_the_models(monkeypatch):
    found = with_ends_of_generation(STSection(16000, TOKENS, SECTION.special, SECTION.tokenizer, generation=RULES))
    assert found.special == {"blank": 0, "sos": 2, "eos": 3, CTC_EOS: 5}
    monkeypatch.setattr("espnet2.runtime.search_makers.CTCGraph", lambda graph: graph)
    assert scorers(SearchModel({"ctc": Graph()}, found, None))["ctc"].eos == 5
    assert scorers(SearchModel({"ctc": Graph()}, SECTION, None))["ctc"].eos == 5


def test_other_decoders_have_none():
    with pytest.raises(OptionError, match="hugging_face_decoder: expected a model with a decoder of transformers"):
        with_ends_of_generation(SECTION)
