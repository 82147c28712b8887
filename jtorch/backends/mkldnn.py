"""torch.backends.mkldnn: jtorch calls no oneDNN; what XLA does with it is XLA's concern. Settings are kept.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.mkldnn
"""

from jtorch.backends._kept import Settings, flags_of
from jtorch.backends.mkl import verbose as verbose

VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2
enabled = True
deterministic = False
allow_tf32 = True
fp32_precision = "none"
matmul, conv, rnn = (Settings(fp32_precision="none") for _ in range(3))


def is_available() -> bool:
    """False."""
    return False


def is_acl_available() -> bool:
    """False."""
    return False


set_flags, flags = flags_of(globals(), "enabled", "deterministic", "allow_tf32", "fp32_precision")
