"""Writes ``torch_2_13.json``: what real torch offers under each namespace, as facts to compare jtorch with.

For each public callable: its signatures (torch's own schemas, or Python's parameters), whether it is a Tensor method,
has an in-place twin, takes ``out=``. ``python -m compat_tests.surface.freeze`` needs the torch version jtorch follows.
"""

import inspect
import json
from pathlib import Path

import torch

FROZEN = Path(__file__).with_name("torch_2_13.json")
NAMESPACES = {
    "torch": (torch, ("{}",)),
    "torch.Tensor": (torch.Tensor, ("{}",)),
    "torch.nn.functional": (torch.nn.functional, ("{}",)),
    "torch.linalg": (torch.linalg, ("linalg_{}",)),
    "torch.special": (torch.special, ("special_{}", "{}")),
    "torch.fft": (torch.fft, ("fft_{}",)),
}


def schemas(leaf: str, patterns: tuple[str, ...]) -> list:
    """torch's schemas of an op, its overloads in the order torch tries them."""
    for pattern in patterns:
        found = torch._C._jit_get_schemas_for_operator("aten::" + pattern.format(leaf))
        found = [one for one in found if "Tensor" in str(one)]  # the others serve TorchScript's lists and numbers
        if found:
            return found
    return []


def is_public(owner: object, leaf: str) -> bool:
    if leaf.startswith("_"):
        return False
    value = getattr(owner, leaf, None)
    if isinstance(value, type) or not callable(value) or inspect.ismodule(value):
        return False
    # Typing helpers and imports of other libraries are visible in the namespaces, but are not torch's.
    return (getattr(value, "__module__", None) or "torch").startswith("torch")


def parameters(value: object) -> str | None:
    """Python's parameters with their defaults, without annotations; None where Python does not know them."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    written = str(inspect.Signature(bare))
    return None if "*args, **kwargs" in written else written


def facts(prefix: str, owner: object, leaf: str, patterns: tuple[str, ...]) -> dict:
    found = schemas(leaf, patterns)
    plain = [one for one in found if not any(argument.is_out for argument in one.arguments)]
    python = parameters(getattr(owner, leaf))
    inplace_owner = torch.Tensor if prefix == "torch" else owner
    return {
        "signatures": [python] if python else [str(one).split("::", 1)[1] for one in plain],
        "method": prefix in ("torch", "torch.Tensor") and hasattr(torch.Tensor, leaf),
        "inplace": hasattr(inplace_owner, leaf + "_"),
        "out": "out=" in python if python else len(plain) < len(found),
    }


def freeze() -> dict:
    names = {}
    for prefix, (owner, patterns) in NAMESPACES.items():
        for leaf in sorted(dir(owner)):
            if is_public(owner, leaf):
                names[f"{prefix}.{leaf}"] = facts(prefix, owner, leaf, patterns)
    return {"torch": torch.__version__.split("+")[0], "names": names}


def read_frozen() -> dict:
    return json.loads(FROZEN.read_text())


def main() -> None:
    frozen = freeze()
    lines = [f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in frozen["names"].items()]
    body = ",\n".join(lines)
    FROZEN.write_text(f'{{"torch": "{frozen["torch"]}", "names": {{\n{body}\n}}}}\n')


if __name__ == "__main__":
    main()
