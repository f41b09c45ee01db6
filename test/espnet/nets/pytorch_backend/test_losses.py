"""Losses against upstream's numbers, and the transducer's against a sum over all alignments."""

import functools
from collections.abc import Iterator

import pytest
import torch

from espnet.nets.pytorch_backend.transducer.loss import transducer_loss
from espnet.nets.pytorch_backend.transformer.add_sos_eos import add_sos_eos
from espnet.nets.pytorch_backend.transformer.label_smoothing_loss import LabelSmoothingLoss
from espnet2.asr.ctc import CTC
from espnet2.interface.errors import TrainingError

TEXTS = torch.tensor([[1, 4, 2], [3, -1, -1]])


@pytest.mark.parametrize(
    ("smoothing", "normalize_length", "expected"),
    [(0.0, False, 2.948347330), (0.1, False, 2.075913906), (0.0, True, 1.474173665), (0.1, True, 1.037956953)],
)
def test_label_smoothing(smoothing, normalize_length, expected):
    scores = torch.linspace(-2, 2, 2 * 3 * 5).sin().view(2, 3, 5) * 3
    loss = LabelSmoothingLoss(5, -1, smoothing, normalize_length)(scores, TEXTS)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_texts_get_start_and_end():
    read, said = add_sos_eos(TEXTS, sos=9, eos=8, ignore_id=-1)
    assert read.tolist() == [[9, 1, 4, 2], [9, 3, 8, 8]]
    assert said.tolist() == [[1, 4, 2, 8], [3, 8, -1, -1]]


@pytest.mark.parametrize(
    ("options", "lengths", "texts", "expected"),
    [
        ({}, [7, 5], ([[1, 4, 2], [3, -1, -1]], [3, 1]), 5.4283),
        ({}, [7, 2], ([[1, 4, 2], [3, 3, 1]], [3, 3]), 2.5892),
        ({"reduce": False}, [7, 5], ([[1, 4, 2], [3, -1, -1]], [3, 1]), [2.5892, 2.8391]),
        ({"reduce": False}, [7, 2], ([[1, 4, 2], [3, 3, 1]], [3, 3]), [2.5892, 0.0]),
        ({"zero_infinity": False}, [7, 2], ([[1, 4, 2], [3, 3, 1]], [3, 3]), float("inf")),
        ({"ctc_type": "builtin2"}, [7, 5], ([[1, 4, 2], [3, -1, -1]], [3, 1]), 5.4283),
        ({"ctc_type": "builtin2"}, [7, 2], ([[1, 4, 2], [3, 3, 1]], [3, 3]), 5.1783),
    ],
)
def test_ctc(options, lengths, texts, expected):
    ctc = CTC(5, 4, **options)
    with torch.no_grad():
        ctc.ctc_lo.weight.copy_(torch.linspace(-1, 1, 20).view(5, 4))
        ctc.ctc_lo.bias.copy_(torch.linspace(0.5, -0.5, 5))
    hidden = torch.linspace(-3, 3, 2 * 7 * 4).cos().view(2, 7, 4)
    loss = ctc(hidden, torch.tensor(lengths), *map(torch.tensor, texts))
    assert loss.tolist() == pytest.approx(expected, abs=1e-4)


def test_ctc_losses_of_other_packages_are_refused():
    with pytest.raises(TrainingError, match="ctc_type: expected one of builtin, builtin2, found 'brctc'"):
        CTC(5, 4, ctc_type="brctc")(torch.zeros(1, 7, 4), torch.tensor([7]), TEXTS[:1], torch.tensor([3]))


FRAMES, LABELS = torch.tensor([5, 4, 1]), torch.tensor([3, 2, 0])


def lattice() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 4, 6, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(1, 6, (3, 3), generator=generator)


BLANKS = {0: 1, 5: 2, 4: 3}  # frames that each blank of a transducer of several lasts


def all_alignments(log_probs: torch.Tensor, text: list[int], frames: int, blanks: dict[int, int]) -> torch.Tensor:
    """Log-probability of a text under log_probs (T, U + 1, V), alignment by alignment."""

    def continued(frame: int, said: int, score: torch.Tensor) -> Iterator[torch.Tensor]:
        if frame == frames and said == len(text):
            yield score
        if frame >= frames:
            return
        if said < len(text):
            yield from continued(frame, said + 1, score + log_probs[frame, said, text[said]])
        for blank, duration in blanks.items():
            yield from continued(frame + duration, said, score + log_probs[frame, said, blank])

    return torch.stack(list(continued(0, 0, log_probs.new_zeros(())))).logsumexp(0)


@pytest.mark.parametrize(("blanks", "sigma"), [({0: 1}, 0.0), (BLANKS, 0.0), (BLANKS, 0.05)])
def test_transducer_sums_over_alignments(blanks, sigma):
    logits, texts = lattice()
    texts = texts % 3 + 1
    log_probs = logits.log_softmax(-1) - sigma
    expected = torch.stack(
        [
            -all_alignments(log_probs[row], texts[row, :labels].tolist(), frames, blanks)
            for row, (frames, labels) in enumerate(zip(FRAMES.tolist(), LABELS.tolist(), strict=True))
        ]
    )
    loss = transducer_loss(logits, texts, FRAMES, LABELS, long_blanks=blanks, sigma=sigma)
    torch.testing.assert_close(loss, expected)
    (wanted,) = torch.autograd.grad(expected.sum(), logits, retain_graph=True)
    (found,) = torch.autograd.grad(loss.sum(), logits)
    torch.testing.assert_close(found, wanted)


def test_gradients_equal_differences():
    logits, texts = lattice()
    loss = functools.partial(transducer_loss, targets=texts, frames=FRAMES, labels=LABELS, long_blanks=BLANKS)
    assert torch.autograd.gradcheck(loss, logits)
    scores = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(LabelSmoothingLoss(5, -1, 0.1), (scores, TEXTS))


def test_transducer_of_half_precision():
    logits, texts = lattice()
    half = logits.detach().half().requires_grad_()
    loss = transducer_loss(half, texts, FRAMES, LABELS)
    exact = transducer_loss(half.double(), texts, FRAMES, LABELS)
    torch.testing.assert_close(loss, exact.float())
    (found,) = torch.autograd.grad(loss.sum(), half)
    assert found.dtype == torch.float16


def test_fastemit_counts_labels_more_without_another_loss():
    logits, texts = lattice()
    given = logits, texts, FRAMES, LABELS
    plain, early = transducer_loss(*given), transducer_loss(*given, fastemit_lambda=0.5)
    torch.testing.assert_close(plain, early)
    gradients = [torch.autograd.grad(loss[2], logits, retain_graph=True)[0] for loss in (plain, early)]
    torch.testing.assert_close(*gradients)  # no label is emitted
    gradients = [torch.autograd.grad(loss[0], logits)[0] for loss in (plain, early)]
    assert (gradients[0] - gradients[1]).abs().max() > 1e-3
