"""How far jtorch's signatures are torch's: parameter names and defaults of every name that both have.

``python -m compat_tests.harness.signatures`` prints the names that differ; ``missing`` prints those jtorch lacks.
A form is a list of parameters. torch's forms of a name may be one form here (``out`` and ``dim`` with defaults), so
each form of torch's has to be found in one of jtorch's, which takes nothing that no form of torch's takes. Left out are
``out`` itself, forms of torch's with ``self`` as a function's parameter, which are deprecated or for its compilers, and
what torch takes without telling.
"""

import ast
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from compat_tests.harness.opdb import resolve
from compat_tests.surface.freeze import read_frozen

UNTOLD = {"out", "axis", "memory_format", "return_indices"}
# What functions that make tensors take as ``**options`` here.
OPTIONS = {"dtype", "layout", "device", "requires_grad", "pin_memory", "memory_format", "names", "generator"}
# Where torch's stub says what torch itself does not take: test_signatures.py asks torch for each.
_OPTIONS = "dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False"
_BOUNDS = f"start, end, steps, {{}}*, out=None, {_OPTIONS}"
_DTYPE_ALONE = "*, dtype=None, device=None, requires_grad=False"
_POOL = "input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None"
CORRECTED = {
    "torch.linspace": [_BOUNDS.format("")],
    "torch.logspace": [_BOUNDS.format("base=10.0, ")],
    "torch.numel": ["input"],
    "torch.tensor": [f"data, {_DTYPE_ALONE}, pin_memory=False"],
    "torch.Tensor.new_ones": [f"self, size, *, {_OPTIONS}"],
    "torch.Tensor.new_tensor": [f"self, data, {_DTYPE_ALONE}"],
    "torch.Tensor.requires_grad_": ["self, requires_grad=True"],
    "torch.Tensor.to": [
        f"self, {first}, non_blocking=False, copy=False, *, memory_format=None"
        for first in ("dtype", "device=None, dtype=None", "tensor")
    ],
    "torch.nn.functional.fractional_max_pool2d": [_POOL],
    "torch.nn.functional.fractional_max_pool3d": [_POOL],
    "torch.nn.functional.gelu": ["input, *, approximate='none'"],
    "torch.nn.functional.scaled_dot_product_attention": [
        "query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False"
    ],
}
STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


class Parameter(NamedTuple):
    name: str
    default: str  # as it is written; "" for none
    keyword: bool

    def __str__(self) -> str:
        return f"{self.name}={self.default}" if self.default else self.name


def number(text: str) -> str:
    """``1`` and ``1.0`` are one default, a list and a tuple too; ``True`` and ``1`` are two."""
    text = "None" if text == "()" else text.replace("[", "(").replace("]", ")")
    try:
        return repr(float(text))
    except ValueError:
        return text


def written(default: Any) -> str:
    return "" if default is inspect.Parameter.empty else number(repr(default).replace("jtorch.", "torch."))


def torchs_form(text: str) -> list[Parameter]:
    """One form of ``torch_2_13.json``."""
    text = ", ".join(dict.fromkeys(text[1:-1].split(", "))) if text.count("out") > 1 else text[1:-1]
    arguments = ast.parse(f"def f({text}): pass").body[0].args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    found = [
        Parameter(one.arg, number(ast.unparse(value)) if value else "", place >= len(plain))
        for place, (one, value) in enumerate(pairs)
    ]
    starred = [("*", arguments.vararg), ("**", arguments.kwarg)]
    return found + [Parameter(star + one.arg, "", False) for star, one in starred if one]


def forms_of(function: Callable) -> list[list[Parameter]]:
    """Each form a function tells: as text where Python's one signature cannot say them."""
    if hasattr(function, "forms"):
        return [torchs_form(f"({text})") for text in function.forms]
    found = []
    forms = getattr(function, "signatures", None)
    for one in forms or map(inspect.signature, getattr(function, "alternatives", (function,))):
        parameters = one.parameters.values()
        found.append(
            [
                Parameter(STARS.get(p.kind, "") + p.name, written(p.default), p.kind is p.KEYWORD_ONLY)
                for p in parameters
            ]
        )
    return found


def bare(form: list[Parameter]) -> list[Parameter]:
    """``*size`` is ``size`` too: what takes a tuple in its place takes numbers."""
    return [one._replace(name=one.name[one.name[:1] == "*" and one.name[:2] != "**" :]) for one in form]


def covers(mine: list[Parameter], theirs: list[Parameter]) -> bool:
    """Whether a call written for torch's form means the same to jtorch's."""
    known = {one.name: one for one in mine}
    for one in theirs:
        if one.name in UNTOLD or ("**options" in known and one.name in OPTIONS):
            continue
        twin = known.get(one.name)
        if twin is None or (one.default not in ("", "...") and twin.default != one.default):
            return False
    order = [one.name for one in mine if not one.keyword]
    given = [one.name for one in theirs if not one.keyword]
    return order[: len(given)] == given


def equal(name: str, mine: list[list[Parameter]], theirs: list[list[Parameter]]) -> bool:
    if ".Tensor." in name:  # the tensor itself is given by its place
        mine, theirs = ([form[1:] for form in forms] for forms in (mine, theirs))
    else:
        theirs = [form for form in theirs if all(one.name != "self" for one in form)] or theirs
    mine, theirs = ([bare(form) for form in forms] for forms in (mine, theirs))
    taken = {one.name for form in theirs for one in form} | UNTOLD | {"**options", "**named"}
    extra = {one.name for form in mine for one in form} - taken
    # Of forms that differ in a default alone (padding=0, padding="valid") one can be written down.
    found: dict[tuple[str, ...], bool] = {}
    for form in theirs:
        names = tuple(one.name for one in form)
        found[names] = found.get(names, False) or any(covers(one, form) for one in mine)
    return not extra and all(found.values())


def torchs(name: str, facts: dict) -> list[str]:
    """The forms torch has, as text."""
    return [f"({text})" for text in CORRECTED[name]] if name in CORRECTED else facts["forms"]


def compared() -> dict[str, bool]:
    """Every name both have whose parameters torch tells in plain values, and whether they are equal."""
    found = {}
    for name, facts in read_frozen()["names"].items():
        function, theirs = resolve(name.removeprefix("torch.")), torchs(name, facts)
        if not callable(function) or not theirs or any("=<" in form for form in theirs):
            continue
        try:
            mine = forms_of(function)
        except (TypeError, ValueError):
            continue  # a type, or a function of C's
        found[name] = equal(name, mine, [torchs_form(form) for form in theirs])
    return found


def missing() -> list[str]:
    return [name for name in read_frozen()["names"] if resolve(name.removeprefix("torch.")) is None]


def share() -> float:
    found = compared()
    return round(100 * sum(found.values()) / len(found), 2)


def main() -> None:
    if sys.argv[1:] == ["missing"]:
        print("\n".join(missing()))
        return
    facts, found = read_frozen()["names"], compared()
    for name, same in found.items():
        if not same:
            function = resolve(name.removeprefix("torch."))
            mine = [", ".join(map(str, form)) for form in forms_of(function)]
            print(f"{name}\n    torch  {' | '.join(torchs(name, facts[name]))}\n    jtorch {' | '.join(mine)}")
    print(f"{sum(found.values())} of {len(found)} signatures are equal; {len(missing())} names are missing")
    print("value:", share())


if __name__ == "__main__":
    main()
