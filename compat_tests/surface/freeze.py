"""Writes ``torch_2_13.json``: what real torch offers under each namespace, as facts to compare jtorch with.

For each public callable: its Python parameters with their defaults, one line a form; whether it is a Tensor method, has
an in-place twin, takes ``out=``. ``python -m compat_tests.surface.freeze`` needs the torch version jtorch follows.
Parameters come from the stubs inside the torch package where the callable is compiled, and from torch's schemas for
``linalg``, ``special`` and ``fft``, which those stubs leave out.
"""

import ast
import functools
import inspect
import json
from pathlib import Path

import torch

FROZEN = Path(__file__).with_name("torch_2_13.json")
NAMESPACES = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}
STUBS = {
    "torch": ("_VariableFunctions.pyi",),
    "torch.Tensor": ("__init__.pyi",),
    "torch.nn.functional": ("_nn.pyi", "_VariableFunctions.pyi"),
}


@functools.cache
def stub_forms(file: str) -> dict[str, list[str]]:
    """The forms of each function of a stub of torch's, of each method for the stub that holds the Tensor class."""
    body = ast.parse((Path(torch.__file__).parent / "_C" / file).read_text()).body
    if file == "__init__.pyi":
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == "TensorBase").body
    forms: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
            form = f"({ast.unparse(node.args)})"
            if form not in forms.setdefault(node.name, []):
                forms[node.name].append(form)
    return forms


def schemas(op: str) -> list:
    """The schemas of an op that Python can call. Those torch generates for its compilers, tagged so, it cannot."""
    found = torch._C._jit_get_schemas_for_operator(f"aten::{op}")
    packet = getattr(torch.ops.aten, op, None)
    return [
        schema for schema in found if torch.Tag.generated not in getattr(packet, schema.overload_name or "default").tags
    ]


def schema_forms(namespace: str, leaf: str) -> list[str]:
    """The forms of an op by its schemas; a form for ``out=`` says so."""
    forms = []
    for schema in schemas(f"{namespace.removeprefix('torch.')}_{leaf}"):
        words, keyword = [], False
        for argument in schema.arguments:
            if argument.kwarg_only and not keyword:
                keyword = True
                words.append("*")
            name = "out" if argument.is_out else "input" if argument.name == "self" else argument.name
            words.append(f"{name}={argument.default_value!r}" if argument.has_default_value() else name)
        forms.append(f"({', '.join(words)})")
    return forms


def python_form(value: object) -> str | None:
    """Python's parameters with their defaults, without annotations; None where Python does not know them."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    written = str(inspect.Signature(bare))
    return None if "*args, **kwargs" in written else written


def forms_of(namespace: str, owner: object, leaf: str) -> list[str]:
    python = python_form(getattr(owner, leaf))
    if python:
        return [python]
    for file in STUBS.get(namespace, ()):
        if leaf in stub_forms(file):
            return stub_forms(file)[leaf]
    return schema_forms(namespace, leaf)


def is_public(owner: object, leaf: str) -> bool:
    if leaf.startswith("_"):
        return False
    value = getattr(owner, leaf, None)
    if isinstance(value, type) or not callable(value) or inspect.ismodule(value):
        return False
    # Typing helpers and imports of other libraries are visible in the namespaces, but are not torch's.
    return (getattr(value, "__module__", None) or "torch").startswith("torch")


def facts(namespace: str, owner: object, leaf: str) -> dict:
    forms = forms_of(namespace, owner, leaf)
    inplace_owner = torch.Tensor if namespace == "torch" else owner
    out = any(word.strip(" ()*").split("=")[0] == "out" for form in forms for word in form.split(","))
    value = getattr(owner, leaf)
    if namespace == "torch.nn.functional" and inspect.isbuiltin(value):
        # The stub of these leaves `out` away.
        out = any(argument.is_out for schema in schemas(value.__name__) for argument in schema.arguments)
    return {
        "forms": forms,
        "method": namespace in ("torch", "torch.Tensor") and hasattr(torch.Tensor, leaf),
        "inplace": hasattr(inplace_owner, leaf + "_"),
        "out": out,
    }


def freeze() -> dict:
    names = {}
    for namespace, owner in NAMESPACES.items():
        for leaf in sorted(dir(owner)):
            if is_public(owner, leaf):
                names[f"{namespace}.{leaf}"] = facts(namespace, owner, leaf)
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
