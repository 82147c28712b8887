"""torch.version: which torch this is, and what it was built for.

`git_version` names no commit of torch's: there is none of jtorch in it.
"""

from jtorch._alias import __version__ as __version__

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu"]

cuda: str | None = None  # JAX brings its own CUDA: there is none that extensions could be built against
debug = False
git_version = "Unknown"
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
