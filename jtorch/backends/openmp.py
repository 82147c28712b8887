"""torch.backends.openmp: XLA's threads are its own."""


def is_available() -> bool:
    """False."""
    return False
