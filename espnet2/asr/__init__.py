"""Recognition models: front ends, encoders, decoders, CTC."""
