"""The register of classes that are containers to `torch.utils._pytree`, and the keys of what they hold."""

from __future__ import annotations

import dataclasses
import importlib
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from jtorch import _root as torch
from jtorch._types.user_frame import warn

BUILTIN_TYPES = {tuple, list, dict, namedtuple, OrderedDict, defaultdict, deque}
STANDARD_DICT_TYPES = {dict, OrderedDict, defaultdict}


# Keys: where a leaf is


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """The place of an item in a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The item."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """The key of an item in a dictionary."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The item."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """The name of an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The attribute."""
        return getattr(obj, self.name)


def keystr(kp: Iterable) -> str:
    """The path to a leaf as Python would write it.

    >>> from jtorch.utils import _pytree as pytree
    >>> [pytree.keystr(path) for path, leaf in pytree.tree_leaves_with_path({"a": [1, 2]})]
    ["['a'][0]", "['a'][1]"]
    """
    return "".join(map(str, kp))


def key_get(obj: Any, kp: Iterable) -> Any:
    """What stands at a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


# The register


class NodeDef(NamedTuple):
    """How a class of containers is taken apart and put together."""

    type: Any
    flatten_fn: Callable
    unflatten_fn: Callable
    flatten_with_keys_fn: Callable | None


class Written(NamedTuple):
    """How the class of a container, and what its context is, are written into text."""

    name: str | None
    to_dumpable: Callable | None
    from_dumpable: Callable | None


class ConstantNode(NamedTuple):
    """The context of an object that is part of the structure."""

    value: Any


SUPPORTED_NODES: dict[Any, NodeDef] = {}
CONSTANT_NODES: set[type] = set()
texts: dict[Any, Written] = {}
by_written_name: dict[str, Any] = {}


def register_pytree_node(
    cls: type,
    flatten_fn: Callable,
    unflatten_fn: Callable,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable | None = None,
    from_dumpable_context: Callable | None = None,
    flatten_with_keys_fn: Callable | None = None,
) -> None:
    """Makes a class a container. `flatten_fn(x)` returns its items and a context, `unflatten_fn(items, context)` makes
    it again. ValueError for a class that is one already.

    >>> from jtorch.utils import _pytree as pytree
    >>> class Pair:
    ...     def __init__(self, *items):
    ...         self.items = items
    >>> pytree.register_pytree_node(Pair, lambda p: (list(p.items), None), lambda items, _: Pair(*items))
    >>> pytree.tree_map(lambda x: -x, Pair(1, 2)).items
    (-1, -2)
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
    texts[cls] = Written(serialized_type_name, to_dumpable_context, from_dumpable_context)
    if serialized_type_name is not None:
        by_written_name[serialized_type_name] = cls


def _register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, **options: Any) -> None:
    """The older name of `register_pytree_node`."""
    warn(
        "`torch.utils._pytree._register_pytree_node` is deprecated. Please use "
        "`torch.utils._pytree.register_pytree_node` instead.",
        FutureWarning,
    )
    register_pytree_node(cls, flatten_fn, unflatten_fn, **options)


def _deregister_pytree_node(cls: type) -> None:
    del SUPPORTED_NODES[cls]
    by_written_name.pop(texts.pop(cls).name or "", None)
    CONSTANT_NODES.discard(cls)


def register_dataclass(
    cls: type,
    *,
    field_names: list[str] | None = None,
    drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Makes a dataclass a container of its fields, those without a value left out.

    >>> import dataclasses
    >>> from jtorch.utils import _pytree as pytree
    >>> @dataclasses.dataclass
    ... class Point:
    ...     x: int
    ...     y: int
    >>> pytree.register_dataclass(Point)
    >>> pytree.tree_map(lambda v: v + 1, Point(1, 2))
    Point(x=2, y=3)
    """
    if field_names is None and not dataclasses.is_dataclass(cls):
        raise ValueError(
            f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a "
            "dataclass."
        )
    names = field_names or [f.name for f in dataclasses.fields(cls) if f.init]
    names = [name for name in names if name not in (drop_field_names or ())]

    def flatten_with_keys(obj: Any) -> tuple[list, Any]:
        kept = [name for name in names if getattr(obj, name) is not None]
        return [(GetAttrKey(n), getattr(obj, n)) for n in kept], [kept, [n for n in names if n not in kept]]

    def flatten(obj: Any) -> tuple[list, Any]:
        items, context = flatten_with_keys(obj)
        return [value for _, value in items], context

    def unflatten(values: Iterable, context: Any) -> Any:
        kept, absent = context
        return cls(**dict(zip(kept, values, strict=True)), **dict.fromkeys(absent))

    register_pytree_node(
        cls, flatten, unflatten, serialized_type_name=serialized_type_name, flatten_with_keys_fn=flatten_with_keys
    )


def register_constant(cls: type) -> None:
    """Makes objects of a class, which must be comparable and hashable, part of the structure: they are no leaves."""
    if cls.__eq__ is object.__eq__:
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__eq__` implementation.")
    if cls.__hash__ is None:
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__hash__` implementation.")
    register_pytree_node(
        cls,
        lambda value: ([], ConstantNode(value)),
        lambda _, context: context.value,
        flatten_with_keys_fn=lambda value: ([], ConstantNode(value)),
    )
    CONSTANT_NODES.add(cls)


def is_constant_class(cls: type) -> bool:
    """True for a class given to `register_constant`."""
    return isinstance(cls, type) and cls in CONSTANT_NODES


def _register_namedtuple(cls: type, *, serialized_type_name: str) -> None:
    texts[cls] = Written(serialized_type_name, None, None)
    by_written_name[serialized_type_name] = cls


def is_namedtuple_class(cls: type) -> bool:
    """True for a class that `namedtuple` or `NamedTuple` made."""
    fields = getattr(cls, "_fields", None)
    made = isinstance(cls, type) and issubclass(cls, tuple) and callable(getattr(cls, "_make", None))
    return made and isinstance(fields, tuple) and all(type(name) is str for name in fields)


def is_namedtuple_instance(obj: object) -> bool:
    """True for an instance of such a class."""
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj: object) -> bool:
    """True for such a class or an instance of one."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: type) -> bool:
    """True for the class of what a function of torch with several results returns."""
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(getattr(cls, "n_fields", None), int)


def is_structseq_instance(obj: object) -> bool:
    """True for an instance of such a class."""
    return is_structseq_class(type(obj))


def is_structseq(obj: object) -> bool:
    """True for such a class or an instance of one."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


# torch's own containers


def _by_index(items: Iterable) -> list:
    return [(SequenceKey(i), x) for i, x in enumerate(items)]


def _by_key(items: Mapping) -> list:
    return [(MappingKey(k), x) for k, x in items.items()]


def _sequence(cls: Any, name: str | None, make: Callable, context: Callable = lambda x: None, **written: Any) -> None:
    register_pytree_node(
        cls,
        lambda x: (list(x), context(x)),
        make,
        serialized_type_name=name,
        flatten_with_keys_fn=lambda x: (_by_index(x), context(x)),
        **written,
    )


def _dictionary(cls: Any, name: str, make: Callable, context: Callable = list, **written: Any) -> None:
    register_pytree_node(
        cls,
        lambda x: (list(x.values()), context(x)),
        make,
        serialized_type_name=name,
        flatten_with_keys_fn=lambda x: (_by_key(x), context(x)),
        **written,
    )


def _defaultdict_to_text(context: list) -> dict:
    factory, keys = context
    return {
        "default_factory_module": factory.__module__,
        "default_factory_name": factory.__qualname__,
        "dict_context": keys,
    }


def _defaultdict_from_text(text: dict) -> list:
    module = importlib.import_module(text["default_factory_module"])
    return [getattr(module, text["default_factory_name"]), text["dict_context"]]


def _namedtuple_to_text(cls: type) -> str:
    written = texts.get(cls)
    if written is None or written.name is None:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {cls} because we didn't register a serializated_type_name. "
            "Please register using `_register_namedtuple`."
        )
    return written.name


def _namedtuple_from_text(name: str) -> type:
    if name not in by_written_name:
        raise NotImplementedError(
            f"Can't deserialize TreeSpec of namedtuple class {name} because we couldn't find a serializated name."
        )
    return by_written_name[name]


_sequence(tuple, "builtins.tuple", lambda items, _: tuple(items))
_sequence(list, "builtins.list", lambda items, _: list(items))
_sequence(deque, "collections.deque", lambda items, size: deque(items, maxlen=size), lambda x: x.maxlen)
_sequence(torch.Size, "torch.Size", lambda items, _: torch.Size(items))
_dictionary(dict, "builtins.dict", lambda items, keys: dict(zip(keys, items, strict=True)))
_dictionary(OrderedDict, "collections.OrderedDict", lambda items, keys: OrderedDict(zip(keys, items, strict=True)))
_dictionary(
    defaultdict,
    "collections.defaultdict",
    lambda items, context: defaultdict(context[0], zip(context[1], items, strict=True)),
    lambda x: [x.default_factory, list(x)],
    to_dumpable_context=_defaultdict_to_text,
    from_dumpable_context=_defaultdict_from_text,
)
register_pytree_node(
    namedtuple,  # type: ignore[arg-type]  # the function stands for all the classes it makes
    lambda x: (list(x), type(x)),
    lambda items, cls: cls(*items),
    serialized_type_name="collections.namedtuple",
    to_dumpable_context=_namedtuple_to_text,
    from_dumpable_context=_namedtuple_from_text,
    flatten_with_keys_fn=lambda x: ([(GetAttrKey(n), v) for n, v in zip(x._fields, x, strict=True)], type(x)),
)


def _get_node_type(tree: Any) -> Any:
    """What a container is in the register: its class, or `namedtuple`."""
    cls = type(tree)
    if cls in SUPPORTED_NODES:
        return cls
    if is_structseq_class(cls):
        _sequence(cls, f"{cls.__module__}.{cls.__name__}".replace("jtorch", "torch", 1), lambda items, _: cls(items))
        return cls
    return namedtuple if is_namedtuple_class(cls) else cls


def tree_is_leaf(tree: Any, is_leaf: Callable | None = None) -> bool:
    """True for what is no container."""
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES
