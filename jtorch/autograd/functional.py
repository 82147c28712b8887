"""torch.autograd.functional: Jacobians, Hessians and their products with vectors, of functions of tensors.

https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api

Without `vectorize=True` the rows of a Jacobian are recorded one after the other, and run as one program either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jtorch._engine.tape import forward_mode
from jtorch._ops.creation import eye, zeros_like
from jtorch._ops.joining import stack
from jtorch._tensor import Tensor
from jtorch.autograd import forward_ad
from jtorch.autograd.engine import grad
from jtorch.autograd.modes import enable_grad

_LINEAR = (
    "This is not allowed in strict mode. You should ensure that your function is twice differentiable and that the "
    "jacobian depends on the inputs (this would be violated by a linear function for example)."
)


def _listed(value: Any, name: str, function: str) -> tuple[bool, tuple]:
    """A tensor or a tuple of tensors as a tuple, and which it was."""
    if isinstance(value, Tensor):
        return False, (value,)
    words = f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but the"
    if not isinstance(value, tuple):
        raise TypeError(f"{words} given {name} has type {type(value)}.")
    for i, x in enumerate(value):
        if not isinstance(x, Tensor):
            raise TypeError(f"{words} value at index {i} has type {type(x)}.")
    return True, value


def _like(value: Sequence, is_tuple: bool) -> Any:
    return tuple(value) if is_tuple else value[0]


def _fresh(inputs: Sequence[Tensor], create_graph: bool) -> tuple:
    """The inputs as tensors of their own: with their history if the graph goes on, else as leaves."""
    return tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs)


def _left(value: Any, create_graph: bool) -> Any:
    """A result as the user gets it."""
    if isinstance(value, tuple):
        return tuple(_left(x, create_graph) for x in value)
    return value if create_graph else value.detach()


def _outputs(func: Callable, inputs: tuple, function: str, strict: bool) -> tuple[bool, tuple]:
    is_tuple, outputs = _listed(func(*inputs), "outputs of the user-provided function", function)
    for i, out in enumerate(outputs):
        if strict and not out.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in "
                "a differentiable manner from the input when running in strict mode."
            )
    return is_tuple, outputs


def _single(func: Callable, inputs: tuple, function: str, strict: bool) -> tuple:
    """What a function of one number returns."""
    is_tuple, outputs = _outputs(func, inputs, function, strict)
    if is_tuple:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].nelement() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return outputs


def _gradients(outputs: Sequence, inputs: Sequence, vectors: Sequence | None, create_graph: bool) -> tuple:
    """Gradients of what requires them; None where nothing flows."""
    given = [None] * len(outputs) if vectors is None else vectors
    pairs = [(o, v) for o, v in zip(outputs, given, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad(
        [o for o, _ in pairs], inputs, [v for _, v in pairs], retain_graph=True, create_graph=create_graph,
        allow_unused=True,
    )  # fmt: skip


def _filled(found: Sequence, like: Sequence[Tensor], strict: bool, create_graph: bool, words: tuple[str, str]) -> tuple:
    """Zeros for missing gradients; in strict mode an error: `words` for a missing one, and for one without a graph."""
    for i, g in enumerate(found):
        if strict and g is None:
            raise RuntimeError(words[0].format(i))
        if strict and create_graph and not g.requires_grad:
            raise RuntimeError(words[1].format(i))
    return tuple(zeros_like(x) if g is None else g for g, x in zip(found, like, strict=True))


_BACK = (
    "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode when "
    "create_graph=True.",
)
_BACK_TRICK = (
    "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the double "
    "backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    _BACK[1],
)
_DOUBLE = (
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "The hessian of the user-provided function is independent of input {}. This is not allowed in strict mode when "
    "create_graph=True.",
)
_DOUBLE_TRICK = (
    "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. This is not allowed in "
    "strict mode as it prevents from using the double backward trick to replace forward mode AD.",
    _DOUBLE[1],
)


def _vectors(v: Any, like: tuple, is_tuple: bool, function: str, source: str) -> tuple:
    """The vector of a product, one tensor for each of `like`; ones of a single number when it is not given."""
    if v is None:
        if is_tuple or like[0].nelement() != 1:
            raise RuntimeError(f"The vector v can only be None if {source} a single Tensor with a single element.")
        return (zeros_like(like[0]) + 1,)
    _, v = _listed(v, "v", function)
    v = tuple(x.detach() if not x.requires_grad else x for x in v)
    if len(v) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (x, other) in enumerate(zip(v, like, strict=True)):
        if x.shape != other.shape:
            entry = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {other.shape} but got {x.shape}.")
    return v


def _pushed(
    outputs: tuple, inputs: tuple, like: tuple, v: tuple, create_graph: bool, strict: bool, words: tuple[str, str],
    trick: tuple[str, str],
) -> tuple:  # fmt: skip
    """The product of the Jacobian of `outputs`, in tensors `like` these, with `v`.

    A backward is linear in what it is given, and its gradient there is this product: the double backward trick.
    """
    dummies = tuple(zeros_like(x).requires_grad_() for x in like)
    back = _gradients(outputs, inputs, dummies, True)
    if strict:
        _filled(back, inputs, True, False, words)
    return _filled(_gradients(back, dummies, v, create_graph), like, strict, create_graph, trick)


_OF_OUTPUT = "the user-provided function returns"
_OF_INPUT = "the input to the user-provided function is"


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """`func(*inputs)` and the product of `v` with its Jacobian.

    >>> import jtorch as torch
    >>> torch.autograd.functional.vjp(torch.exp, torch.zeros(2), torch.ones(2))
    (tensor([1., 1.]), tensor([1., 1.]))
    """
    with enable_grad():
        many, inputs = _listed(inputs, "inputs", "vjp")
        inputs = _fresh(inputs, create_graph)
        several, outputs = _outputs(func, inputs, "vjp", strict)
        v = _vectors(v, outputs, several, "vjp", _OF_OUTPUT)
        found = _filled(_gradients(outputs, inputs, v, create_graph), inputs, strict, create_graph, _BACK)
    return _left(_like(outputs, several), create_graph), _left(_like(found, many), create_graph)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """`func(*inputs)` and the product of its Jacobian with `v`, by two backwards.

    >>> import jtorch as torch
    >>> torch.autograd.functional.jvp(torch.exp, torch.zeros(2), torch.ones(2))
    (tensor([1., 1.]), tensor([1., 1.]))
    """
    with enable_grad():
        many, inputs = _listed(inputs, "inputs", "jvp")
        v = _vectors(v, inputs, many, "jvp", _OF_INPUT)
        inputs = _fresh(inputs, create_graph)
        several, outputs = _outputs(func, inputs, "jvp", strict)
        found = _pushed(outputs, inputs, outputs, v, create_graph, strict, _BACK, _BACK_TRICK)
    return _left(_like(outputs, several), create_graph), _left(_like(found, several), create_graph)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The number `func(*inputs)` and the product of `v` with its Hessian.

    >>> import jtorch as torch
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), torch.ones(2), torch.ones(2))
    (tensor(2.), tensor([6., 6.]))
    """
    with enable_grad():
        many, inputs = _listed(inputs, "inputs", "vhp")
        v = _vectors(v, inputs, many, "vhp", _OF_INPUT)
        inputs = _fresh(inputs, create_graph)
        outputs = _single(func, inputs, "vhp", strict)
        slopes = _slopes(outputs, inputs, strict)
        found = _filled(_gradients(slopes, inputs, v, create_graph), inputs, strict, create_graph, _DOUBLE)
    return _left(outputs[0], create_graph), _left(_like(found, many), create_graph)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The number `func(*inputs)` and the product of its Hessian with `v`, by three backwards.

    >>> import jtorch as torch
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), torch.ones(2), torch.ones(2))
    (tensor(2.), tensor([6., 6.]))
    """
    with enable_grad():
        many, inputs = _listed(inputs, "inputs", "hvp")
        v = _vectors(v, inputs, many, "hvp", _OF_INPUT)
        inputs = _fresh(inputs, create_graph)
        outputs = _single(func, inputs, "hvp", strict)
        slopes = _slopes(outputs, inputs, strict)
        found = _pushed(slopes, inputs, inputs, v, create_graph, strict, _DOUBLE, _DOUBLE_TRICK)
    return _left(outputs[0], create_graph), _left(_like(found, many), create_graph)


def _slopes(outputs: tuple, inputs: tuple, strict: bool) -> tuple:
    """First derivatives with a graph; in strict mode they must depend on the inputs."""
    slopes = _gradients(outputs, inputs, None, True)
    slopes = _filled(slopes, inputs, strict, False, _BACK)
    _check_slopes(slopes, strict)
    return slopes


def _check_slopes(slopes: Sequence[Tensor], strict: bool) -> None:
    for i, g in enumerate(slopes):
        if strict and not g.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided function with respect to "
                f"input {i} is independent of the input. {_LINEAR}"
            )


def jacobian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func`, of shape `(*output, *input)`; nested tuples where there are several of either.

    >>> import jtorch as torch
    >>> torch.autograd.functional.jacobian(torch.square, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    assert strategy in ("forward-mode", "reverse-mode"), (
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
        'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
    )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not '
                'supported together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
            )
        if strict:
            raise RuntimeError(
                'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
                "only implemented for `vectorize=True`."
            )
        return _forward_jacobian(func, inputs)
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )
    with enable_grad():
        many, inputs = _listed(inputs, "inputs", "jacobian")
        inputs = _fresh(inputs, create_graph)
        several, outputs = _outputs(func, inputs, "jacobian", strict)
        found = []
        for i, out in enumerate(outputs):
            if vectorize and out.nelement() and out.requires_grad:
                found.append(_like(_rows_at_once(out, inputs, create_graph), many))
                continue
            flat = out.reshape(-1)
            rows = [_row(flat[j], i, inputs, create_graph, strict) for j in range(out.nelement())]
            blocks = [
                stack(column).view(*out.shape, *x.shape) if rows else x.new_zeros((*out.shape, *x.shape))
                for x, column in zip(inputs, zip(*rows, strict=True) if rows else [()] * len(inputs), strict=True)
            ]
            found.append(_like(blocks, many))
    return _left(_like(found, several), create_graph)


def _rows_at_once(out: Tensor, inputs: tuple, create_graph: bool) -> list:
    """The gradients of all elements of an output, for each input."""
    n = out.nelement()
    units = eye(n, dtype=out.dtype, device=out.device).view(n, *out.shape)
    found = grad(out, inputs, units, True, create_graph, allow_unused=True, is_grads_batched=True)
    shapes = [(*out.shape, *x.shape) for x in inputs]
    return [x.new_zeros(s) if g is None else g.view(s) for x, s, g in zip(inputs, shapes, found, strict=True)]


def _row(entry: Tensor, index: int, inputs: tuple, create_graph: bool, strict: bool) -> tuple:
    """The gradient of one element of an output."""
    words = (
        f"Output {index} of the user-provided function is independent of input {{}}. This is not allowed in strict "
        "mode.",
        _BACK[1],
    )
    return _filled(_gradients((entry,), inputs, None, create_graph), inputs, strict, create_graph, words)


def _forward_jacobian(func: Callable, inputs: Any) -> Any:
    """The Jacobian by columns: one tangent for each element of the inputs. Lists for tuples."""
    if forward_mode.level >= 0:
        raise NotImplementedError(
            "jtorch: forward-mode levels do not nest; compute the inner Jacobian with strategy='reverse-mode'"
        )
    many, inputs = _listed(inputs, "inputs", "jacobian")
    several, columns = False, []
    with enable_grad(), forward_ad.dual_level():
        for place, x in enumerate(inputs):
            found: list[tuple] = []
            for j in range(x.nelement()):
                tangent = zeros_like(x)
                tangent.view(-1)[j] = 1
                given = [forward_ad.make_dual(y, tangent if i == place else zeros_like(y))
                         for i, y in enumerate(inputs)]  # fmt: skip
                several, outputs = _listed(func(*given), "outputs of the user-provided function", "jacobian")
                found.append(tuple(map(_tangent, outputs)))
            columns.append([stack(part, -1).view(*part[0].shape, *x.shape) for part in zip(*found, strict=True)])
    if not many:
        return _like(columns[0], several)
    blocks = [list(parts) for parts in zip(*columns, strict=True)]
    return blocks if several else blocks[0]  # torch has lists here, and the graph of a function that has one


def _tangent(out: Tensor) -> Tensor:
    found = forward_ad.unpack_dual(out)
    return zeros_like(found.primal) if found.tangent is None else found.tangent


def hessian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one number; nested tuples for several inputs.

    >>> import jtorch as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    assert outer_jacobian_strategy in ("forward-mode", "reverse-mode"), (
        'Expected strategy to be either "forward-mode" or "reverse-mode".'
    )
    many, inputs = _listed(inputs, "inputs", "hessian")
    forward = outer_jacobian_strategy == "forward-mode"

    def slopes(*given: Tensor) -> tuple:
        if forward:
            given = tuple(x.requires_grad_() for x in given)
        mine = _fresh(given, True)
        found = _gradients(_single(func, mine, "hessian", strict), mine, None, True)
        found = _filled(found, mine, strict, False, _BACK)
        _check_slopes(found, strict)
        return found

    found = jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if many else found[0][0]


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
