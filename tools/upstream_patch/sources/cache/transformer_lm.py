"""Cache of a Transformer language model before the first token."""


class TransformerLM:
    def zero_state(self):
        """Make the cache of a text without tokens, as `batch_score` reads it.

        Searches may go on to begin with None, which means the same.

        Returns:
            List[torch.Tensor]: An empty tensor (0, D) for each layer.

        """
        weight = self.decoder.weight
        return [weight.new_zeros(0, layer.size) for layer in self.encoder.encoders]
