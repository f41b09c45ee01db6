"""Layer of a Transformer decoder whose cache is a tensor from the first step on."""

import torch


class DecoderLayer:
    def forward(
        self,
        tgt,
        tgt_mask,
        memory,
        memory_mask,
        cache=None,
        pre_memory=None,
        pre_memory_mask=None,
    ):
        """Process the tokens that follow those in the cache.

        Args:
            tgt (torch.Tensor): All tokens so far (B, U, D).
            tgt_mask (torch.Tensor): Their mask (1 or B, U, U), or None.
            memory (torch.Tensor): Output of the encoder (B, T, D).
            memory_mask (torch.Tensor): Its mask (B, 1, T), or None.
            cache (torch.Tensor): Outputs of this layer (B, U', D) for the first U' of
                the tokens, U' < U; None is the same as (B, 0, D).
            pre_memory (torch.Tensor): Output (B, T', D) of another encoder, which
                `sequential_attn` attends to, or None.
            pre_memory_mask (torch.Tensor): Its mask (B, 1, T'), or None.

        Returns:
            tuple: Outputs for all tokens (B, U, D), `tgt_mask`, `memory`,
                `memory_mask`, and with `pre_memory` also None, `pre_memory` and
                `pre_memory_mask`.

        """
        # Without a cache all tokens are new, as with an empty one.
        cache = tgt[:, :0] if cache is None else cache
        known = cache.shape[1]
        text = self.norm1(tgt) if self.normalize_before else tgt
        x, query = tgt[:, known:], text[:, known:]
        mask = None if tgt_mask is None else tgt_mask[:, known:]
        attended = self.self_attn(query, text, text, mask)
        x = self._add_attended(x, query, attended, "concat_linear1")
        x = x if self.normalize_before else self.norm1(x)

        if pre_memory is not None:
            query = self.norm4(x) if self.normalize_before else x
            attended = self.sequential_attn(
                query, pre_memory, pre_memory, pre_memory_mask
            )
            x = self._add_attended(x, query, attended, "concat_linear3")
            x = x if self.normalize_before else self.norm4(x)

        query = self.norm2(x) if self.normalize_before else x
        attended = self.src_attn(query, memory, memory, memory_mask)
        x = self._add_attended(x, query, attended, "concat_linear2")
        x = x if self.normalize_before else self.norm2(x)

        query = self.norm3(x) if self.normalize_before else x
        x = x + self.dropout(self.feed_forward(query))
        x = x if self.normalize_before else self.norm3(x)

        states = (torch.cat((cache, x), dim=1), tgt_mask, memory, memory_mask)
        if pre_memory is None:
            return states
        return (*states, None, pre_memory, pre_memory_mask)

    def _add_attended(self, x, query, attended, linear):
        """Add the result of an attention, combined with its query by layer `linear`."""
        if self.concat_after:
            attended = torch.cat((query, attended), dim=-1)
            return x + getattr(self, linear)(attended)
        return x + self.dropout(attended)
