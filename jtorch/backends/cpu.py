"""torch.backends.cpu."""


def get_cpu_capability() -> str:
    """ "DEFAULT": XLA compiles for the processor it finds and does not say which instructions it takes."""
    return "DEFAULT"
