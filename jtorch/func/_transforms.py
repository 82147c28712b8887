"""Derivatives as functions: `torch.func.grad`, `vjp`, `jvp`, `jacrev`, `jacfwd`, `hessian`, `linearize`.

They stand on the same graph as `backward`. The arguments a function is differentiated by become tensors of their own:
leaves, or views of tensors that another transform or the user differentiates by. Results keep a graph only where it
leads to such a tensor; so transforms nest, and what is left outermost is plain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jtorch import _root as torch
from jtorch._engine.backward import AccumulateGrad
from jtorch._engine.forward import carry
from jtorch._engine.reach import nodes_behind
from jtorch._engine.tape import forward_mode, threads
from jtorch._types import autograd_errors
from jtorch.autograd import forward_ad
from jtorch.autograd import grad as gradients_of
from jtorch.func._trees import leaves_of, rebuilt
from jtorch.func._vmap import vmap


def _tensors(tree: Any) -> list:
    """The leaves of an argument to differentiate by."""
    found = leaves_of(tree)
    for x in found:
        if not isinstance(x, torch.Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
    return found


def _fresh(tree: Any) -> Any:
    """The same nest of tensors to differentiate by."""
    with torch.enable_grad():
        return rebuilt(tree, iter(list(map(_own, _tensors(tree)))))


def _leaf(x: Any) -> Any:
    """A tensor that nobody else has, told to require grad: under vmap users may not."""
    rows = threads.tape.rows
    if rows is None:
        return x.requires_grad_()
    x._requires_grad = True
    rows.own_leaf(x)
    return x


def _own(x: Any) -> Any:
    if x.requires_grad:
        return x.view_as(x)
    leaf = _leaf(x.detach())
    if x._tangent is not None:
        carry(leaf, x._tangent)
    return leaf


def _cut(x: Any) -> Any:
    """The same data outside the graph, and so its tangent."""
    found = x.detach()
    if x._tangent is not None:
        carry(found, x._tangent.detach())
    return found


def _leads_out(results: Iterable, own: Sequence) -> bool:
    """Whether the graph of results leads to a leaf that is not one of `own`."""
    mine = {id(x) for x in own}
    nodes = [x.grad_fn for x in results if isinstance(x, torch.Tensor) and x.grad_fn is not None]
    leaves = [x for x in results if isinstance(x, torch.Tensor) and x.requires_grad and x.grad_fn is None]
    if any(id(x) not in mine for x in leaves):
        return True
    return any(isinstance(n, AccumulateGrad) and id(n.variable) not in mine for n in nodes_behind(nodes))


def _outside(tree: Any, own: Sequence) -> Any:
    """Results as the caller gets them: with their graph if that leads out of the transform."""
    found = leaves_of(tree)
    tangents = [x._tangent for x in found if isinstance(x, torch.Tensor)]
    if torch.is_grad_enabled() and _leads_out([*found, *tangents], own):
        return tree
    return rebuilt(tree, iter([_cut(x) if isinstance(x, torch.Tensor) else x for x in found]))


def _chosen(argnums: Any, args: tuple) -> tuple[int, ...]:
    places = argnums if isinstance(argnums, tuple) else (argnums,)
    if not places:
        raise RuntimeError("argnums must be non-empty")
    for place in places:
        if not isinstance(place, int):
            raise RuntimeError(f"argnums must be int, got: {type(place)}")
        if not -len(args) <= place < len(args):
            raise RuntimeError(f"Got argnum={place}, but only {len(args)} positional inputs")
    return tuple(place % len(args) for place in places)


def _with(args: tuple, places: Sequence[int], new: Sequence) -> tuple:
    found = list(args)
    for place, x in zip(places, new, strict=True):
        found[place] = x
    return tuple(found)


def _backward(outputs: Sequence, inputs: Sequence, vectors: Sequence, create_graph: bool) -> list:
    """Gradients with zeros for what nothing flows to."""
    pairs = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o.requires_grad]
    if not pairs:
        return [torch.zeros_like(x) for x in inputs]
    found = gradients_of(
        [o for o, _ in pairs], inputs, [v for _, v in pairs], retain_graph=True, create_graph=create_graph,
        materialize_grads=True,
    )  # fmt: skip
    return list(found)


def grad(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """The gradient of a function of one number by its arguments `argnums`.

    >>> import jtorch as torch
    >>> torch.func.grad(torch.func.grad(torch.sin))(torch.tensor(0.5))
    tensor(-0.4794)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """The gradient of a function of one number, and the number; with `has_aux` the function returns more beside it.

    >>> import jtorch as torch
    >>> torch.func.grad_and_value(lambda x: (x**2).sum())(torch.ones(2))
    (tensor([2., 2.]), tensor(2.))
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        places = _chosen(argnums, args)
        given = [_fresh(args[place]) for place in places]
        own = [x for tree in given for x in leaves_of(tree)]
        with torch.enable_grad():
            out = func(*_with(args, places, given), **kwargs)
        aux = None
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(
                    "grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            out, aux = out
        _check_number(out)
        going_on = torch.is_grad_enabled() and _leads_out([out], [x for x in own if x.grad_fn is None])
        found = iter(_backward([out], own, [torch.ones_like(out)], going_on))
        trees = tuple(rebuilt(tree, found) for tree in given)
        result = trees if isinstance(argnums, tuple) else trees[0]
        result, out, aux = _outside((result, out, aux), own)
        return result, ((out, aux) if has_aux else out)

    return gradient


def _check_number(out: Any) -> None:
    if not isinstance(out, torch.Tensor):
        raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(out)}")
    if out.dim() != 0:
        raise RuntimeError(
            f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with {out.dim()} dims. "
            "Maybe you wanted to use the vjp or jacrev APIs instead?"
        )
    if out.is_complex():
        raise autograd_errors.grad_real_only(str(out.dtype))


def _only_tensors(tree: Any, call: str) -> list:
    found = leaves_of(tree)
    for x in found:
        if not isinstance(x, torch.Tensor):
            raise RuntimeError(f"{call} to return only tensors, got unsupported type {type(x)}")
    return found


def _split(out: Any, has_aux: bool, call: str) -> tuple[Any, Any]:
    if not has_aux:
        return out, None
    if not (isinstance(out, tuple) and len(out) == 2):
        raise RuntimeError(f"{call}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return out


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """`func(*primals)` and a function from cotangents, nested as that is, to a tuple of gradients.

    >>> import jtorch as torch
    >>> out, pullback = torch.func.vjp(torch.sin, torch.zeros(2))
    >>> pullback(torch.ones(2))
    (tensor([1., 1.]),)
    """
    given = _fresh(primals)
    own = leaves_of(given)
    with torch.enable_grad():
        out, aux = _split(func(*given), has_aux, "vjp(f, *primals)")
    results = _only_tensors(out, "vjp(f, *primals): expected f(*primals)")

    def pullback(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
        vectors = leaves_of(cotangents)
        if len(vectors) != len(results):
            raise RuntimeError(
                "vjp_fn(*cotangents): Expected pytree structure of cotangents to be the same as pytree structure of "
                "outputs to the function."
            )
        going_on = torch.is_grad_enabled() and _leads_out([*results, *vectors], [x for x in own if x.grad_fn is None])
        found = _backward(results, own, vectors, going_on)
        return _outside(rebuilt(given, iter(found)), own)

    shown, more = _outside((out, aux), own)
    return (shown, pullback, more) if has_aux else (shown, pullback)


def _pushed(results: Sequence, own: list, tangents: Sequence) -> list:
    """The Jacobian times tangents by two backwards, where forward mode is taken already. `own` gains its leaves."""
    dummies = [_leaf(torch.zeros_like(o)) for o in results]
    own += dummies
    back = _backward(results, own[: -len(dummies)], dummies, True)
    found = _backward(back, dummies, tangents, True)
    return [torch.zeros_like(o) if g is None else g for g, o in zip(found, results, strict=True)]


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """`func(*primals)` and its derivative along `tangents`, nested as the primals are.

    >>> import jtorch as torch
    >>> torch.func.jvp(torch.sin, (torch.zeros(2),), (torch.ones(2),))
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    values, steps = _tensors(primals), _tensors(tangents)
    if len(values) != len(steps):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For example, "
            "if primals is a tuple of 3 tensors, tangents also must be."
        )
    call = "jvp(f, primals, tangents): Expected f(*primals)"
    if forward_mode.level >= 0:
        given = _fresh(primals)
        own = leaves_of(given)
        with torch.enable_grad():
            out, aux = _split(func(*given), has_aux, "jvp")
            results = _only_tensors(out, call)
            found = rebuilt(out, iter(_pushed(results, own, steps)))
        out, found, aux = _outside((out, found, aux), own)
    else:
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(x, t) for x, t in zip(values, steps, strict=True)]
            out, aux = _split(func(*rebuilt(primals, iter(duals))), has_aux, "jvp")
            parts = [forward_ad.unpack_dual(x) for x in _only_tensors(out, call)]
            moved = [torch.zeros_like(p.primal) if p.tangent is None else p.tangent for p in parts]
            found = rebuilt(out, iter(moved))
            out = rebuilt(out, iter([p.primal for p in parts]))
    return (out, found, aux) if has_aux else (out, found)


def linearize(func: Callable, *primals: Any) -> tuple:
    """`func(*primals)` and the function from tangents to the derivative along them.

    >>> import jtorch as torch
    >>> out, push = torch.func.linearize(torch.sin, torch.zeros(2))
    >>> push(torch.ones(2))
    tensor([1., 1.])
    """

    def push(*tangents: Any) -> Any:
        return jvp(func, primals, tangents)[1]

    return func(*primals), push


def _units(x: Any) -> Any:
    """For each element of a tensor one of its shape that is 1 there."""
    n = x.numel()
    return torch.eye(n, dtype=x.dtype, device=x.device).view(n, *x.shape)


def _at(place: int, vector: Any, like: Sequence) -> list:
    """A vector at one place, zeros at the others."""
    return [vector if i == place else torch.zeros_like(x) for i, x in enumerate(like)]


def jacrev(
    func: Callable,
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:
    """The Jacobian of a function by its arguments `argnums`, by rows: nested as its results, then as its arguments.

    >>> import jtorch as torch
    >>> torch.func.jacrev(torch.square)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        places = _chosen(argnums, args)

        def of_chosen(*given: Any) -> Any:
            return func(*_with(args, places, given), **kwargs)

        out, pullback, *aux = vjp(of_chosen, *(args[place] for place in places), has_aux=has_aux)
        results = leaves_of(out)
        trees = tuple(args[place] for place in places)
        blocks = []
        for i, o in enumerate(results):
            slopes = vmap(lambda v, i=i: pullback(rebuilt(out, iter(_at(i, v, results)))), chunk_size=chunk_size)
            pairs = zip(leaves_of(slopes(_units(o))), leaves_of(trees), strict=True)
            nest = rebuilt(trees, iter([rows.view(*o.shape, *x.shape) for rows, x in pairs]))
            blocks.append(nest if isinstance(argnums, tuple) else nest[0])
        found = rebuilt(out, iter(blocks))
        return (found, aux[0]) if has_aux else found

    return jacobian


def jacfwd(func: Callable, argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error") -> Callable:
    """The Jacobian of a function by its arguments `argnums`, by columns: nested as `jacrev`'s.

    >>> import jtorch as torch
    >>> torch.func.jacfwd(torch.square)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    rows_first = jacrev(func, argnums, has_aux=has_aux)

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        if forward_mode.level >= 0:
            return rows_first(*args, **kwargs)
        places = _chosen(argnums, args)
        trees = tuple(args[place] for place in places)
        inputs = _tensors(trees)
        out: Any = None
        aux: Any = None
        by_input: list = []

        def of_chosen(*given: Any) -> Any:
            return func(*_with(args, places, given), **kwargs)

        for i, x in enumerate(inputs):

            def push(v: Any, i: int = i) -> tuple:
                steps = rebuilt(trees, iter(_at(i, v, inputs)))
                found = jvp(of_chosen, trees, steps, has_aux=has_aux)
                return found if has_aux else (*found, None)

            out, columns, aux = vmap(push, out_dims=(None, 0, None), randomness=randomness)(_units(x))
            by_input.append([c.movedim(0, -1).reshape(*c.shape[1:], *x.shape) for c in leaves_of(columns)])
        blocks = [rebuilt(trees, iter(list(parts))) for parts in zip(*by_input, strict=True)]
        found = rebuilt(out, iter(blocks if isinstance(argnums, tuple) else [nest[0] for nest in blocks]))
        return (found, aux) if has_aux else found

    return jacobian


def hessian(func: Callable, argnums: Any = 0) -> Callable:
    """The Hessian of a function: forward mode over backward.

    >>> import jtorch as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
