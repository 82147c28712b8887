"""jtorch: the PyTorch API on JAX. `import jtorch as torch`."""

from jtorch._engine.explain import explain as explain
from jtorch._root import *  # noqa: F403 - the root namespace is the registry's
