"""Parts of the blocks of prediction networks."""
