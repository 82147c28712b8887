"""What can be read from a program for a TPU: 64-bit operations before XLA, padding and estimated cycles after it."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from jaxlib.mlir import ir

_WIDE = frozenset({"i64", "ui64", "f64", "complex<f64>"})
# What changes the type or the shape of the same numbers: a value crosses from one op of the tape to the next with
# torch's dtype, and XLA removes the pair of conversions.
_FREE = frozenset({"stablehlo.convert", "stablehlo.bitcast_convert", "stablehlo.reshape", "stablehlo.return"})
_STRUCTURE = frozenset({"func.func", "func.call", "func.return", "builtin.module"})


def _is_wide(value: Any) -> bool:
    """True for a 64-bit array of more than one element."""
    if not isinstance(value.type, ir.RankedTensorType):
        return False
    kind = ir.RankedTensorType(value.type)
    return str(kind.element_type) in _WIDE and math.prod(kind.shape) > 1


def wide_operations(module: ir.Module) -> Counter:
    """How often each operation of StableHLO takes or gives a 64-bit array, as "function: operation".

    Scalars do not count, nor a slice that takes one out of an array: so Python numbers travel. Nor do arguments and
    results of the program, conversions, and calls, which pass them on. The function is the op of the tape: each is
    lowered to a function of its name.
    """
    found: Counter = Counter()

    def visit(operation: ir.Operation) -> ir.WalkResult:
        name = operation.name
        takes, gives = any(map(_is_wide, operation.operands)), any(map(_is_wide, operation.results))
        if name not in _FREE | _STRUCTURE and (gives or (takes and name != "stablehlo.slice")):
            found[f"{_function_of(operation)}: {name.removeprefix('stablehlo.')}"] += 1
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    return found


def _function_of(operation: Any) -> str:
    while operation.name != "func.func":
        operation = operation.parent
    return ir.StringAttr(operation.attributes["sym_name"]).value


_BYTES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8, "c64": 8}
_SHAPE = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]\{([\d,]*)(?::T\(([\d,]+)\))?")
_RESULT = re.compile(r"^\s*(?:ROOT )?%\S+ = (.*?) ([a-z][\w-]*)\(")
# No buffer of their own, or one that is part of another.
_NO_BUFFER = frozenset({"bitcast", "constant", "get-tuple-element", "tuple"})


def _numbers(text: str | None) -> list[int]:
    return [int(n) for n in text.split(",")] if text else []


def padded_elements(shape: list[int], minor_to_major: list[int], tile: list[int]) -> int:
    """Elements an array takes in memory: its innermost dimensions are rounded up to whole tiles.

    >>> padded_elements([16, 4], [1, 0], [8, 128])
    2048
    """
    sizes = [shape[d] for d in reversed(minor_to_major)]
    sizes = [1] * (len(tile) - len(sizes)) + sizes
    at = len(sizes) - len(tile)
    return math.prod(sizes[:at]) * math.prod(-(-n // t) * t for n, t in zip(sizes[at:], tile, strict=True))


def _computations(hlo: str) -> tuple[dict[str, list[str]], str]:
    """The lines of each computation, and the name of the entry."""
    found: dict[str, list[str]] = {}
    entry = name = ""
    for line in hlo.splitlines():
        if line and not line[0].isspace() and line.endswith("{") and "->" in line:
            name = line.removeprefix("ENTRY ").split()[0]
            found[name] = []
            entry = name if line.startswith("ENTRY") else entry
        elif name and line.startswith("  "):
            found[name].append(line)
    return found, entry


def padding(hlo: str) -> tuple[int, int]:
    """Bytes of the arrays of a compiled program as they are and as their tiles round them up.

    An estimate: every array counts that an instruction of the entry computation gives, arguments included, once and
    whether or not it is alive at the peak; what stays inside a fusion takes no memory and does not count.
    """
    computations, entry = _computations(hlo)
    logical = padded = 0
    for line in computations[entry]:
        match = _RESULT.match(line)
        if match is None or match[2] in _NO_BUFFER:
            continue
        for kind, shape, layout, tile in _SHAPE.findall(match[1]):
            size, sizes = _BYTES.get(kind, 4), _numbers(shape)
            logical += size * math.prod(sizes)
            padded += size * padded_elements(sizes, _numbers(layout), _numbers(tile))
    return logical, padded


_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_CALLED = re.compile(r"(?:body|to_apply|calls|true_computation|false_computation)=(%[\w.-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


def cycles(hlo: str) -> int:
    """Cycles the compiler expects its schedule to take: the sum over instructions, loop bodies times their trips.

    A loop whose trips are not known counts once. Instructions without an estimate, such as copies, count nothing.
    """
    computations, entry = _computations(hlo)
    known: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in known:
            known[name] = sum(of_line(line) for line in computations.get(name, []))
        return known[name]

    def of_line(line: str) -> int:
        own = sum(map(int, _CYCLES.findall(line)))
        if own:
            return own
        trips = int(match[1]) if (match := _TRIPS.search(line)) else 1
        return trips * sum(map(of, _CALLED.findall(line)))

    return of(entry)
