"""Measurements against PyTorch: one file, one question."""
