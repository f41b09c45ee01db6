"""From the values of an utterance to arrays; `espnet2.train.preprocessor` has these classes at upstream's path."""
