"""`category_chunk`: pieces of utterances that a sampler of categories has chosen."""

from __future__ import annotations

from espnet2.iterators.chunk_iter_factory import ChunkIterFactory


class CategoryChunkIterFactory(ChunkIterFactory):
    """As `ChunkIterFactory`, for batches of several utterances, such as those of `CategoryBalancedSampler`."""
