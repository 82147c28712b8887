"""Arithmetic of sparse tensors: sums and products with tensors and numbers, and functions that keep zeros zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare.roles import OPERANDS
from jtorch._engine.backward import ADD, COPIED
from jtorch._engine.handle import apply
from jtorch._ops import complex_parts, division, pointwise
from jtorch._ops.elementary import conjugated
from jtorch._parted import linked
from jtorch._types import sparse_coo
from jtorch.autograd.modes import no_grad
from jtorch.nn.functional.activation import relu_op
from jtorch.sparse._convert import dense_of, kind_of
from jtorch.sparse._graph import gathered, made, values_of
from jtorch.sparse._pattern import COMPRESSED, Pattern, compressed, coo, word
from jtorch.sparse._tensor import is_sparse, sparse, stands_for

_ADD_ORDER = "add(sparse, dense) is not supported. Use add(dense, sparse) instead."


def _number(x: Any) -> bool:
    return not isinstance(x, torch.Tensor)


def _unsupported(t: Any) -> RuntimeError:
    return RuntimeError(f"unsupported tensor layout: {word(kind_of(t))}")


# Sums


@stands_for(torch.add)
def add(input: Any, other: Any, alpha: Any = None) -> Any:
    """input + alpha * other: of two sparse tensors a sparse one, with a dense one dense."""
    scale = 1 if alpha is None else alpha
    name = "AddBackward0"
    scaled = (other, lambda g: g if alpha is None else g * scale)
    if not is_sparse(input) or (kind_of(input) in COMPRESSED and not is_sparse(other) and not _number(other)):
        _check_dense_sum(input, other)
        with no_grad():
            dense, given = (other, input) if is_sparse(input) else (input, other)
            factor = scale if given is other else 1
            base = dense if dense is input or alpha is None else dense * scale
            found = base + dense_of(given) * factor if factor != 1 else base + dense_of(given)
        return linked(found, name, (input, lambda g: g), scaled)
    if not is_sparse(other):
        if kind_of(input) in COMPRESSED:
            raise _sizes(other, input)
        raise RuntimeError(_ADD_ORDER)
    if kind_of(input) is not kind_of(other):
        raise _unsupported(other)
    if input.shape != other.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(input.shape)} != {list(other.shape)}"
        )
    with no_grad():
        to = torch.result_type(input, other)
        values = values_of(other).to(to)
        found = _union(input, values_of(input).to(to), other, values if alpha is None else values * scale)
    return linked(found, name, (input, lambda g: g), scaled)


def _check_dense_sum(input: Any, other: Any) -> None:
    if _number(input):
        raise RuntimeError(_ADD_ORDER)
    if kind_of(other) is sparse_coo and tuple(torch.broadcast_shapes(input.shape, other.shape)) != tuple(input.shape):
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size {list(input.shape)} while other "
            f"has size {list(other.shape)} (FYI: dense-sparse addition does not currently support broadcasting)"
        )
    dense, held = (input, other) if is_sparse(other) else (other, input)
    if kind_of(held) in COMPRESSED and dense.shape != held.shape:
        raise _sizes(dense, held)


def _sizes(dense: Any, held: Any) -> RuntimeError:
    size = [] if _number(dense) else list(dense.shape)
    return RuntimeError(
        f"add: expected 'self' and 'other' to have same size, but self has size {size} while other has size "
        f"{list(held.shape)} (FYI: op2-sparse addition does not currently support broadcasting)"
    )


@stands_for(COPIED)
def copied(new: Any) -> Any:
    """A gradient that becomes a leaf's own while a graph of gradients is made."""
    return new.clone()


@stands_for(ADD)
def accumulated(total: Any, new: Any) -> Any:
    """The sum of two gradients, in either order."""
    return add(new, total) if is_sparse(total) and not is_sparse(new) else add(total, new)


def _union(a: Any, x: Any, b: Any, y: Any) -> Any:
    """The sum of tensors in one layout, whose values are `x` and `y`."""
    left, right = a._pattern, b._pattern
    same = left is right or (left.values_shape == right.values_shape and np.array_equal(left.flat, right.flat))
    if same:
        return sparse(left if left.coalesced else right, x + y)
    where = np.concatenate([left.coordinates, right.coordinates], 1)
    if left.kind in COMPRESSED:
        found = compressed(left.kind, left.shape, where, left.blocksize, left.index[0].dtype)
        return sparse(found, gathered(sparse(left, x), found) + gathered(sparse(right, y), found))
    found = coo(left.shape, where, coalesced=False)
    whole = sparse(found, torch.cat([x, y]))
    return whole.coalesce() if left.coalesced and right.coalesced else whole


@stands_for(torch.sub)
def sub(input: Any, other: Any, alpha: Any = None) -> Any:
    """input - alpha * other."""
    if any(kind_of(t) in COMPRESSED for t in (input, other)):
        raise _unsupported(input if kind_of(input) in COMPRESSED or not is_sparse(input) else other)
    return add(input, other, -1 if alpha is None else -alpha)


# Products


@stands_for(torch.mul)
def mul(input: Any, other: Any) -> Any:
    """The product, specified where both are: a number and a dense tensor are specified everywhere."""
    if not is_sparse(input):
        return mul(other, input)
    scaled = input, lambda g: g * _conj(other)
    if _number(other):
        return linked(sparse(input._pattern, input._held * other), "MulBackward0", scaled)
    if not is_sparse(other) and not other.ndim:
        found = sparse(input._pattern, input._held * other.detach())
        return linked(found, "MulBackward0", scaled, (other, lambda g: (g * _conj(input)).sum()))
    with no_grad():
        found = _intersection(input, other) if is_sparse(other) else _weighted(input, other)
    return linked(found, "MulBackward0", scaled, (other, lambda g: _summed(g * _conj(input), other)))


def _conj(x: Any) -> Any:
    return x.conjugate() if _number(x) else torch.conj_physical(x) if x.is_complex() else x


def _summed(g: Any, like: Any) -> Any:
    """The gradient of a dense operand that was broadcast."""
    return g if g.shape == like.shape else g.to_dense().sum_to_size(like.shape)


def _weighted(t: Any, dense: Any) -> Any:
    if tuple(torch.broadcast_shapes(t.shape, dense.shape)) != tuple(t.shape):
        raise NotImplementedError("mul does not broadcast a sparse tensor: use .to_dense() first")
    pattern = t._pattern
    return sparse(pattern, t._held * gathered(dense.expand(t.shape), pattern))


def _intersection(a: Any, b: Any) -> Any:
    if kind_of(a) is not kind_of(b):
        raise _unsupported(b)
    if a.shape != b.shape:
        raise NotImplementedError("mul does not broadcast sparse tensors: use .to_dense() first")
    if a._pattern.indexed != b._pattern.indexed:
        raise NotImplementedError("mul takes sparse tensors with as many sparse dimensions: use .to_sparse(sparse_dim)")
    if kind_of(a) is sparse_coo:
        a, b = a.coalesce(), b.coalesce()
    where = a._pattern.coordinates
    common = where[:, b._pattern.positions(where)[1]]
    kept: Pattern
    if kind_of(a) is sparse_coo:
        kept = coo(tuple(a.shape), common, coalesced=True)
    else:
        kept = compressed(kind_of(a), tuple(a.shape), common, a._pattern.blocksize, a._pattern.index[0].dtype)
    return sparse(kept, gathered(a, kept) * gathered(b, kept))


def _divided(divide: Callable) -> Callable:
    def stand_in(input: Any, other: Any, *rest: Any) -> Any:
        if kind_of(input) in COMPRESSED:
            raise _unsupported(input)
        if not is_sparse(input) or is_sparse(other) or (not _number(other) and other.ndim):
            shape = [] if _number(other) else list(other.shape)
            raise RuntimeError(
                f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for divisor)"
            )
        t = input if divide is division.true_divide else input.coalesce()
        return made(t._pattern, divide(values_of(t), other, *rest), "DivBackward0")

    return stand_in


for _divide in (division.true_divide, division._div_floor, division._div_trunc, division._floor_divide):
    stands_for(_divide)(_divided(_divide))


def _power(power: Callable) -> Callable:
    def stand_in(input: Any, exponent: Any) -> Any:
        if not is_sparse(input) or not _number(exponent):
            raise NotImplementedError("pow takes a sparse tensor and a number: use .to_dense() first")
        if kind_of(input) in COMPRESSED:
            raise _unsupported(input)
        if not exponent:
            raise RuntimeError(
                "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense"
            )
        t = input.coalesce()
        return made(t._pattern, power(values_of(t), exponent), "PowBackward0")

    return stand_in


for _function in (pointwise._pow, pointwise._pow_fixed):
    stands_for(_function)(_power(_function))


def _part(name: str) -> Callable:
    def stand_in(input: Any) -> Any:
        return made(input._pattern, getattr(values_of(input), name), f"{name.capitalize()}Backward0")

    return stand_in


stands_for(complex_parts._real)(_part("real"))
stands_for(complex_parts._imag)(_part("imag"))


# Functions of one tensor that take zero to zero


def _each(op: Any, name: str, coalesces: bool) -> Callable:
    operands = sum(p.kind in OPERANDS for p in op.params) - 1

    def stand_in(input: Any, *rest: Any) -> Any:
        t = input.coalesce() if coalesces and input.is_sparse else input
        (values,) = apply(op, (values_of(t), *rest[:operands]), rest[operands:])
        return made(t._pattern, values, name)

    return stand_in


UNARY = (
    "abs angle asin asinh atan atanh ceil deg2rad erf erfinv expm1 floor frac isinf isnan isneginf "
    "isposinf log1p nan_to_num neg rad2deg round sgn sign signbit sin sinh sqrt tan tanh trunc"
).split()
for _name in UNARY:
    _op = getattr(torch, _name).op
    stands_for(_op)(_each(_op, _op.grad_name if isinstance(_op.grad_name, str) else "Backward", _name != "neg"))

stands_for(conjugated)(_each(conjugated.op, "ConjPhysicalBackward0", True))
stands_for(complex_parts._conj)(_each(complex_parts._conj.op, "ConjBackward0", False))
stands_for(relu_op)(_each(relu_op.op, "ReluBackward0", True))
