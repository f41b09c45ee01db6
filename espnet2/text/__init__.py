"""Tokenizers and vocabularies: text to tokens to indices, and back."""
