"""CTC prefix scores within a window, as upstream (202611 or later) gives them: test/golden/search/ctc_window.npz.

    ORACLE/bin/python tools/make_ctc_window_golden.py

Every array is named by its posterior's number; `scores` are those of every token after each prefix of the hypotheses.
"""

from pathlib import Path

import numpy as np
import torch
from espnet2.legacy.nets.scorers.ctc import CTCPrefixScorer

TARGET = Path(__file__).resolve().parents[1] / "test" / "golden" / "search" / "ctc_window.npz"
TOKENS, LENGTH, MARGINS = 7, 5, (3, 8, 20)
# Frames, hypotheses, peakiness of the posterior, and share of blank.
POSTERIORS = [(40, 1, 0.3, 0.0), (60, 3, 2.0, 2.0), (70, 2, 8.0, 3.0), (30, 3, 8.0, 2.0), (90, 2, 2.0, 3.0)]


class Posterior(torch.nn.Module):
    """A CTC layer whose input is its output."""

    def log_softmax(self, hs_pad: torch.Tensor) -> torch.Tensor:
        return hs_pad


def scores_along(x: np.ndarray, ys: np.ndarray, margin: int) -> np.ndarray:
    """Scores (U, H, V) after the first tokens, the first two, ... of ys (H, U)."""
    scorer, encoder_out = CTCPrefixScorer(Posterior(), TOKENS - 1, window_margin=margin), torch.tensor(x)
    states, found = [scorer.batch_init_state(encoder_out)], []
    for known in range(1, ys.shape[1] + 1):
        rows = len(states)
        candidates, xs = torch.arange(TOKENS).repeat(rows, 1), encoder_out.repeat(rows, 1, 1)
        scores, state = scorer.batch_score_partial(torch.tensor(ys[:rows, :known]), candidates, states, xs)
        found.append(np.broadcast_to(scores.numpy(), (len(ys), TOKENS)))
        if known < ys.shape[1]:
            parents = [row if rows > 1 else 0 for row in range(len(ys))]
            states = [scorer.select_state(state, p, int(ys[row, known])) for row, p in enumerate(parents)]
    return np.stack(found)


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    for number, (frames, hypotheses, scale, blank) in enumerate(POSTERIORS):
        rng = np.random.default_rng(number)
        logits = rng.normal(size=(frames, TOKENS)) * scale
        logits[:, 0] += scale * blank
        x = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
        ys = np.insert(rng.integers(1, TOKENS - 1, size=(hypotheses, LENGTH)), 0, TOKENS - 1, axis=1)
        arrays |= {f"{number}_x": x, f"{number}_ys": ys}
        arrays |= {f"{number}_scores_{margin}": scores_along(x, ys, margin) for margin in MARGINS}
    np.savez_compressed(TARGET, **arrays)


if __name__ == "__main__":
    main()
