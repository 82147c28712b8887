"""torch.backends.cusparselt: jtorch calls no cuSPARSELt."""


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None."""


def get_max_alg_id() -> None:
    """None."""
