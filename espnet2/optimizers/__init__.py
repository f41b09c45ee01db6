"""Optimisers, and parameter groups without weight decay."""
