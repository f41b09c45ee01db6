"""Functions behind a recipe's stages, which commands of `espnet2.bin` call."""
