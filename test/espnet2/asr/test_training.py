"""Errors of training, and its use of batches; losses are compared in `test_training_zoo.py`."""

import dataclasses

import pytest
import torch
import zoo_calls
import zoo_training
import zoo_training_calls

from espnet2.interface.errors import TrainingError

ROWS = {row.name.removeprefix("training-"): row for row in zoo_training.TRAINED}


def _model(name: str, directory, **options):
    model = zoo_calls.module_for(ROWS[name], directory)
    model.loss_options = dataclasses.replace(model.loss_options, **options)
    return model, zoo_training_calls.fields_of(ROWS[name], [0, 1])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hybrid", {"interctc_weight": 0.5}, "interctc_weight: expected 0 in an encoder without interctc_layer_idx"),
        ("attention-only", {"interctc_weight": 0.5}, "interctc_weight: expected 0 in a model without CTC, found 0.5"),
        ("aux-ctc", {"aux_ctc": {"9": "lid"}}, "aux_ctc: expected layers of interctc_layer_idx, found 9"),
        ("aux-ctc", {"aux_ctc": {"2": "tongue"}}, "aux_ctc: expected 'tongue' in the data, found lid"),
        ("standalone", {"use_k2_pruned_loss": True}, "use_k2_pruned_loss: expected False in training"),
    ],
)
def test_options_without_what_they_need(name, options, message, tmp_path):
    model, fields = _model(name, tmp_path, **options)
    with pytest.raises(TrainingError, match=message):
        model(**fields)


def test_texts_of_all_speakers_are_needed(tmp_path):
    model, fields = _model("pit", tmp_path)
    del fields["text_spk2"]
    with pytest.raises(TrainingError, match="num_ref: expected text_spk2 in the data"):
        model(**fields)


def test_the_order_of_speakers_does_not_matter(tmp_path):
    model, fields = _model("pit", tmp_path)
    swapped = {**fields, "text": fields["text_spk2"], "text_spk2": fields["text"]}
    torch.testing.assert_close(model(**fields)[0], model(**swapped)[0])


def test_texts_may_be_padded_further_and_utterances_too(tmp_path):
    model, fields = _model("conformer", tmp_path)
    longer = {
        **fields,
        "speech": torch.nn.functional.pad(fields["speech"], (0, 0, 0, 9), value=3.0),
        "text": torch.nn.functional.pad(fields["text"], (0, 4), value=-1),
    }
    torch.testing.assert_close(model(**fields)[0], model(**longer)[0])


def test_masks_come_from_pytorch_and_leave_padding(tmp_path):
    model, fields = _model("maskctc", tmp_path)
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(model(**fields)[0].item())
    assert losses[0] == losses[1] != losses[2]
