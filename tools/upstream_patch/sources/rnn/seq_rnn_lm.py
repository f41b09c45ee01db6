from espnet2.legacy.nets.pytorch_backend.rnn.ragged import run_ragged


class SequentialRNNLM:
    def forward(self, input, hidden):
        """Score the next token at every position.

        Args:
            input: (B, U) token ids.
            hidden: State of the layers, None for zeros.

        Returns:
            (B, U, V) scores, and the state after the last token.

        """
        emb = self.drop(self.encoder(input))
        output, hidden = run_ragged(self.rnn, emb, None, hidden)
        return self.decoder(self.drop(output)), hidden
