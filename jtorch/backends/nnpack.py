"""torch.backends.nnpack: jtorch calls no NNPACK; the setting is kept."""

from jtorch.backends._kept import flags_of

enabled = False


def is_available() -> bool:
    """False."""
    return False


set_flags, flags = flags_of(globals(), "enabled")
