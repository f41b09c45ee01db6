"""Data sets, collating, preprocessing and trainers."""
