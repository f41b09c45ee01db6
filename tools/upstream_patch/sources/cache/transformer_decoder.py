"""Cache of a Transformer decoder before the first token."""


class BaseTransformerDecoder:
    def zero_state(self):
        """Make the cache of a hypothesis without tokens, as `batch_score` reads it.

        Searches may go on to begin with None, which means the same.

        Returns:
            List[torch.Tensor]: An empty tensor (0, D) for each layer.

        """
        weight = next(self.parameters())
        return [weight.new_zeros(0, layer.size) for layer in self.decoders]
