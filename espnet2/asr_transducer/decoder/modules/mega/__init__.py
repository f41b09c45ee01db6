"""Parts of MEGA blocks."""
