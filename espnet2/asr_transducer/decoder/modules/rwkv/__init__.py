"""Parts of RWKV blocks."""
