"""torch.einsum.

https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Arrays, Handle, composite, op
from jtorch._declare.types import int64
from jtorch._ops.matmul import check_product


@op(name="einsum", method=False, function=False, kind="default", grad="ViewBackward0")
def _einsum(operands: Arrays, equation: str) -> Array:
    if operands[0].dtype == bool and _multiplies(equation):
        check_product("bmm", *operands)
    return jnp.einsum(equation, *operands)


def _multiplies(equation: str) -> bool:
    """True when a letter of two terms is summed: torch does it with a product of matrices."""
    terms, arrow, result = equation.partition("->")
    named = terms.replace("...", "")
    return any(sum(x in term for term in named.split(",")) > 1 and (arrow == "" or x not in result)
               for x in set(named) - {","})  # fmt: skip


@composite(method=False)
def einsum(*args: Any) -> Any:
    """Products of tensors, summed over the letters that the result does not name.

    >>> import jtorch as torch
    >>> torch.einsum("ij,jk->ik", torch.eye(2), torch.ones(2, 2))
    tensor([[1., 1.],
            [1., 1.]])
    """
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand, "
                         "or at least one operand and its subscripts list")  # fmt: skip
    equation, operands = (args[0], args[1:]) if isinstance(args[0], str) else _from_lists(args)
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    equation = equation.replace(" ", "")
    _check(equation, operands)
    found = _einsum(list(operands), equation)
    return found.to(int64) if _is_small_integer(found) and _sums_one_operand(equation) else found


def _is_small_integer(t: Any) -> bool:
    dtype = t._v.aval.dtype
    return dtype.itemsize < 8 and not (dtype.is_floating_point or dtype.is_complex)


def _sums_one_operand(equation: str) -> bool:
    """True when a letter of one term alone is summed: torch does it with `sum`, whose integers are int64."""
    terms, arrow, result = equation.partition("->")
    letters = [set(term) for term in terms.replace("...", "").split(",")]
    if not arrow:
        return len(letters) == 1 and any(terms.count(letter) > 1 for letter in letters[0])
    return any(one - set(result) - set().union(*letters[:i], *letters[i + 1 :]) for i, one in enumerate(letters))


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _from_lists(args: tuple) -> tuple[str, tuple]:
    """The equation of torch's other form: operand, list of numbers, ..., list for the result."""

    def text(numbers: Any) -> str:
        for n in numbers:
            if n is not Ellipsis and not 0 <= n < len(_LETTERS):
                raise ValueError(
                    f"einsum(): subscript in subscripts list is not within the valid range [0, {len(_LETTERS)})"
                )
        return "".join("..." if n is Ellipsis else _LETTERS[n] for n in numbers)

    pairs = len(args) // 2
    terms = ",".join(text(args[2 * i + 1]) for i in range(pairs))
    if len(args) % 2:
        terms += "->" + text(args[-1])
    return terms, tuple(args[2 * i] for i in range(pairs))


def _check(equation: str, operands: tuple) -> None:
    inputs, _, result = equation.partition("->")
    terms = inputs.split(",")
    for letter in equation.replace("->", "").replace(",", "").replace("...", ""):
        if letter not in _LETTERS:
            if letter == ".":
                raise RuntimeError(
                    f"einsum(): found '.' for operand {_operand_of('.', terms)} that is not part of any ellipsis"
                )
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {equation.index(letter)} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
    if len(terms) < len(operands):
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    if len(terms) > len(operands):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
    sizes: dict[str, int] = {}
    for i, (term, t) in enumerate(zip(terms, operands, strict=True)):
        assert isinstance(t, Handle)
        _check_term(i, term, t._v.aval.shape, sizes)
    for letter in result.replace("...", ""):
        if letter not in sizes:
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any input operand"
            )
        if result.count(letter) > 1:
            raise RuntimeError(f"einsum(): output subscript {letter} appears more than once in the output")


def _operand_of(mark: str, terms: list[str]) -> int:
    return next(i for i, term in enumerate(terms) if mark in term.replace("...", ""))


def _check_term(i: int, term: str, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    head, dots, tail = term.partition("...")
    named = len(head) + len(tail)
    if dots and named > len(shape):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
            f"({len(shape)}) for operand {i}"
        )
    if not dots and named != len(shape):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
            f"({len(shape)}) for operand {i} and no ellipsis was given"
        )
    spots = [*enumerate(head), *((len(shape) - len(tail) + j, c) for j, c in enumerate(tail))]
    seen: dict[str, int] = {}
    for d, letter in spots:
        n = shape[d]
        if letter in seen and seen[letter] != n:
            raise RuntimeError(
                f"einsum(): subscript {letter} is repeated for operand {i} but the sizes don't match, {n} != "
                f"{seen[letter]}"
            )
        seen[letter] = n
        known = sizes.get(letter, 1)
        if n != known and 1 not in (n, known):
            raise RuntimeError(
                f"einsum(): subscript {letter} has size {n} for operand {i} which does not broadcast with previously "
                f"seen size {known}"
            )
        sizes[letter] = max(n, known) if known != 0 else 0
