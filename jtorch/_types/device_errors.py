"""What goes wrong on an accelerator."""

from __future__ import annotations


class AcceleratorError(RuntimeError):
    """An accelerator reports an error."""


class OutOfMemoryError(RuntimeError):
    """A device has no memory left for what is to be computed."""


def no_accelerator() -> RuntimeError:
    """The accelerator is asked for where there is none."""
    return RuntimeError("Cannot access accelerator device when none is available.")


def no_cuda_library() -> RuntimeError:
    """A tensor type of CUDA's is named where torch was built without."""
    return RuntimeError(
        "Cannot initialize CUDA without ATen_cuda library. PyTorch splits its backend into two shared libraries: a CPU "
        "library and a CUDA library; this error has occurred because you are trying to use some CUDA functionality, "
        "but the CUDA library has not been loaded by the dynamic linker for some reason.  The CUDA library MUST be "
        "loaded, EVEN IF you don't directly use any symbols from the CUDA library! One common culprit is a lack of "
        "-Wl,--no-as-needed in your link arguments; many dynamic linkers will delete dynamic library dependencies if "
        "you don't depend on any of their symbols.  You can check if this has occurred by using ldd on your binary to "
        "see if there is a dependency on *_cuda.so library."
    )


def as_torch(error: Exception) -> Exception:
    """An error of XLA's as torch's, where there is one."""
    if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error):
        found = OutOfMemoryError(str(error))
        found.__notes__ = list(getattr(error, "__notes__", ()))
        return found
    return error
