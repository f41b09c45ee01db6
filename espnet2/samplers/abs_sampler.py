"""Base class of samplers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


class AbsSampler:
    """Iterable over batches, each a tuple of utterance ids; the same batches each time."""

    def __init__(self, batches: Iterable[Sequence[str]]) -> None:
        self.batches = [tuple(batch) for batch in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.batches)

    def __repr__(self) -> str:
        sizes = [len(batch) for batch in self.batches] or [0]
        return (
            f"{type(self).__name__}(utterances={sum(sizes)}, batches={len(self)}, "
            f"batch sizes: mean {sum(sizes) / len(sizes):.1f}, min {min(sizes)}, max {max(sizes)})"
        )
