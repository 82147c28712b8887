"""torch.backends.mkl: jtorch calls no MKL.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.mkl
"""

VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available() -> bool:
    """False."""
    return False


class verbose:
    """A `with` block; there is nothing to report."""

    def __init__(self, enable: int) -> None:
        self.enable = enable

    def __enter__(self) -> "verbose":
        return self

    def __exit__(self, *exc: object) -> bool:
        return False
