"""A path of the trie becomes an XLA program: the whole path as one, or each step by itself."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._engine import backend, cache, explain, grad, options
from jtorch._engine.aval import Aval, Spec
from jtorch._engine.tape import BaseOp, Node, Step, Value, infer
from jtorch._types.cures import cured
from jtorch._types.device import cpu
from jtorch._types.device import device as Device

_CODES = {float: "d", int: "q", bool: "q", complex: "dd"}
_WIDTH = {float: 1, int: 1, bool: 1, complex: 2}


class Packer:
    """Python numbers of a path as one array of 32-bit words, freshly made for every run because JAX
    may read it after the call returns. Words keep 64-bit types off the program's interface."""

    __slots__ = ("kinds", "pack")

    def __init__(self, kinds: Sequence[type]):
        self.kinds = tuple(kinds)
        self.pack = struct.Struct("=" + "".join(_CODES[k] for k in kinds)).pack

    def __call__(self, numbers: Iterable) -> np.ndarray:
        if complex in self.kinds:
            flat = []
            for x in numbers:
                flat += (x.real, x.imag) if isinstance(x, complex) else (x,)
            numbers = flat
        return np.frombuffer(self.pack(*numbers), np.uint32)

    @property
    def struct(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((2 * sum(_WIDTH[k] for k in self.kinds),), np.uint32)

    def unpack(self, words: Any) -> list:
        """The numbers as 0-d arrays: float64, int64, bool or complex128."""
        if not self.kinds:
            return []
        pairs = words.reshape(-1, 2)
        floats = lax.bitcast_convert_type(pairs, np.float64)
        ints = lax.bitcast_convert_type(pairs, np.int64)
        out, at = [], 0
        for kind in self.kinds:
            if kind is float:
                out.append(floats[at])
            elif kind is complex:
                out.append(lax.complex(floats[at], floats[at + 1]))
            else:
                out.append(ints[at] if kind is int else ints[at] != 0)
            at += _WIDTH[kind]
        return out


_bodies: dict[tuple, Callable] = {}


def body(op: BaseOp, specs: tuple[Spec, ...], statics: tuple) -> Callable:
    """The op as a jitted function of arrays: inside a larger trace equal steps are traced once."""
    key = (op, specs, statics)
    found = _bodies.get(key)
    if found is None:

        def run(*arrays: Any) -> tuple:
            return op.trace(specs, statics, list(arrays))

        run.__name__ = op.name
        found = _bodies.setdefault(key, jax.jit(run))
    return found


def path(node: Node) -> list[Node]:
    """The nodes from the root's first child to `node`."""
    nodes = []
    while node.parent is not None:
        nodes.append(node)
        node = node.parent
    nodes.reverse()
    return nodes


def needed(nodes: list[Node], outs: Iterable[int]) -> tuple[list[Node], list[int]]:
    """The steps that `outs` depend on, and the input slots among them, in order."""
    wanted = set(outs)
    steps: list[Node] = []
    inputs: list[int] = []
    for node in reversed(nodes):
        step = node.step
        assert step is not None
        if wanted.isdisjoint(range(node.slot, node.end)):
            continue
        if step.op is None:
            inputs.append(node.slot)
        else:
            steps.append(node)
            wanted.update(x for x in step.operands if x.__class__ is int)
    steps.reverse()
    inputs.reverse()
    return steps, inputs


def number_range(node: Node) -> range:
    """Positions of a step's Python numbers in its epoch's list."""
    parent = node.parent
    assert parent is not None
    return range(parent.numbers, node.numbers)


def checked_steps(steps: list[Node]) -> list[Node]:
    """Steps that index with a tensor computed on the way, or refuse numbers: XLA cannot raise, so they add an error
    word. An index that entered the tape as a concrete tensor was checked at the call."""
    made = {s for n in steps for s in range(n.slot, n.end)}
    found = []
    for node in steps:
        step = node.step
        if step is None or step.op is None:
            continue
        if step.op.faults:
            found.append(node)
            continue
        if step.op.checks is None:
            continue
        pending = (
            x in made and isinstance(s, Aval) and not grad.differentiable(s)
            for x, s in zip(step.operands, step.specs, strict=True)
        )  # fmt: skip
        if any(pending):
            found.append(node)
    return found


def raise_fault(nodes: list[Node], word: Any) -> None:
    """Looks at a program's error word. The error names the op and the user's line: an IndexError in its text, the
    error of a fault, whose text is torch's, in a note."""
    if backend.is_tracer(word):
        return
    for node, bad in zip(nodes, np.asarray(word), strict=True):
        if bad:
            assert node.step is not None and node.step.op is not None
            op = node.step.op
            told = (
                f"{op.name}() recorded at {node.where}; what was computed together with it, updated parameters "
                "included, is lost"
            )
            if not op.faults:
                raise IndexError(f"index out of range in {told}")
            fault = op.faults[int(bad) - 1]
            error = cured(fault.error(), f"{fault.cure}; found in {told}" if fault.cure else f"found in {told}")
            vars(error)[_TOLD] = True
            raise error


_TOLD = "_jtorch_told"


def is_told(error: Exception) -> bool:
    """True for the error of a fault that a program's error word told: numbers are to blame, and they stay the same."""
    return _TOLD in vars(error)


def avals_by_slot(nodes: list[Node]) -> list[Aval]:
    """Shape and dtype of every slot of a path."""
    return [aval for node in nodes for aval in node.avals]


class Program:
    """A compiled path: which slots go in and come out, and which inputs it may overwrite."""

    __slots__ = (
        "checked", "compile_seconds", "compiled", "copied", "donated", "every", "inputs", "last_run", "node", "order",
        "outs", "outset", "pack", "picks", "record", "steps",
    )  # fmt: skip

    def __init__(self, node: Node, outs: tuple[int, ...], donatable: Callable[[int], bool], effort: str = options.FULL):
        nodes = path(node)
        steps, inputs = needed(nodes, outs)
        avals = avals_by_slot(nodes)
        self.node = node
        self.outs = outs
        self.outset = frozenset(outs)
        self.inputs = tuple(inputs)
        self.steps = len(steps)
        self.picks = tuple(i for step in steps for i in number_range(step))
        self.pack = Packer([k for s in steps if s.step for k in s.step.operands if isinstance(k, type)])
        self.donated, self.order = _match_donations(steps, inputs, outs, avals, donatable)
        self.checked = checked_steps(steps)
        self.copied = 0
        self.every: Program | None = None  # the same with the results of all steps: see shadow.py
        self.last_run = 0
        started = time.perf_counter()
        structs = [avals[s].struct for s in inputs] + [self.pack.struct]
        device = avals[outs[0]].device if outs else cpu
        parts = [(n.slot, s.op, s.operands, s.specs, s.statics) for n in steps if (s := n.step)]
        taken = (str(device), *(avals[s] for s in inputs))
        key = cache.key_of(effort, parts, self.inputs, self.order, self.donated, taken)
        self.compiled = backend.compile_program(self._function(steps), structs, self.donated, device, key, effort)
        self.compile_seconds = time.perf_counter() - started
        self.record = explain.program_compiled(self, node, effort)
        foreign = tuple(p for p, slot in enumerate(inputs) if avals[slot].device != device)
        if foreign:
            self.compiled = Gathering(self.compiled, foreign, device)

    def lowerable(self, node: Node) -> tuple[Callable, list[jax.ShapeDtypeStruct]]:
        """The program as a function of arrays and what it takes, to lower for another device. `node` is where it
        ended: `flusher.programs` tells."""
        nodes = path(node)
        avals = avals_by_slot(nodes)
        structs = [avals[s].struct for s in self.inputs] + [self.pack.struct]
        return self._function(needed(nodes, self.outs)[0]), structs

    def _function(self, steps: list[Node]) -> Callable:
        inputs, outs, pack, checked = self.inputs, self.order, self.pack, set(self.checked)

        def program(*args: Any) -> tuple:
            env = dict(zip(inputs, args[:-1], strict=True))
            numbers = iter(pack.unpack(args[-1]))
            words = []
            for node in steps:
                step = node.step
                assert step is not None and step.op is not None
                arrays = [None if x is None else env[x] if x.__class__ is int else next(numbers) for x in step.operands]
                results = body(step.op, step.specs, step.statics)(*arrays)
                env.update(zip(range(node.slot, node.end), results, strict=True))
                if node in checked:
                    words.append(step.op.out_of_range(step.specs, step.statics, arrays))
            return (*(env[s] for s in outs), *((jnp.stack(words),) if words else ()))

        return program


class Gathering:
    """A compiled program some of whose inputs lie on another device: numbers on the CPU beside a GPU's tensors."""

    __slots__ = ("compiled", "device", "foreign")

    def __init__(self, compiled: Any, foreign: tuple[int, ...], device: Device):
        self.compiled, self.foreign, self.device = compiled, foreign, device

    def __call__(self, *args: Any) -> Any:
        given = list(args)
        for p in self.foreign:
            given[p] = backend.moved(given[p], self.device)
        return self.compiled(*given)


def _match_donations(
    steps: list[Node], inputs: list[int], outs: tuple[int, ...], avals: list[Aval], donatable: Callable[[int], bool]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions of inputs to overwrite, each by a result of its shape and dtype, and the results in the order in which
    JAX pairs them with those inputs. A parameter goes with its new value: were it with a gradient, which is finished
    while the parameter is still read, XLA would copy both."""
    origin = _origins(steps, inputs, avals)
    successor: dict[int, int] = {}
    for slot in reversed(outs):
        if slot in origin:
            successor.setdefault(origin[slot], slot)
    free: dict[Aval, list[int]] = {}
    matched = set(successor.values())
    for slot in outs:
        if slot not in matched:
            free.setdefault(avals[slot], []).append(slot)
    donated, first = [], []
    for position, slot in enumerate(inputs):
        aval = avals[slot]
        if not donatable(slot):
            continue
        partner = successor.get(slot)
        if partner is None and free.get(aval):
            partner = free[aval].pop(0)
        if partner is not None:
            donated.append(position)
            first.append(partner)
    taken = set(first)
    return tuple(donated), (*first, *(s for s in outs if s not in taken))


def _origins(steps: list[Node], inputs: list[int], avals: list[Aval]) -> dict[int, int]:
    """By slot: the input it is a new value of, as far as shapes tell. Each result of a step follows the first of its
    operands with that shape and dtype that no other result follows."""
    origin = {slot: slot for slot in inputs}
    for node in steps:
        assert node.step is not None
        operands = [x for x in node.step.operands if x.__class__ is int and x in origin]
        for slot in range(node.slot, node.end):
            found = next((x for x in operands if avals[x] == avals[slot]), None)
            if found is not None:
                operands.remove(found)
                origin[slot] = origin[found]
    return origin


class OpProgram:
    """One step compiled by itself, shared by every step of the same op, shapes and statics."""

    __slots__ = ("checked", "compiled", "leaving", "pack")

    def __init__(self, step: Step, checked: bool):
        op = step.op
        assert op is not None
        self.checked = checked
        self.pack = pack = Packer([k for k in step.operands if isinstance(k, type)])
        run = body(op, step.specs, step.statics)
        kinds = [None if s is None else s.__class__ is type for s in step.specs]

        def program(*args: Any) -> tuple:
            arrays, numbers = iter(args[:-1]), iter(pack.unpack(args[-1]))
            given = [None if k is None else next(numbers) if k else next(arrays) for k in kinds]
            word = (jnp.stack([op.out_of_range(step.specs, step.statics, given)]),) if checked else ()
            return (*run(*given), *word)

        program.__name__ = op.name
        avals = [s for s in step.specs if isinstance(s, Aval)]
        outs = infer(op, step.specs, step.statics)
        device = next((a.device for a in outs if a.device != cpu), cpu)
        structs = [a.struct for a in avals] + [pack.struct]
        started = time.perf_counter()
        key = cache.key_of("op", str(checked), op, step.specs, step.statics)
        self.compiled = backend.compile_program(program, structs, (), device, key, options.OP)
        foreign = tuple(p for p, a in enumerate(avals) if a.device != device)
        if foreign:
            self.compiled = Gathering(self.compiled, foreign, device)
        self.leaving = tuple((i, a.device) for i, a in enumerate(outs) if a.device != device)
        explain.op_compiled(op.name, time.perf_counter() - started)

    def __call__(self, arrays: list, numbers: list) -> tuple:
        results = self.compiled(*arrays, self.pack(numbers))
        if self.leaving:
            results = list(results)
            for i, device in self.leaving:
                results[i] = backend.moved(results[i], device)
        return tuple(results)


_op_programs: dict[tuple, OpProgram] = {}
# A compiled program maps six to ten pieces of memory, of which Linux gives a process 65,530: past that XLA crashes.
MOST_PROGRAMS = 2560  # of each tier


def _keep(key: tuple, program: OpProgram) -> OpProgram:
    """Keeps a per-op program; the oldest quarter makes room when there are too many."""
    if len(_op_programs) >= MOST_PROGRAMS:
        for old in list(_op_programs)[: MOST_PROGRAMS // 4]:
            _op_programs.pop(old, None)
    return _op_programs.setdefault(key, program)


def op_key(step: Step, checked: bool = False) -> tuple:
    """What two steps have in common when one per-op program serves both."""
    return step.op, step.specs, step.statics, checked


def missing_op_programs(steps: list[Node]) -> set[tuple]:
    """Keys of the per-op programs a path would still have to compile."""
    return {op_key(n.step) for n in steps if n.step} - _op_programs.keys()


def run_op_by_op(node: Node, outs: Sequence[int], values: list[Value], numbers: list) -> None:
    """Runs a path step by step and fills in the values of `outs`."""
    steps, inputs = needed(path(node), outs)
    keep = set(outs)
    checked = set(checked_steps(steps))
    for n, results in run_steps(steps, {s: values[s].array for s in inputs}, numbers, checked):
        explain.counts["ops_executed"] += 1
        if n in checked:
            raise_fault([n], results[-1])
        for slot, array in zip(range(n.slot, n.end), results, strict=False):
            if slot in keep:
                values[slot].array = array


def run_steps(
    steps: list[Node], env: dict[int, Any], numbers: list, checked: Set[Node] = frozenset()
) -> Iterator[tuple[Node, tuple]]:
    """Runs steps one after the other on the arrays of `env`, each intermediate dropped after its last use. Those in
    `checked` return an error word after their results."""
    last_use: dict[int, int] = {}
    for i, n in enumerate(steps):
        assert n.step is not None
        last_use.update((x, i) for x in n.step.operands if x.__class__ is int)
    for i, n in enumerate(steps):
        step = n.step
        assert step is not None
        key = op_key(step, n in checked)
        program = _op_programs.get(key)
        if program is None:
            program = _keep(key, OpProgram(step, n in checked))
        results = program([env[x] for x in step.operands if x.__class__ is int], [numbers[k] for k in number_range(n)])
        yield n, results
        env.update(zip(range(n.slot, n.end), results, strict=False))
        for x in step.operands:
            if x.__class__ is int and last_use[x] == i:
                env.pop(x, None)
