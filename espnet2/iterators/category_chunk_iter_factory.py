"""`category_chunk`: chunks of utterances chosen by a sampler of categories."""

from __future__ import annotations

from espnet2.iterators.chunk_iter_factory import ChunkIterFactory


class CategoryChunkIterFactory(ChunkIterFactory):
    """As `ChunkIterFactory`, for batches of several utterances, such as those of `CategoryBalancedSampler`."""
