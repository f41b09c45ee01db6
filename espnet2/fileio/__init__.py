"""Reading and writing of Kaldi-style data directories: recordings by list, texts by utterance."""
