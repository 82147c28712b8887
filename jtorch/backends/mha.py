"""torch.backends.mha: the fast path of TransformerEncoder. XLA fuses what both paths compute: it is a kept setting."""

_fastpath = [True]


def get_fastpath_enabled() -> bool:
    """What was set."""
    return _fastpath[0]


def set_fastpath_enabled(value: bool) -> None:
    """Keeps the wish."""
    _fastpath[0] = bool(value)
