"""The interface of recognisers that ESPnet 1 had; scripts derive from it."""

from __future__ import annotations

from typing import Any


class ASRInterface:
    """Methods that a recogniser of one's own defines; none of them is defined here."""

    def forward(self, xs: Any, ilens: Any, ys: Any) -> Any:
        """The loss of features xs (B, T, F) of lengths (B,), for texts ys (B, U)."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def encode(self, feat: Any) -> Any:
        """Encoder output (T', D) of features (T, F)."""
        raise NotImplementedError(f"{type(self).__name__} defines no encode")

    def scorers(self) -> dict[str, Any]:
        """Scorers for a search, by name."""
        raise NotImplementedError(f"{type(self).__name__} defines no scorers")

    def recognize(self, x: Any, recog_args: Any, char_list: Any = None, rnnlm: Any = None) -> Any:
        """The n-best list for features x (T, F)."""
        raise NotImplementedError(f"{type(self).__name__} defines no recognize")

    def recognize_batch(self, x: Any, recog_args: Any, char_list: Any = None, rnnlm: Any = None) -> Any:
        """The n-best lists for features of several utterances."""
        raise NotImplementedError(f"{type(self).__name__} defines no recognize_batch")

    def calculate_all_attentions(self, xs: Any, ilens: Any, ys: Any) -> Any:
        """Attention weights of a batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no calculate_all_attentions")

    def calculate_all_ctc_probs(self, xs: Any, ilens: Any, ys: Any) -> Any:
        """CTC posteriors of a batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no calculate_all_ctc_probs")
