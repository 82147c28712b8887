"""torch's own database of ops, as the list of what to compare: the only file that imports ``torch.testing._internal``.

The database says how to call an op on real torch. The same call on jtorch is found by name, and where the database
wraps an op in a small function of its own, that function is run again with ``torch`` standing for jtorch.
"""

import builtins
import dis
import functools
import itertools
import random
import types
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import jtorch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

INTERNAL = "torch.testing._internal"
NO_CPU_SAMPLES = {"nn.functional.batch_norm.without_cudnn"}
CAP = 40  # samples of an op and dtype that are ever looked at


def resolve(path: str, root: Any = jtorch) -> Any:
    """The value at a dotted path, or None."""
    for part in path.split("."):
        root = getattr(root, part, None)
        if root is None:
            return None
    return root


def seeded(op: Callable, *args: Any, **kwargs: Any) -> Any:
    """jtorch's side of the database's ``wrapper_set_seed``."""
    jtorch.manual_seed(42)
    return op(*args, **kwargs)


def names_used(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Dotted paths read from the global ``torch``, and the other attributes read (methods of some tensor)."""
    paths, others = set(), set()
    chain: list[str] | None = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            if chain is None:
                others.add(instruction.argval)
            else:
                chain.append(instruction.argval)
        else:
            if chain:
                paths.add(".".join(chain))
            chain = [] if instruction.opname == "LOAD_GLOBAL" and instruction.argval == "torch" else None
        if instruction.opname == "LOAD_CONST" and isinstance(instruction.argval, types.CodeType):
            inner_paths, inner_others = names_used(instruction.argval)
            paths |= inner_paths
            others |= inner_others
    return paths, others


def rebind(function: types.FunctionType) -> Callable | None:
    """A function of the database with ``torch`` meaning jtorch; None when it reads a name that jtorch lacks."""
    paths, methods = names_used(function.__code__)
    if any(resolve(path) is None for path in paths):
        return None
    if any(not hasattr(jtorch.Tensor, method) for method in methods):
        return None
    scope = {**function.__globals__, "torch": jtorch, "wrapper_set_seed": seeded, "__builtins__": builtins}
    twin = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def counterpart(op: Any, name: str) -> Callable | None:
    """jtorch's callable for one of torch's, or None when jtorch does not declare it."""
    if isinstance(op, types.FunctionType) and op.__module__.startswith(INTERNAL):
        return rebind(op)
    if isinstance(op, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return resolve(f"ops.{op}")
    name = name.removeprefix("torch.")
    if resolve(name, torch) is None and resolve(f"Tensor.{name}", torch) is None:
        name = getattr(op, "__name__", name)  # the database's name is not torch's: _segment_reduce
    found = (resolve(name), resolve(f"Tensor.{name}"))
    return next((one for one in found if callable(one)), None)


def variant_counterpart(variant: Any, info: Any) -> Callable | None:
    """jtorch's callable for a method or in-place variant; some are functions called with ``inplace=True``."""
    if isinstance(variant, functools.partial):
        mine = counterpart(variant.func, info.name)
        return mine and functools.partial(mine, *variant.args, **variant.keywords)
    if isinstance(variant, types.FunctionType) and variant.__module__.startswith(INTERNAL):
        return rebind(variant)
    return getattr(jtorch.Tensor, variant.__name__, None)


def dtypes_of(info: Any) -> set[torch.dtype]:
    """The dtypes of an entry on CPU, but complex32: XLA has no such numbers, it is only stored here."""
    return info.supported_dtypes("cpu") - {torch.complex32}


@dataclass(frozen=True)
class Sample:
    """One call; ``process`` (torch's, jtorch's) turns an output into what may be compared and differentiated."""

    args: tuple
    kwargs: dict
    broadcasts: bool
    process: tuple[Callable, Callable]


@dataclass(frozen=True)
class Entry:
    """One entry of the database that jtorch declares."""

    name: str
    info: Any
    torch_op: Callable
    jtorch_op: Callable

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode())

    def dtypes(self) -> set[torch.dtype]:
        return {dtype for dtype in dtypes_of(self.info) if hasattr(jtorch, str(dtype).removeprefix("torch."))}

    @functools.cached_property
    def seeds_itself(self) -> bool:
        """Whether the database calls the op with a seed of its own and puts the generator's state back afterwards."""
        code = getattr(self.torch_op, "__code__", None)
        return code is not None and "wrapper_set_seed" in code.co_names

    def samples(self, dtype: torch.dtype, requires_grad: bool) -> list[Sample]:
        """The database's samples, the same ones in every run."""
        torch.manual_seed(self.seed)
        np.random.seed(self.seed)  # the database draws from all three
        random.seed(self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = self.info.sample_inputs("cpu", dtype, requires_grad=requires_grad)
            return [self._sample(one) for one in itertools.islice(made, CAP)]

    def error_samples(self) -> Iterator[Sample]:
        if self.info.error_inputs_func is None:
            return
        torch.manual_seed(self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in self.info.error_inputs("cpu"):
                yield self._sample(one.sample_input)

    def _sample(self, sample: Any) -> Sample:
        process = sample.output_process_fn_grad
        twin = rebind(process) if isinstance(process, types.FunctionType) else process
        return Sample(
            (sample.input, *sample.args), dict(sample.kwargs), sample.broadcasts_input, (process, twin or process)
        )


@functools.cache
def entries() -> dict[str, Entry]:
    """Every entry whose op jtorch declares, by its full name (``div.floor_rounding``)."""
    found = {}
    for info in op_db:
        mine = counterpart(info.op, info.name)
        if mine is not None and info.full_name not in NO_CPU_SAMPLES:
            found[info.full_name] = Entry(info.full_name, info, info.op, mine)
    return found


def database() -> dict[str, Any]:
    """All entries of the database, those that jtorch lacks too."""
    return {info.full_name: info for info in op_db}
