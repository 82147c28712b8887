"""What goes wrong on an accelerator."""

from __future__ import annotations


class AcceleratorError(RuntimeError):
    """An accelerator reports an error."""


class OutOfMemoryError(RuntimeError):
    """A device has no memory left for what is to be computed."""


def no_accelerator() -> RuntimeError:
    """The accelerator is asked for where there is none."""
    return RuntimeError("Cannot access accelerator device when none is available.")


def as_torch(error: Exception) -> Exception:
    """An error of XLA's as torch's, where there is one."""
    if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error):
        found = OutOfMemoryError(str(error))
        found.__notes__ = list(getattr(error, "__notes__", ()))
        return found
    return error
