"""torch.utils._pytree: nests of containers taken apart into leaves and put together again.

Which classes are containers is torch's own register: tuples, lists, dictionaries in the order of insertion, named
tuples, ordered and default dictionaries, deques, the tuples that functions return, and what users add. None is a leaf.

https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/_pytree.py

>>> import jtorch as torch
>>> from jtorch.utils import _pytree as pytree
>>> leaves, spec = pytree.tree_flatten({"b": [1, (2, 3)], "a": 4})
>>> leaves
[1, 2, 3, 4]
>>> pytree.tree_unflatten([x * 10 for x in leaves], spec)
{'b': [10, (20, 30)], 'a': 40}
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from jtorch.utils._pytree_nodes import BUILTIN_TYPES as BUILTIN_TYPES
from jtorch.utils._pytree_nodes import CONSTANT_NODES as CONSTANT_NODES
from jtorch.utils._pytree_nodes import STANDARD_DICT_TYPES as STANDARD_DICT_TYPES
from jtorch.utils._pytree_nodes import SUPPORTED_NODES as SUPPORTED_NODES
from jtorch.utils._pytree_nodes import ConstantNode as ConstantNode
from jtorch.utils._pytree_nodes import GetAttrKey as GetAttrKey
from jtorch.utils._pytree_nodes import MappingKey as MappingKey
from jtorch.utils._pytree_nodes import NodeDef as NodeDef
from jtorch.utils._pytree_nodes import SequenceKey as SequenceKey
from jtorch.utils._pytree_nodes import _deregister_pytree_node as _deregister_pytree_node
from jtorch.utils._pytree_nodes import _get_node_type as _get_node_type
from jtorch.utils._pytree_nodes import _register_namedtuple as _register_namedtuple
from jtorch.utils._pytree_nodes import _register_pytree_node as _register_pytree_node
from jtorch.utils._pytree_nodes import by_written_name as by_written_name
from jtorch.utils._pytree_nodes import is_constant_class as is_constant_class
from jtorch.utils._pytree_nodes import is_namedtuple as is_namedtuple
from jtorch.utils._pytree_nodes import is_namedtuple_class as is_namedtuple_class
from jtorch.utils._pytree_nodes import is_namedtuple_instance as is_namedtuple_instance
from jtorch.utils._pytree_nodes import is_structseq as is_structseq
from jtorch.utils._pytree_nodes import is_structseq_class as is_structseq_class
from jtorch.utils._pytree_nodes import is_structseq_instance as is_structseq_instance
from jtorch.utils._pytree_nodes import key_get as key_get
from jtorch.utils._pytree_nodes import keystr as keystr
from jtorch.utils._pytree_nodes import register_constant as register_constant
from jtorch.utils._pytree_nodes import register_dataclass as register_dataclass
from jtorch.utils._pytree_nodes import register_pytree_node as register_pytree_node
from jtorch.utils._pytree_nodes import texts as texts
from jtorch.utils._pytree_nodes import tree_is_leaf as tree_is_leaf

PyTree = Any
Context = Any
DumpableContext = Any
FlattenFn = FlattenFunc = Callable
UnflattenFn = UnflattenFunc = Callable
ToDumpableContextFn = FromDumpableContextFn = Callable
DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL = 1


# Structures


class TreeSpec:
    """What a nest is without its leaves."""

    __slots__ = ("_children", "_context", "num_children", "num_leaves", "num_nodes", "type")

    def __init__(self, type: Any, context: Any, children_specs: Sequence[TreeSpec]):
        self.type, self._context, self._children = type, context, list(children_specs)
        self.num_nodes = 1 + sum(child.num_nodes for child in self._children)
        self.num_leaves = 1 if type is None else sum(child.num_leaves for child in self._children)
        self.num_children = len(self._children)

    @property
    def context(self) -> Any:
        """What the container's class noted: keys, a maximal length."""
        return self._context

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The structures of the items."""
        return self._children

    def children(self) -> list[TreeSpec]:
        """The structures of the items, in a list of their own."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The structure of one item."""
        return self._children[index]

    def is_leaf(self) -> bool:
        """True for the structure of a leaf."""
        return self.type is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        mine, theirs = (self.type, self._context, self._children), (other.type, other._context, other._children)
        return self is other or mine == theirs

    def __hash__(self) -> int:
        context = self._context
        if self.type in STANDARD_DICT_TYPES:
            context = tuple(context[1] if self.type is defaultdict else context)
        return hash((self.type, context if isinstance(context, tuple) else repr(context), tuple(self._children)))

    def __repr__(self) -> str:
        return self._shown(0)

    def _shown(self, indent: int) -> str:
        if self.type is None:
            return "*"
        items = f",\n{' ' * (indent + 2)}".join(child._shown(indent + 2) for child in self._children)
        return f"TreeSpec({self.type.__name__}, {self._context}, [{items}])"

    def unflatten(self, leaves: Iterable) -> Any:
        """The nest of this structure with these leaves."""
        found = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
        if len(found) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(found)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        return self._made(iter(found))

    def _made(self, leaves: Iterator) -> Any:
        if self.type is None:
            return next(leaves)
        return SUPPORTED_NODES[self.type].unflatten_fn([child._made(leaves) for child in self._children], self._context)

    def flatten_up_to(self, tree: Any) -> list:
        """The parts of a nest that stand where this structure has its leaves."""
        found: list = []
        self._collect(tree, found)
        return found

    def _collect(self, tree: Any, found: list) -> None:
        if self.type is None:
            found.append(tree)
            return
        for child, part in zip(self._children, self._parts(tree), strict=True):
            child._collect(part, found)

    def _parts(self, tree: Any) -> list:
        """The items of a container of this structure's kind; ValueError for another."""
        kind = _get_node_type(tree)
        both_dictionaries = self.type in STANDARD_DICT_TYPES and kind in STANDARD_DICT_TYPES
        if kind is not self.type and not both_dictionaries:
            what = "Node type" if self.type in BUILTIN_TYPES else "Type"
            raise ValueError(f"{what} mismatch; expected {self.type!r}, but got {kind!r}.")
        if both_dictionaries:
            keys = self._context[1] if self.type is defaultdict else self._context
            if len(tree) != len(keys):
                raise ValueError(f"Node arity mismatch; expected {len(keys)}, but got {len(tree)}.")
            if set(tree) != set(keys):
                missing, extra = set(keys) - set(tree), set(tree) - set(keys)
                raise ValueError(
                    "Node keys mismatch"
                    + (f"; missing key(s): {missing}" if missing else "")
                    + (f"; extra key(s): {extra}" if extra else "")
                    + "."
                )
            return [tree[key] for key in keys]
        parts, context = SUPPORTED_NODES[kind].flatten_fn(tree)
        if len(parts) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(parts)}.")
        if kind is not deque and context != self._context:  # a deque may have another maximal length
            raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        return parts


class _LeafSpecMeta(type(TreeSpec)):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TreeSpec) and instance.is_leaf()


class LeafSpec(TreeSpec, metaclass=_LeafSpecMeta):
    """The structure of a leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None, [])


PyTreeSpec = TreeSpec
_LEAF_SPEC = LeafSpec()


def treespec_leaf() -> TreeSpec:
    """The structure of a leaf."""
    return _LEAF_SPEC


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of nests of these structures."""
    return TreeSpec(tuple, None, list(iterable))


def treespec_dict(mapping: Any = (), /, **kwargs: TreeSpec) -> TreeSpec:
    """The structure of a dictionary of nests of these structures."""
    items = dict(mapping, **kwargs)
    return TreeSpec(dict, list(items), list(items.values()))


def _checked(treespec: Any) -> TreeSpec:
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    return treespec


# Taking apart, putting together


def _flatten(tree: Any, leaves: list, is_leaf: Callable | None) -> TreeSpec:
    if tree_is_leaf(tree, is_leaf):
        leaves.append(tree)
        return _LEAF_SPEC
    kind = _get_node_type(tree)
    parts, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    return TreeSpec(kind, context, [_flatten(part, leaves, is_leaf) for part in parts])


def tree_flatten(tree: Any, is_leaf: Callable | None = None) -> tuple[list, TreeSpec]:
    """The leaves of a nest, and its structure. What `is_leaf` says is one is not taken apart."""
    leaves: list = []
    return leaves, _flatten(tree, leaves, is_leaf)


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> Any:
    """The nest of a structure with these leaves."""
    return _checked(treespec).unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: Callable | None = None) -> list:
    """The leaves of a nest."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: Callable | None = None) -> Iterator:
    """The leaves of a nest, one after the other."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for part in SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(part, is_leaf)


def tree_structure(tree: Any, is_leaf: Callable | None = None) -> TreeSpec:
    """The structure of a nest.

    >>> from jtorch.utils import _pytree as pytree
    >>> pytree.tree_structure([1, {"a": 2}])
    TreeSpec(list, None, [*,
      TreeSpec(dict, ['a'], [*])])
    """
    return tree_flatten(tree, is_leaf)[1]


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list:
    """The leaves of the arguments."""
    return [*tree_leaves(args), *tree_leaves(kwargs)]


# Mapping


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """The nest with `func` of each leaf, and of what stands there in the other nests."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    return treespec.unflatten(list(map(func, leaves, *(treespec.flatten_up_to(rest) for rest in rests))))


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """Calls `func` with each leaf and returns the nest as it is."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    deque(map(func, leaves, *(treespec.flatten_up_to(rest) for rest in rests)), maxlen=0)
    return tree


def map_only(type_or_types_or_pred: Any, /) -> Callable:
    """A decorator: the function is called with what is of a type, or what a predicate accepts; the rest stays."""
    wanted = type_or_types_or_pred
    if isinstance(wanted, (type, tuple)) or hasattr(wanted, "__args__"):
        accepts = functools.partial(_is_instance, wanted)
    elif callable(wanted):
        accepts = wanted
    else:
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")

    def decorator(func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(x: Any) -> Any:
            return func(x) if accepts(x) else x

        return wrapped

    return decorator


def _is_instance(kind: Any, x: Any) -> bool:
    return isinstance(x, kind)


def tree_map_only(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: Callable | None = None) -> Any:
    """`tree_map` of the leaves of some types, or that a predicate accepts.

    >>> from jtorch.utils import _pytree as pytree
    >>> pytree.tree_map_only(int, lambda x: x + 1, [1, "a", 2.5])
    [2, 'a', 2.5]
    """
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: Callable | None = None) -> Any:
    """`tree_map_` of the leaves of some types, or that a predicate accepts."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """True when `pred` holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """True when `pred` holds for a leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """True when `pred` holds for all leaves of some types."""
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types: Any, /, pred: Callable, tree: Any, is_leaf: Callable | None = None) -> bool:
    """True when `pred` holds for a leaf of some types."""
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def _broadcast_to_and_flatten(tree: Any, treespec: TreeSpec, is_leaf: Callable | None = None) -> list | None:
    """The leaves of a nest for each leaf of a structure: one may stand for a whole branch. None where the two do not
    fit."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf() or _get_node_type(tree) is not treespec.type:
        return None
    parts, context = SUPPORTED_NODES[treespec.type].flatten_fn(tree)
    if len(parts) != treespec.num_children or context != treespec.context:
        return None
    found = [_broadcast_to_and_flatten(p, s, is_leaf) for p, s in zip(parts, treespec.children_specs, strict=True)]
    return None if None in found else [leaf for branch in found for leaf in branch or ()]


# Paths


def tree_leaves_with_path(tree: Any, is_leaf: Callable | None = None) -> list[tuple[tuple, Any]]:
    """The leaves of a nest, each after the keys that lead to it."""
    return list(_with_paths((), tree, is_leaf))


def _with_paths(path: tuple, tree: Any, is_leaf: Callable | None) -> Iterator[tuple[tuple, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    keyed = SUPPORTED_NODES[_get_node_type(tree)].flatten_with_keys_fn
    if keyed is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {type(tree)}. Please pass a flatten_with_keys_fn argument "
            "to register_pytree_node."
        )
    for key, part in keyed(tree)[0]:
        yield from _with_paths((*path, key), part, is_leaf)


def tree_flatten_with_path(tree: Any, is_leaf: Callable | None = None) -> tuple[list[tuple[tuple, Any]], TreeSpec]:
    """`tree_leaves_with_path`, and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable, tree: Any, *rests: Any, is_leaf: Callable | None = None) -> Any:
    """`tree_map` of a function that also gets the path, first."""
    keyed, treespec = tree_flatten_with_path(tree, is_leaf)
    others = [treespec.flatten_up_to(rest) for rest in rests]
    return treespec.unflatten([func(*given) for given in zip(*zip(*keyed, strict=True), *others, strict=True)])


# Text


def _to_json(treespec: TreeSpec) -> dict[str, Any]:
    if treespec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    written = texts[treespec.type]
    if written.name is None:
        raise NotImplementedError(
            f"No registered serialization name for {treespec.type} found. Please update your _register_pytree_node "
            "call with a `serialized_type_name` kwarg."
        )
    if written.to_dumpable is not None:
        context = written.to_dumpable(treespec.context)
    else:
        try:
            context = json.dumps(treespec.context)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or register a custom "
                "serializer using _register_pytree_node."
            ) from error
    return {"type": written.name, "context": context, "children_spec": [_to_json(c) for c in treespec.children_specs]}


def _from_json(found: dict[str, Any]) -> TreeSpec:
    name = found["type"]
    if name is None:
        return _LEAF_SPEC
    if name not in by_written_name:
        raise NotImplementedError(
            f"Deserializing {name} in pytree is not registered.",
        )
    kind = by_written_name[name]
    read = texts[kind].from_dumpable or json.loads
    return TreeSpec(kind, read(found["context"]), [_from_json(child) for child in found["children_spec"]])


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as JSON, of torch's form."""
    _checked(treespec)
    protocol = DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL if protocol is None else protocol
    _check_protocol(protocol)
    return json.dumps((protocol, _to_json(treespec)))


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that `treespec_dumps` wrote."""
    protocol, found = json.loads(serialized)
    _check_protocol(protocol)
    return _from_json(found)


def _check_protocol(protocol: int) -> None:
    if protocol != DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [1]")


class _Asterisk(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: TreeSpec) -> str:
    """A structure as the nest it describes, with asterisks for leaves."""
    return repr(treespec.unflatten([_Asterisk()] * treespec.num_leaves))


def pytree_to_str(treespec: TreeSpec) -> str:
    """The older name of `treespec_dumps`."""
    return treespec_dumps(treespec)


def str_to_pytree(json: str) -> TreeSpec:
    """The older name of `treespec_loads`."""
    return treespec_loads(json)
