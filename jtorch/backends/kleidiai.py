"""torch.backends.kleidiai: jtorch calls no KleidiAI."""


def is_available() -> bool:
    """False."""
    return False
