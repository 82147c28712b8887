"""`import torch` resolves to jtorch: for scripts and libraries that name torch.

`install()` puts a finder in front of the import system; `python -m jtorch script.py` does so and runs
the script. Every spelling of a submodule gives the same object: `torch.nn.functional` is
`jtorch.nn.functional`. `importlib.metadata.version("torch")` answers with the version followed.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

from jtorch.torch_version import TorchVersion

FOLLOWED = "2.13.0"  # the torch release whose behaviour jtorch reproduces
__version__ = TorchVersion(
    f"{FOLLOWED}+jtorch"
)  # what torch.__version__ says: libraries compare it with torch's releases


class _Loader(importlib.abc.Loader):
    """Hands out the jtorch module under its torch name."""

    def __init__(self, target: str):
        self.target = target
        self._own_spec: Any = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.target)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written torch's spec over jtorch's own: put it back, since the
        # module is one object with one home.
        module.__spec__ = self._own_spec
        module.__loader__ = None if self._own_spec is None else self._own_spec.loader


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `torch` and everything below it in jtorch."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        home = "jtorch" + fullname[len("torch") :]
        found = sys.modules.get(home)
        spec = None if found is None else found.__spec__
        if found is None:
            try:
                spec = importlib.util.find_spec(home)
            except ModuleNotFoundError:
                return None
        if spec is None and found is None:
            return None
        package = spec is not None and spec.submodule_search_locations is not None
        return importlib.machinery.ModuleSpec(fullname, _Loader(home), is_package=package)


class _Distribution(importlib.metadata.Distribution):
    """What `importlib.metadata` says of torch while the alias is installed."""

    def read_text(self, filename: str) -> str | None:
        if filename == "METADATA":
            return f"Metadata-Version: 2.1\nName: torch\nVersion: {FOLLOWED}\n"
        return None

    def locate_file(self, path: Any) -> Any:
        return path


class _MetadataFinder(importlib.metadata.DistributionFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        return None

    def find_distributions(self, context: Any = None) -> Iterable[importlib.metadata.Distribution]:
        return [_Distribution()] if getattr(context, "name", None) == "torch" else []


_finders: list[Any] = []


def install() -> None:
    """Makes `import torch` give jtorch in this process, from now on.

    ImportError when real torch is already imported: two of them cannot share one name.

    >>> import subprocess, sys
    >>> code = "import jtorch; jtorch.install(); import torch.nn.functional as F; print(F is jtorch.nn.functional)"
    >>> subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    'True\\n'
    """
    if _finders:
        return
    present = sys.modules.get("torch")
    if present is not None and present is not sys.modules["jtorch"]:
        raise ImportError("jtorch: real torch is already imported in this process; call jtorch.install() before it")
    _finders.extend((_Finder(), _MetadataFinder()))
    sys.meta_path[:0] = _finders
    sys.modules["torch"] = sys.modules["jtorch"]


def uninstall() -> None:
    """Takes the alias out again; names already imported stay bound."""
    for finder in _finders:
        sys.meta_path.remove(finder)
    _finders.clear()
    for name in [n for n in sys.modules if n == "torch" or n.startswith("torch.")]:
        home = sys.modules.get("jtorch" + name[len("torch") :])
        if sys.modules[name] is home:
            del sys.modules[name]
