"""What may come next in a program: a function for each kind of line, given what torch's tensors are now."""

from collections.abc import Callable
from typing import Any

import torch

from compat_tests.fuzz import names
from compat_tests.fuzz.choosing import Chooser, chance, one_of
from compat_tests.fuzz.programs import Line, Run

SHAPES = ((), (1,), (3,), (4,), (2, 3), (3, 2), (3, 3), (1, 3), (3, 1), (2, 1, 3), (2, 3, 4), (0,), (0, 3))
DTYPES = ("float32",) * 6 + ("float64",) * 2 + ("int64", "int64", "bool", "int32", "complex64", "float16", "bfloat16")
Maker = Callable[["Scene"], Line | None]


class Scene:
    """The choices of one line, with what is alive."""

    def __init__(self, run: Run, choose: Chooser):
        self.choose = choose
        self.tensors = run.theirs.tensors()
        self.names = list(self.tensors)
        self.fresh = f"t{len(run.lines)}"

    def tensor(self, wanted: Callable[[torch.Tensor], bool] = lambda x: True) -> str | None:
        """The name of a tensor of a kind; None when there is none."""
        found = [name for name in self.names if wanted(self.tensors[name])]
        return one_of(self.choose, found) if found else None

    def one_of(self, among: Any) -> Any:
        return one_of(self.choose, among)

    def chance(self, percent: int) -> bool:
        return chance(self.choose, percent)

    def integer(self, low: int, high: int) -> int:
        return self.choose.integer(low, max(low, high))

    def number(self) -> str:
        return self.one_of(("2", "0.5", "-1.5", "3", "-1", "1.0", "0", "True"))

    def dim(self, x: torch.Tensor) -> int:
        """A dimension, now and then one that is not there."""
        return self.integer(-x.ndim, max(x.ndim - 1, 0)) if self.chance(97) else x.ndim + 1

    def partner(self, x: torch.Tensor) -> str:
        """Another tensor of a shape that goes with it, mostly, or a number."""
        if self.chance(30):
            return self.number()
        fits = [n for n in self.names if broadcasts(self.tensors[n].shape, x.shape)]
        return self.one_of(fits) if fits and self.chance(95) else self.one_of(self.names)

    def line(self, kind: str, name: str, text: str, into: str | None = None) -> Line:
        return Line(kind, name, f"{into or self.fresh} = {text}")


def broadcasts(a: tuple, b: tuple) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


def is_float(x: torch.Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()


def is_asking_leaf(x: torch.Tensor) -> bool:
    """A leaf that requires grad. A view made under no_grad cannot be asked after a write to its base."""
    try:
        return x.requires_grad and x.is_leaf
    except RuntimeError:
        return False


def creation(s: Scene) -> Line:
    shape, dtype = s.one_of(SHAPES), s.one_of(DTYPES)
    size, kind = ", ".join(map(str, shape)), f"dtype=torch.{dtype}"
    grad = ", requires_grad=True" if dtype.startswith(("float", "bfloat", "complex")) and s.chance(50) else ""
    name = s.one_of(names.CREATION)
    if name == "tensor":
        count = torch.Size(shape).numel()
        values = [s.integer(-4, 4) / s.one_of((1, 2)) for _ in range(count)]
        if dtype.startswith("int"):
            values = [int(v) for v in values]
        return s.line("creation", name, f"torch.tensor({values}, {kind}{grad and ''}).reshape({list(shape)})")
    text = {
        "arange": f"torch.arange({s.integer(0, 6)}, {s.integer(6, 9)}, dtype=torch.{dtype}{grad})",
        "eye": f"torch.eye({s.integer(1, 3)}, {kind}{grad})",
        "full": f"torch.full({shape}, {s.number()}, {kind}{grad})",
        "linspace": f"torch.linspace(-1, {s.integer(1, 3)}, {s.integer(1, 4)}{grad})",
        "randint": f"torch.randint(0, 5, {shape}, {kind}{grad})",
        "randperm": f"torch.randperm({s.integer(1, 5)})",
        "from_numpy": f"torch.from_numpy(np.arange({s.integer(1, 6)}.0))",
        "Parameter": f"torch.nn.Parameter(torch.ones({list(shape)}) * {s.number()})",
    }.get(name, f"torch.{name}({size + ', ' if size else '(), '}{kind}{grad})")
    return s.line("creation", name, text)


def like(s: Scene) -> Line | None:
    x = s.tensor()
    name = s.one_of(names.LIKE)
    if x is None:
        return None
    text = {"full_like": f"torch.full_like({x}, {s.number()})", "new_full": f"{x}.new_full((2, 3), {s.number()})",
            "new_zeros": f"{x}.new_zeros((3,))", "new_ones": f"{x}.new_ones(3, 2)",
            "new_tensor": f"{x}.new_tensor([1, 2, 3])"}.get(name, f"torch.{name}({x})")  # fmt: skip
    return s.line("creation", name, text)


def unary(s: Scene) -> Line | None:
    x = s.tensor()
    name = s.one_of(names.UNARY)
    return x and s.line("unary", name, s.one_of((f"torch.{name}({x})", f"{x}.{name}()")))


def binary(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    other = s.partner(s.tensors[x])
    if s.chance(50):
        sign = s.one_of(names.OPERATORS)
        left, right = (x, other) if s.chance(80) else (other, x)
        return s.line("arithmetic", f"operator {sign}", f"{left} {sign} {right}")
    name = s.one_of(names.BINARY)
    return s.line("arithmetic", name, s.one_of((f"torch.{name}({x}, {other})", f"{x}.{name}({other})")))


def view(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    t = s.tensors[x]
    name = s.one_of(names.VIEWS)
    d, e, n = s.dim(t), s.dim(t), t.numel()
    size = list(t.shape)
    length = size[d] if t.ndim and -t.ndim <= d < t.ndim else 1
    start = s.integer(0, max(length - 1, 0))
    arguments: dict[str, str] = {
        "view": s.one_of(("-1", f"{n}", "-1, 3", "3, -1", "1, -1", "2, -1")),
        "reshape": s.one_of(("-1", "-1, 3", "3, -1", "1, -1", "-1, 2")),
        "transpose": f"{d}, {e}", "swapaxes": f"{d}, {e}", "swapdims": f"{d}, {e}", "movedim": f"{d}, {e}",
        "moveaxis": f"{d}, {e}",
        "permute": ", ".join(map(str, reversed(range(t.ndim)))) or "()",
        "squeeze": s.one_of(("", f"{d}")), "unsqueeze": f"{s.integer(-t.ndim - 1, t.ndim)}",
        "expand": ", ".join(str(k if k != 1 else s.one_of((1, 3))) for k in (2, *size)) or "3",
        "expand_as": f"{s.one_of(s.names)}", "broadcast_to": f"{[2, *size]}", "view_as": f"{s.one_of(s.names)}",
        "reshape_as": f"{s.one_of(s.names)}",
        "narrow": f"{d}, {start}, {s.integer(0, length - start)}", "select": f"{d}, {s.integer(-length, length - 1)}",
        "diagonal": s.one_of(("", "1", "-1")), "unfold": f"{d}, {s.integer(1, 2)}, {s.integer(1, 2)}",
        "flatten": s.one_of(("", f"{d}")), "unflatten": f"{d}, (-1, {s.one_of((1, length or 1))})",
        "as_strided": s.one_of(("(2,), (1,)", "(2, 2), (1, 1)", "(1,), (1,), 1")),
        "chunk": f"2, {d}", "split": f"{s.integer(1, 2)}, {d}", "tensor_split": f"2, {d}", "unbind": f"{d}",
        "hsplit": "1", "vsplit": "1", "dsplit": "1", "split_with_sizes": f"[{start}, {length - start}], {d}",
        "unsafe_split": f"{s.integer(1, 2)}, {d}", "narrow_copy": f"{d}, {start}, {s.integer(0, length - start)}",
        "diagonal_scatter": f"{x}.diagonal()", "select_scatter": f"{x}.select({d}, 0), {d}, 0",
        "slice_scatter": f"{x}, {d}", "repeat": "2, 1, 1"[: 3 * max(t.ndim, 1) - 2], "flip": f"{d}", "roll": f"1, {d}",
        "tile": "2", "repeat_interleave": f"2, {d}", "rot90": "", "view_dtype": "",
    }  # fmt: skip
    if name == "view_dtype":
        return s.line("view", "view(dtype)", f"{x}.view(torch.{s.one_of(('int32', 'float32', 'int64'))})")
    if name == "swap":
        return s.line("view", "chain of views", f"{x}.unsqueeze(0).transpose(0, {d}).squeeze()")
    if name == "take_diagonal":
        return s.line("view", "view of a view", f"{x}[None].diagonal(0, 0, -1)")
    if name in ("T", "mT", "H", "mH", "real", "imag", "data"):
        return s.line("view", name, f"{x}.{name}")
    several = name in names.SEVERAL
    return s.line(
        "view", name, f"{x}.{name}({arguments.get(name, '')})" + (f"[{s.one_of((0, -1))}]" if several else "")
    )


def index_item(s: Scene, size: int, rest: tuple) -> tuple[str, str, int]:
    """One item of an index: its text, its kind, and how many dimensions it takes."""
    form = s.integer(0, 24)
    whole = s.integer(-size, max(size - 1, 0))
    several = [s.integer(-size, max(size - 1, 0)) for _ in range(2)]
    if form <= 7:
        return s.one_of((":", "1:", ":-1", "::2", "0:1", "-2:", f"0:{size}", "2:1")), "basic", 1
    if form <= 11:
        return str(whole), "basic", 1
    if form <= 13:
        return "None", "basic", 0
    if form == 14:
        return "...", "basic", 0
    if form == 15:
        return s.one_of(("True", "False", "torch.tensor(True)")), "a bool", 0
    if form == 16:
        return f"np.array({several})", "arrays", 1
    if form == 17:
        return f"range({max(size - 1, 0)})", "a range", 1
    if form == 18:
        return f"torch.tensor({max(whole, 0)})", "0-dim tensors", 1
    if form == 19:
        return f"torch.tensor({[several, several]})", "tensors of rank 2", 1
    if form == 20:
        return s.one_of(("::-1", "1.5", "'a'", f"{size + 1}", "[0.5]", "torch.tensor(0.5)")), "mistakes", 1
    if form == 21 and rest:
        mask = [[s.chance(60) for _ in range(rest[0])] for _ in range(size)]
        return f"torch.tensor({mask}, dtype=torch.bool).reshape({size}, {rest[0]})", "masks of rank 2", 2
    if form == 22:
        return str([s.chance(60) for _ in range(size)]), "lists of bools", 1
    if form == 23:
        return str(several), "lists", 1
    if form == 24:
        return f"torch.tensor({several})", "tensors", 1
    return f"torch.tensor({[s.chance(60) for _ in range(size)]}, dtype=torch.bool)", "masks", 1


def index_text(s: Scene, t: torch.Tensor) -> tuple[str, str]:
    """An index for a tensor and its kind."""
    items, kind, dim = [], "basic", 0
    wanted = s.integer(1, max(t.ndim, 1)) if s.chance(97) else t.ndim + 1
    while len(items) < wanted and dim <= t.ndim:
        text, found, taken = index_item(s, t.shape[dim] if dim < t.ndim else 1, t.shape[dim + 1 :])
        items.append(text)
        kind = found if kind == "basic" or found == kind else "a mixture" if found != "basic" else kind
        dim += taken
    return ", ".join(items) or "...", kind


def get_item(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    if s.chance(15):
        return s.line("index", "getitem by comparison", f"{x}[{x} > 0]")
    text, kind = index_text(s, s.tensors[x])
    return s.line("index", f"getitem by {kind}", f"{x}[{text}]")


def set_item(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    value = s.number() if s.chance(60) else s.one_of(s.names)
    if s.chance(15):
        return Line("assignment", "setitem by comparison", f"{x}[{x} > 0] = {value}")
    text, kind = index_text(s, s.tensors[x])
    sign = "=" if s.chance(70) else s.one_of(("+=", "*=", "-="))
    return Line("assignment", f"setitem by {kind} {sign}", f"{x}[{text}] {sign} {value}")


def in_place(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    t = s.tensors[x]
    form = s.integer(0, 3)
    if form == 0:
        name = s.one_of(names.UNARY) + "_"
        return Line("in-place", name, f"{x}.{name}()") if hasattr(t, name) else None
    if form == 1:
        sign = s.one_of(names.AUGMENTED)
        return Line("in-place", f"operator {sign}", f"{x} {sign} {s.partner(t)}")
    if form == 2:
        name = s.one_of(names.BINARY) + "_"
        return Line("in-place", name, f"{x}.{name}({s.partner(t)})") if hasattr(t, name) else None
    name, arguments = s.one_of(names.IN_PLACE)
    return Line("in-place", name, f"{x}.{name}({arguments.format(d=s.dim(t), n=s.number(), x=x, o=s.one_of(s.names))})")


def reduction(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    name = s.one_of(names.REDUCTIONS)
    if name in names.OF_ALL or (s.chance(50) and name not in names.WITH_DIM):
        return s.line("reduction", name, f"{x}.{name}()")
    keep = ", keepdim=True" if name in names.KEEPING and s.chance(40) else ""
    dim = "dim=" if name in ("aminmax", "unique") else ""
    found = f"{x}.{name}({dim}{s.dim(s.tensors[x])}{keep})"
    return s.line("reduction", name, found + ("[0]" if name in names.WITH_INDICES else ""))


def joining(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    t = s.tensors[x]
    same = [n for n in s.names if s.tensors[n].shape == t.shape]
    other = s.one_of(same) if s.chance(95) else s.one_of(s.names)
    name, text = s.one_of(names.JOINING)
    return s.line("joining", name, text.format(x=x, o=other, d=s.dim(t)))


def function(s: Scene) -> Line | None:
    x = s.tensor(lambda t: t.is_floating_point() and t.ndim > 0) if s.chance(95) else s.tensor()
    if x is None:
        return None
    name, text = s.one_of(names.FUNCTIONS)
    if name == "layer_norm" and s.tensors[x].shape[-1:] == (1,):  # whose zeros are made by rounding, or are not
        return None
    return s.line("function", name, text.format(x=x, d=s.dim(s.tensors[x])))


def matrix(s: Scene) -> Line | None:
    x = s.tensor(lambda t: t.ndim == 2)
    if x is None:
        return None
    t = s.tensors[x]
    fits = [n for n in s.names if s.tensors[n].ndim == 2 and s.tensors[n].shape[0] == t.shape[1]
            and s.tensors[n].dtype == t.dtype]  # fmt: skip
    if fits and s.chance(60):
        name, text = s.one_of(names.PRODUCTS)
        return s.line("matrix", name, text.format(x=x, o=s.one_of(fits)))
    name, text = s.one_of(names.MATRIX)
    return s.line("matrix", name, text.format(x=x))


def conversion(s: Scene) -> Line | None:
    x = s.tensor()
    name, text = s.one_of(names.CONVERSIONS)
    return x and s.line("conversion", name, text.format(x=x, dtype=s.one_of(DTYPES), o=s.one_of(s.names)))


def control(s: Scene) -> Line | None:
    x = s.tensor(lambda t: t.numel() > 0)
    if x is None:
        return None
    name, text = s.one_of(names.CONTROL)
    return Line("control flow", name, text.format(x=x, new=s.fresh))


def backward(s: Scene) -> Line | None:
    x = s.tensor(lambda t: t.requires_grad and is_float(t)) if s.chance(95) else s.tensor()
    leaf = s.tensor(is_asking_leaf) or x
    if x is None:
        return None
    name, text = s.one_of(names.BACKWARD)
    return Line("backward", name, text.format(x=x, leaf=leaf, new=s.fresh))


def hook(s: Scene) -> Line | None:
    x = s.tensor(lambda t: t.requires_grad) if s.chance(95) else s.tensor()
    name, text = s.one_of(names.HOOKS)
    return x and Line("hook", name, text.format(x=x, new=s.fresh))


def mode(s: Scene) -> Line | None:
    x = s.tensor()
    if x is None:
        return None
    name, text = s.one_of(names.MODES)
    return Line("mode", name, text.format(x=x, new=s.fresh, o=s.partner(s.tensors[x])))


def copying(s: Scene) -> Line | None:
    x = s.tensor()
    name, text = s.one_of(names.COPIES)
    return x and Line("copy", name, text.format(x=x, new=s.fresh))


def numpy_sharing(s: Scene) -> Line | None:
    x = s.tensor(lambda t: str(t.dtype) != "torch.bfloat16")
    name, text = s.one_of(names.NUMPY)
    return x and Line("NumPy", name, text.format(x=x, new=s.fresh))


def flag(s: Scene) -> Line | None:
    x = s.tensor()
    name, text = s.one_of(names.FLAGS)
    if x and name == "resize_" and s.tensors[x].untyped_storage().nbytes() < 4 * s.tensors[x].itemsize:
        text += ".zero_()"  # what a storage grows by holds what lay there
    return x and Line("flag", name, text.format(x=x, new=s.fresh, o=s.one_of(s.names)))


# Each kind with how often it comes.
KINDS: dict[Maker, int] = {
    creation: 10, like: 3, unary: 12, binary: 16, view: 16, get_item: 7, set_item: 8, in_place: 14, reduction: 8,
    joining: 4, function: 8, matrix: 5, conversion: 5, control: 4, backward: 9, hook: 3, mode: 5, copying: 3,
    numpy_sharing: 3, flag: 4,
}  # fmt: skip
_SPREAD = [maker for maker, often in KINDS.items() for _ in range(often)]


def next_line(run: Run, choose: Chooser) -> Line:
    """A line that may come next; a creation where the chosen kind finds no tensor."""
    scene = Scene(run, choose)
    if len(scene.names) < 2:
        return creation(scene)
    return one_of(choose, _SPREAD)(scene) or creation(scene)
