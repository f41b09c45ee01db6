"""Enhancement of speech of several channels before features: dereverberation and beamforming."""
