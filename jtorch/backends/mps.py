"""torch.backends.mps: Apple's GPUs, as far as JAX has them.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.mps
"""

import platform

from jtorch import _accelerators


def is_built() -> bool:
    """Whether JAX has such a device."""
    return is_available()


def is_available() -> bool:
    """Whether JAX has such a device."""
    return _accelerators.count("mps") > 0


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Whether this is macOS of a version or a later one."""
    found = platform.mac_ver()[0]
    return bool(found) and tuple(map(int, found.split(".")[:2])) >= (major, minor)


def is_macos13_or_newer(minor: int = 0) -> bool:
    """Whether this is macOS 13 or later."""
    return is_macos_or_newer(13, minor)
