"""torch's parameter lists, as its errors tell them: of names that have several, and how those that have one follow from
what is declared here.

A list is written as its method has it, without the tensor: a function has `Tensor input` before it and, after `+out`,
`out`. A list of functions alone begins with `~` and is whole. `ints` is a tuple of them, `ints1` may be one int.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare.refusals import Form, form

_OPTIONS = "dtype dtype=None, layout layout=None, device device=None, bool pin_memory=False, bool requires_grad=False"
_LIKE = f"memory_format memory_format=None, {_OPTIONS}"
_INTERPOLATED = 'int dim=None, bool keepdim=False, *, str interpolation="linear" +out'
_WINDOW = f"~int window_length, *, {_OPTIONS} | ~int window_length, bool periodic, *, {_OPTIONS}"
_GROUPS = "ints1 dilation=1, int groups=1"
_CONV = f'Tensor weight, Tensor bias=None, ints1 stride=1, ints1 padding=0, {_GROUPS} | ' \
        f'Tensor weight, Tensor bias=None, ints1 stride=1, str padding="valid", {_GROUPS}'  # fmt: skip
_BETAS = "*, Number beta=1, Number alpha=1 +out"
_OF_X = "bool out_int32=False, bool right=False"
_SIDE = f"*, {_OF_X}, str side=None, Tensor sorter=None, Tensor out=None"
_POLYNOMIALS = (
    "chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w hermite_polynomial_h "
    "hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p shifted_chebyshev_polynomial_t "
    "shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w"
)
_SPREAD = "bool keepdim=False"
_SORTED = "*, bool stable, int dim=-1, bool descending=False"

# By the name that errors say; several names share a line.
_SEVERAL = {
    "eq ne lt le gt ge not_equal less less_equal greater greater_equal fmod copysign": "Tensor other "
    "+out | Number other +out",
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift remainder": "Tensor "
    "other +out | ~Number self, Tensor other | Number other +out",
    "xlogy special_xlogy special_xlog1py special_zeta": "Tensor other +out | ~Number self, Tensor "
    "other, *, Tensor out=None | Number other +out",
    "multiply floor_divide true_divide": "Tensor other +out | Number other",
    "pow float_power": "Tensor exponent +out | ~Number self, Tensor exponent, *, Tensor out=None | "
    "Number exponent +out",
    "div": "Tensor other +out | Tensor other, *, str? rounding_mode +out | Number other, *, str? rounding_mode",
    "divide": "Tensor other +out | Tensor other, *, str? rounding_mode +out | Number other | "
    "Number other, *, str? rounding_mode",
    "subtract": "Tensor other, *, Number alpha=1 +out | Number other, Number alpha=1",
    "rsub": "Tensor other, *, Number alpha=1 | Number other, Number alpha=1",
    "result_type": "~Tensor tensor, Tensor other | ~Number scalar, Tensor tensor | ~Tensor tensor, Number other | "
    "~Number scalar1, Number scalar2",
    "clamp clip": "Tensor min=None, Tensor max=None +out | Number min=None, Number max=None +out",
    "clamp_min": "Tensor min +out | Number min +out",
    "clamp_max": "Tensor max +out | Number max +out",
    "fill": "Tensor value | Number value",
    "lerp": "Tensor end, Tensor weight +out | Tensor end, Number weight +out",
    "round": " +out | *, int decimals +out",
    "all any": " +out | ints1? dim=None, bool keepdim=False +out | int dim, bool keepdim=False +out",
    "max min": " +out | Tensor other +out | int dim, bool keepdim=False +outs",
    "sum": "*, dtype dtype=None | ints1? dim, bool keepdim=False, *, dtype dtype=None +out",
    "mean": "*, dtype dtype=None{} | ints1? dim, bool keepdim=False, *, dtype dtype=None +out",
    "prod": "*, dtype dtype=None | int dim, bool keepdim=False, *, dtype dtype=None +out",
    "median nanmedian": " | int dim, bool keepdim=False +outs",
    "std var": f"ints1? dim, bool unbiased=True, {_SPREAD} +out | ints1 dim=None, *, Number "
    f"correction=None, {_SPREAD} +out | "
    "bool unbiased=True",
    "std_mean var_mean": f"ints1? dim, bool unbiased=True, {_SPREAD} | ints1 dim=None, *, Number "
    f"correction=None, {_SPREAD} | "
    "bool unbiased=True",
    "quantile nanquantile": f"Tensor q, {_INTERPOLATED} | float q, {_INTERPOLATED}",
    "count_nonzero": "int dim=None | ints dim",
    "sort": f"{_SORTED} +outs | int dim=-1, bool descending=False +outs",
    "argsort": f"{_SORTED} +out | int dim=-1, bool descending=False",
    "nonzero": " +out | *, bool as_tuple",
    "squeeze": " | int dim | ints dim",
    "view": "dtype dtype | ints size",
    "moveaxis movedim": "int source, int destination | ints source, ints destination",
    "narrow": "int dim, Tensor start, int length | int dim, int start, int length",
    "dsplit hsplit vsplit": "int sections | ints indices",
    "tensor_split": "ints indices, int dim=0 | Tensor tensor_indices_or_sections, int dim=0 | int sections, int dim=0",
    "repeat_interleave": "Tensor repeats, int dim=None, *, int output_size=None | ~Tensor repeats, "
    "*, int output_size=None"
    " | int repeats, int dim=None, *, int output_size=None",
    "index_fill": "int dim, Tensor index, Tensor value | int dim, Tensor index, Number value",
    "masked_fill": "Tensor mask, Tensor value | Tensor mask, Number value",
    "scatter": "int dim, Tensor index, Tensor src +out | int dim, Tensor index, Tensor src, *, str reduce +out | "
    "int dim, Tensor index, Number value +out | int dim, Tensor index, Number value, *, str reduce +out",
    "where": "~Tensor condition | ~Tensor condition, Tensor input, Tensor other, *, Tensor out=None | "
    "~Tensor condition, Number self, Tensor other | ~Tensor condition, Tensor input, Number other | "
    "~Tensor condition, Number self, Number other",
    "mm bmm": "Tensor mat2 +out | Tensor mat2, dtype out_dtype +out",
    "addmm": f"Tensor mat1, Tensor mat2, {_BETAS} | Tensor mat1, Tensor mat2, dtype out_dtype, {_BETAS}",
    "baddbmm": f"Tensor batch1, Tensor batch2, {_BETAS} | Tensor batch1, Tensor batch2, dtype out_dtype, {_BETAS}",
    "conv1d conv2d conv3d": _CONV,
    "bernoulli": "*, Generator generator=None +out | float p, *, Generator generator=None",
    "bernoulli_": "Tensor p, *, Generator generator=None | float p=0.5, *, Generator generator=None",
    "random_": "*, Generator generator=None | int from, int? to, *, Generator generator=None | "
    "int to, *, Generator generator=None",
    "normal": "~Tensor mean, Tensor std, *, Generator generator=None, Tensor out=None | "
    "~Tensor mean, float std=1, *, Generator generator=None, Tensor out=None | "
    "~float mean, Tensor std, *, Generator generator=None, Tensor out=None | "
    f"~float mean, float std, ints size, *, Generator generator=None, Tensor out=None, {_OPTIONS}",
    "rand randn": f"~ints size, *, Generator? generator, Tensor out=None, {_OPTIONS} | "
    f"~ints size, *, Tensor out=None, {_OPTIONS}",
    "rand_like randn_like": f"*, Generator? generator, {_LIKE} | *, {_LIKE}",
    "randint": f"~int high, ints size, *, Generator? generator, Tensor out=None, {_OPTIONS} | "
    f"~int high, ints size, *, Tensor out=None, {_OPTIONS} | "
    f"~int low, int high, ints size, *, Generator? generator, Tensor out=None, {_OPTIONS} | "
    f"~int low, int high, ints size, *, Tensor out=None, {_OPTIONS}",
    "randint_like": f"int low, int high, *, Generator? generator, {_LIKE} | int low, int high, *, {_LIKE} | "
    f"Tensor high, *, Generator? generator, {_LIKE} | Tensor high, *, {_LIKE} | "
    f"int high, *, Generator? generator, {_LIKE} | int high, *, {_LIKE}",
    "randperm": f"~int n, *, Generator? generator, Tensor out=None, {_OPTIONS} | ~int n, *, Tensor "
    f"out=None, {_OPTIONS}",
    "arange": f"~Number end, *, Tensor out=None, {_OPTIONS} | ~Number start, Number end, *, {_OPTIONS} | "
    f"~Number start, Number end, Number step=1, *, Tensor out=None, {_OPTIONS}",
    "linspace": " | ".join(
        f"~{start} start, {end} end, int steps, *, Tensor out=None, {_OPTIONS}"
        for end in ("Tensor", "Number")
        for start in ("Tensor", "Number")
    ),
    "logspace": " | ".join(
        f"~{start} start, {end} end, int steps, float base=10.0, *, Tensor out=None, {_OPTIONS}"
        for end in ("Tensor", "Number")
        for start in ("Tensor", "Number")
    ),
    "eye": f"~int n, *, Tensor out=None, {_OPTIONS} | ~int n, int m, *, Tensor out=None, {_OPTIONS}",
    "bartlett_window blackman_window hann_window": _WINDOW,
    "hamming_window": f"{_WINDOW} | ~int window_length, bool periodic, float alpha, *, {_OPTIONS} | "
    f"~int window_length, bool periodic, float alpha, float beta, *, {_OPTIONS}",
    "kaiser_window": f"{_WINDOW} | ~int window_length, bool periodic, float beta, *, {_OPTIONS}",
    "bucketize": f"Tensor boundaries, *, {_OF_X} +out | ~Number self, Tensor boundaries, *, {_OF_X}",
    "searchsorted": f"~Tensor sorted_sequence, Tensor input, {_SIDE} | ~Tensor sorted_sequence, Number self, {_SIDE}",
    "isin": " | ".join(
        f"~{a}, {b}, *, bool assume_unique=False, bool invert=False, Tensor out=None"
        for a, b in (
            ("Tensor elements", "Tensor test_elements"),
            ("Number element", "Tensor test_elements"),
            ("Tensor elements", "Number test_element"),
        )
    ),
    "trapezoid cumulative_trapezoid": "~Tensor y, Tensor x, *, int dim=-1 | ~Tensor y, *, Number dx=1, int dim=-1",
    "trapz": "~Tensor y, *, float dx=1, int dim=-1 | ~Tensor y, Tensor x, *, int dim=-1",
    "linalg_norm": "{} | {}".format(
        *(
            f"{ord}, ints1 dim=None, bool keepdim=False, *, dtype dtype=None +out"
            for ord in ("Number ord=None", "str ord")
        )
    ),
    " ".join(
        f"special_{name}" for name in _POLYNOMIALS.split()
    ): "~Tensor x, Tensor n, *, Tensor out=None | ~Number x, Tensor n, *, Tensor out=None | "
    "~Tensor x, Number n, *, Tensor out=None",
    "linalg_cond": "Number p=None +out | str p +out",
    "histogram": "Tensor bins, *, Tensor weight=None, bool density=False +outs | "
    "int bins=100, *, floats range=None, Tensor weight=None, bool density=False +outs",
    "to": "device device=None, dtype dtype=None, bool non_blocking=False, bool copy=False, *, "
    "memory_format memory_format=None | dtype dtype, bool non_blocking=False, bool copy=False, *, memory_format "
    "memory_format=None | Tensor tensor, bool non_blocking=False, bool copy=False, *, memory_format memory_format=None",
}
# Methods unlike the function of their name.
_OF_METHODS = {
    "where": "Tensor condition, Tensor other | Tensor condition, Number other",
    "mm": "Tensor mat2", "bmm": "Tensor mat2",
    "addmm": "Tensor mat1, Tensor mat2, *, Number beta=1, Number alpha=1",
    "baddbmm": "Tensor batch1, Tensor batch2, *, Number beta=1, Number alpha=1",
    "normal_": "float mean=0, float std=1, *, Generator generator=None",
    **dict.fromkeys(
        "float double half bfloat16 long int short char byte bool contiguous is_contiguous cpu".split(),
        "*, memory_format memory_format=None",
    ),
}  # fmt: skip
OLDER = frozenset({"copy_"})  # names with a list that torch does not tell
SEVERAL = {name: text.replace("{}", " +out" if name == "mean" else "{}") for names, text in _SEVERAL.items()
           for name in names.split()}  # fmt: skip


def _whole(text: str, method: bool) -> str | None:
    """A list of the table as the function or the method has it; None where it has none."""
    if text.startswith("~"):
        return None if method else text[1:]
    own, out, several = text.partition(" +out")
    own = own.strip()
    if method:
        return own
    parts = ["Tensor input", own] if own else ["Tensor input"]
    if out:
        parts += ([] if "*" in own.split(", ") else ["*"]) + [f"Tensor{several} out=None"]
    return ", ".join(parts)


@functools.cache
def of_several(called: str, method: bool) -> tuple[Form, ...] | None:
    """The lists of a name that has several; None for others."""
    own_out, twin = not method, called.removesuffix("_") if called != "normal_" else called
    texts = {**SEVERAL, **_OF_METHODS} if method else SEVERAL
    text = texts.get(called)
    if text is None and twin != called:
        text, own_out = texts.get(twin), False
    if text is None:
        return None
    lists = [_whole(one if own_out else one.partition(" +out")[0], method) for one in text.split(" | ")]
    return tuple(form(one) for one in lists if one is not None)


# Names that have one list

_BY_NAME = {
    kind: frozenset(names.split())
    for kind, names in {
        "Tensor": "input self other mat1 mat2 mat vec vec1 vec2 tensor tensor1 tensor2 batch1 batch2 "
        "index src source mask "
        "indices weight bias end A B x y x1 x2 LU_data LU_pivots weights exponent target condition values count prob",
        "Tensors": "tensors",
        "int": "dim dim0 dim1 k n diagonal offset start_dim end_dim axis0 axis1 chunks groups "
        "num_samples start length r "
        "step N steps storage_offset row col upscale_factor downscale_factor minlength dimension window_length",
        "bool": "keepdim largest sorted descending stable unbiased replacement non_blocking "
        "accumulate upper pin_memory "
        "requires_grad sparse_grad with_replacement increasing",
        "Number": "value alpha beta min max fill_value threshold",
        "float": "rtol atol eps mean std median sigma lambd from_",
        "ints": "size shape dims shifts sizes repeats split_sizes",
        "ints1": "stride padding dilation kernel_size output_size",
        "str": "reduce equation",
        "dtype": "dtype",
        "device": "device",
        "layout": "layout",
        "memory_format": "memory_format",
        "Generator": "generator",
    }.items()
}
_KIND_OF = {name: kind for kind, names in _BY_NAME.items() for name in names}
_ROLES = {
    "array": "Tensor", "operand": "Tensor", "arrays": "Tensors", "scalar": "Number", "dim": "int", "new_dim": "int",
    "dims": "ints1", "size": "ints", "dtype": "dtype", "float": "float",
}  # fmt: skip
_ANNOTATED: dict[Any, str] = {int: "int", bool: "bool", float: "float", str: "str"}
# Parameters whose type does not follow from the declaration, by the name errors say.
_EXCEPTIONS = {
    "full": {"size": "ints", "fill_value": "Number"},
    "select": {"index": "int"},
    "unfold": {"size": "int"},
    "index_select": {"index": "Tensor"},
    "roll": {"shifts": "ints1", "dims": "ints1"},
    "flip": {"dims": "ints"},
    "dist": {"p": "Number"},
    "logsumexp": {"dim": "ints1"},
    "nan_to_num": dict.fromkeys(("nan", "posinf", "neginf"), "float"),
    "geometric": {"p": "float"},
    "renorm": {"p": "Number", "maxnorm": "Number"},
    "tensordot": {"dims": "object"},
    "index_put": {"indices": "Tensors"},
}


def _kind(called: str, p: inspect.Parameter, role: str | None, annotation: Any) -> str:
    own = _EXCEPTIONS.get(called.rstrip("_"), {}).get(p.name)
    if own is not None:
        return own
    if role in _ROLES:
        return _ROLES[role]
    members = getattr(annotation, "__args__", (annotation,))
    for kind, word in _ANNOTATED.items():
        if kind in members:
            return "object" if len([m for m in members if m is not type(None)]) > 1 else word
    if p.default is None or isinstance(p.default, tuple):  # a name says too little then
        return "object"
    return _KIND_OF.get(p.name, "object")


def of_one(fn: Callable, called: str, method: bool) -> Form | None:
    """The list of a name that has one, from what is declared; None where it cannot be told."""
    op = getattr(fn, "op", None)
    body = getattr(fn, "body", None) or inspect.unwrap(fn)
    roles = {p.name: p.kind for p in getattr(op, "params", ())}
    optional = {p.name for p in getattr(op, "params", ()) if p.optional}
    try:
        hints = {p.name: p.annotation for p in inspect.signature(body, eval_str=True).parameters.values()}
    except (NameError, TypeError, ValueError):
        hints = {}
    words, keyword = [], False
    for at, p in enumerate(inspect.signature(fn).parameters.values()):
        if method and at == 0:
            continue
        if p.kind is p.VAR_KEYWORD:
            if p.name == "options":
                out = ["Tensor out=None"] if called in ("zeros", "ones", "empty", "full") else []
                words += ([] if keyword else ["*"]) + out + _OPTIONS.split(", ")
                keyword = True
                continue
            if any(word.startswith("ints ") for word in words):  # the shape by name
                continue
            return None
        if p.kind is p.VAR_POSITIONAL:
            words.append(f"ints {p.name}")
            continue
        if p.kind is p.KEYWORD_ONLY and not keyword:
            words.append("*")
            keyword = True
        if p.name == "out":
            tensors = getattr(op, "result_type", None) is not None
            words += [] if method else [f"{'Tensors' if tensors else 'Tensor'} out=None"]
            continue
        kind = (
            "Tensor"
            if at == 0 and p.name in ("input", "self")
            else _kind(called, p, roles.get(p.name), hints.get(p.name))
        )
        kind += "?" if p.name in optional else ""
        words.append(f"{kind} {p.name.rstrip('_')}" + ("" if _required(p) else f"={_default(p.default)}"))
    return form(", ".join(words))


def _required(p: inspect.Parameter) -> bool:
    return p.default is p.empty or type(p.default).__name__ == "_Missing"


def _default(value: Any) -> str:
    return str(value).replace(", ", ",").replace("=", "") or '""'


# Names whose arguments torch reads by hand, in part or in whole.
_UNTOLD = frozenset("new type set_ map_ map2_ apply_ from_numpy".split())


def forms_of(fn: Callable, called: str, method: bool, sure: bool = False) -> Sequence[Form] | None:
    """The lists that torch tries for a call; None where that is not known. `sure`: not where names alone tell types."""
    if called in _UNTOLD:
        return None
    several = of_several(called, method)
    if several is not None:
        return several
    if sure and not hasattr(getattr(fn, "op", None), "params"):
        return None
    one = of_one(fn, called, method)
    return None if one is None else (one,)
