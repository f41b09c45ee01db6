"""The work of a recipe's stages, with a command of `espnet2.bin` for each."""
