"""Pictures of a training: curves of its statistics, where attentions look, and how CTC aligns an utterance."""
