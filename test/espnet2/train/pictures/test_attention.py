"""Pictures of attention show the weights that upstream's models have, under the tokens that they belong to."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import attention_tables

from espnet2.train.pictures.attention import attended, plot_attention
from espnet2.utils.attention_picture import Attended, Side, draw
from espnet2.utils.figure import as_image

TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]
FRAME = Side("encoder frame")


def maps(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize(
    "shape, rows, titles",
    [
        ((5, 7), 1, [""]),
        ((1, 5, 7), 1, ["head 1"]),
        ((3, 5, 7), 1, ["head 1", "head 2", "head 3"]),
        ((4, 5, 7), 2, [f"head {head}" for head in (1, 2, 3, 4)]),
        ((12, 5, 7), 3, [f"head {head}" for head in range(1, 13)]),
        ((3, 2, 5, 5), 3, [f"block {block}, head {head}" for block in (1, 2, 3) for head in (1, 2)]),
    ],
)
def test_maps(shape, rows, titles):
    weights = np.random.default_rng(0).random(shape)
    figure = draw(Attended(weights, FRAME, FRAME))
    *heads, _ = figure.axes
    np.testing.assert_array_equal(maps(figure), weights.reshape(-1, *shape[-2:]))
    assert [axes.get_title() for axes in heads] == titles
    assert len({axes.get_position().y0 for axes in heads}) == rows
    assert {axes.images[0].get_clim() for axes in heads} == {(0.0, weights.max())}


def test_labels():
    queries, keys = Side("output token", ["a", "$b$", "日", "<eos>"]), Side("input token", ["<sos>", "a", "$b$", "日"])
    figure = draw(Attended(np.eye(4)[None], queries, keys), "a title")
    axes = figure.axes[0]
    assert ticks(axes.yaxis) == queries.labels and ticks(axes.xaxis) == keys.labels
    assert (figure.get_supylabel(), figure.get_supxlabel()) == ("output token", "input token")
    assert figure.get_suptitle() == "a title"
    as_image(figure)  # neither mathematics nor a sign that no font has is an error


def test_many_tokens_have_labels_for_some():
    side = Side("output token", [str(index) for index in range(400)])
    axes = draw(Attended(np.eye(400), side, FRAME)).axes[0]
    assert 20 < len(ticks(axes.yaxis)) < 100 and ticks(axes.yaxis)[:2] == ["0", "6"]


@pytest.mark.parametrize("name", ["transformer", "location", "language", "ctc", "blocks"])
def test_model(name, tmp_path):
    row = attention_tables.ROWS[name]
    model, batch = attention_tables.model_of(row, tmp_path), attention_tables.batch_of(row)
    utterances = attended(model, batch, TOKENS)
    text = [TOKENS[token] for token in batch["text"][1][: batch["text_lengths"][1]]]
    with np.load(attention_tables.GOLDEN / f"{name}.npz") as golden:
        for module, found in utterances[1].items():
            np.testing.assert_allclose(found.weights, golden[f"1.{module}"], atol=1e-5)
            before = [""] if name == "language" else []
            if module.startswith("encoder"):
                assert found.queries == found.keys == FRAME
            else:
                assert found.queries == ("output token", [*before, *text, "<eos>"])
                read = FRAME if "self_attn" not in module else ("input token", [*before, "<sos>", *text])
                assert found.keys == read


def test_files(tmp_path):
    row = attention_tables.ROWS["location"]
    model, batch = attention_tables.model_of(row, tmp_path), attention_tables.batch_of(row)
    drawn = plot_attention(model, ["one", "a/b", "three"], batch, TOKENS, tmp_path / "att_ws", 7)
    modules = ["decoder.att_list.0", "encoder.encoders.0.self_attn", "encoder.encoders.1.self_attn"]
    for uid, directory in (("one", "one"), ("a/b", "a_b"), ("three", "three")):
        files = sorted(path.name for path in (tmp_path / "att_ws" / directory).iterdir())
        assert files == [f"{module}.7ep.png" for module in modules]
        assert sorted(drawn[uid]) == modules
