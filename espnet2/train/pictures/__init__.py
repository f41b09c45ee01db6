"""Pictures of a training: curves of its statistics, attention weights, and CTC alignments of utterances."""
