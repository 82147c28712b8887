"""torch.backends.opt_einsum: the order of contractions of `torch.einsum`, which opt_einsum, a part of JAX, finds.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.opt_einsum
"""

from typing import Any

import opt_einsum as _opt_einsum

from jtorch.backends._kept import flags_of

enabled = True
strategy = "auto"


def is_available() -> bool:
    """True: JAX needs it."""
    return True


def get_opt_einsum() -> Any:
    """The package."""
    return _opt_einsum


set_flags, flags = flags_of(globals(), "enabled", "strategy")
