"""`torch.utils._pytree`: the same lines with both libraries, their values and errors as text."""

import collections
import dataclasses
import importlib
import re

import pytest
import torch as oracle

import jtorch

Pair = collections.namedtuple("Pair", "x y")

LINES = """
p.tree_flatten(t)
p.tree_structure(t).num_leaves, p.tree_structure(t).num_nodes, p.tree_structure(t).num_children
p.tree_structure(t).type, p.tree_structure(t).context, p.tree_structure(t).children_specs, p.tree_structure(t).is_leaf()
p.tree_structure(t).children(), p.tree_structure(t).child(1), p.tree_structure(3).type
p.tree_structure(Pair(1, [2])), p.tree_structure(3), p.tree_structure([]), p.tree_structure({}), p.tree_structure(())
p.tree_structure(torch.max(torch.ones(2, 2), 0)), p.tree_structure(torch.Size([1, 2])), p.tree_leaves(None)
p.tree_map(lambda x: x.tolist(), torch.max(torch.ones(2, 2), 0))
p.tree_leaves(range(3)), p.tree_leaves("ab"), p.tree_leaves({1}), p.tree_leaves([1, [2, [3]]]), list(p.tree_iter(t))
p.tree_flatten_with_path(t)
p.tree_flatten_with_path(Pair(1, 2))[0], [p.keystr(k) for k, _ in p.tree_leaves_with_path(Pair(1, {"a": 2}))]
[p.keystr(k) for k, _ in p.tree_flatten_with_path(t)[0]]
p.keystr(()), [p.key_get(t, k) for k, _ in p.tree_leaves_with_path(t)]
str(p.MappingKey("a")), str(p.SequenceKey(1)), str(p.GetAttrKey("x")), p.MappingKey("a") == p.MappingKey("a")
p.tree_unflatten(range(5), p.tree_structure(t))
p.tree_unflatten([1], p.tree_structure(t))
p.tree_unflatten([1, 2], p.tree_structure(1))
p.tree_unflatten([1], 3)
p.tree_map(lambda x: (x, x), t)
p.tree_map(lambda a, b: a + b, [1, (2,)], [3, (4,)])
p.tree_map(lambda a, b: a + b, [1, 2], [1])
p.tree_map(lambda a, b: (a, b), [1, [2]], [1, 2])
p.tree_map(lambda a, b: (a, b), [1, 2], [1, [2]])
p.tree_map(lambda a, b: (a, b), [1], (1,))
p.tree_map(lambda a, b: (a, b), {"a": 1}, {"b": 1})
p.tree_map(lambda a, b: (a, b), {"a": 1, "c": 2}, {"b": 1, "c": 3})
p.tree_map(lambda a, b: (a, b), {"a": 1}, {"a": 1, "b": 2})
p.tree_map(lambda a, b: (a, b), {"a": 1, "b": 2}, {"b": 3, "a": 4})
p.tree_map(lambda a, b: (a, b), {"a": 1}, collections.OrderedDict(a=1))
p.tree_map(lambda a, b: (a, b), collections.OrderedDict(a=1), {"a": 1})
p.tree_map(lambda a, b: (a, b), collections.defaultdict(list, a=1), collections.defaultdict(int, a=2))
p.tree_map(lambda a, b: (a, b), collections.deque([1], maxlen=2), collections.deque([2], maxlen=3))
p.tree_map(lambda a, b: (a, b), (1, 2), Pair(1, 2))
p.tree_map(lambda a, b: (a, b), Pair(1, 2), Pair(3, 4))
p.tree_map(lambda x: x, [1, [2]], is_leaf=lambda x: x == [2])
p.tree_map_([].append, [1, [2]])
p.tree_map_only(int, lambda x: x + 1, [1, "a", 2.0])
p.tree_map_only((int, float), lambda x: x + 1, [1, "a", 2.0])
p.tree_map_only(int | float, lambda x: x + 1, [1, "a", 2.0])
p.tree_map_only(lambda x: isinstance(x, str), lambda x: x + "b", [1, "a", 2.0])
p.tree_map_only(3, lambda x: x, [1])
p.tree_map_only(torch.Tensor, lambda x: x.tolist(), {"a": torch.ones(2), "b": 1})
p.tree_map_only_(int, lambda x: x + 1, [1]), p.map_only(int)(lambda x: x + 1)(3), p.map_only(int)(lambda x: x + 1)("a")
p.tree_all(bool, [1, 0]), p.tree_any(bool, [1, 0]), p.tree_all(bool, []), p.tree_any(bool, [])
p.tree_all_only(int, lambda x: x > 0, [1, "s"]), p.tree_any_only(int, lambda x: x > 1, [1, 2, "s"])
p.tree_map_with_path(lambda k, v: (p.keystr(k), v), {"a": [1, 2]})
p.tree_map_with_path(lambda k, a, b: (p.keystr(k), a, b), [1], [2])
p.tree_flatten_with_path([1, [2]], is_leaf=lambda x: x == [2])
p.tree_structure({"a": 1, "b": 2}) == p.tree_structure({"b": 2, "a": 1}), p.tree_structure(t) == p.tree_structure(t)
hash(p.tree_structure(t)) == hash(p.tree_structure(t)), p.tree_structure(1) == p.LeafSpec(), p.tree_structure([1]) == 3
p.TreeSpec(list, None, [p.LeafSpec()]), p.treespec_leaf(), p.treespec_tuple([p.treespec_leaf()])
p.treespec_dict({"a": p.treespec_leaf()}), p.treespec_dict(a=p.treespec_leaf())
p.tree_structure(t).flatten_up_to(t), p.tree_structure(t).unflatten(p.tree_leaves(t))
p.tree_structure([1]).flatten_up_to((1,))
p._broadcast_to_and_flatten(0, p.tree_structure([1, 2]))
p._broadcast_to_and_flatten([1, 2], p.tree_structure([1, [2, 3]]))
p._broadcast_to_and_flatten([1, 2, 3], p.tree_structure([1, 2]))
p._broadcast_to_and_flatten((1,), p.tree_structure([1]))
p.treespec_dumps(p.tree_structure(t))
p.treespec_loads(p.treespec_dumps(p.tree_structure(t))) == p.tree_structure(t)
p.treespec_dumps(p.tree_structure(Pair(1, 2)))
p.treespec_dumps(3)
p.treespec_dumps(p.tree_structure([1]), protocol=3)
p.treespec_loads("x")
p.treespec_loads("[7, {}]")
p.treespec_pprint(p.tree_structure(t)), p.arg_tree_leaves(1, [2], a={"k": 3})
p.tree_is_leaf([1]), p.tree_is_leaf(1), p.tree_is_leaf([1], lambda x: True), p.tree_is_leaf(torch.ones(2))
p.is_namedtuple(Pair), p.is_namedtuple(Pair(1, 2)), p.is_namedtuple((1, 2)), p.is_structseq(torch.max(torch.ones(2), 0))
p.register_pytree_node(list, lambda x: x, lambda x, c: x)
p.register_pytree_node(type("One", (), {}), lambda x: x, lambda x, c: x, to_dumpable_context=str)
p.register_dataclass(int)
""".strip().splitlines()


def shown(torch, line):
    names = {
        "torch": torch, "p": importlib.import_module(f"{torch.__name__}.utils._pytree"), "collections": collections,
        "Pair": Pair,
        "t": {
            "b": [1, (2, None)],
            "a": collections.OrderedDict(
                x=1, y=collections.defaultdict(list, {"k": collections.deque([1], maxlen=3)})
            ),
        },
    }  # fmt: skip
    try:
        found = repr(eval(line, names))
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        found = f"{type(error).__name__}: {error}"
    return re.sub(r"0x[0-9a-f]+", "0x", found).replace("jtorch.", "torch.")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_line(line):
    assert shown(jtorch, line) == shown(oracle, line)


def registered(torch):
    """What classes of a user's own are seen as."""
    p = importlib.import_module(f"{torch.__name__}.utils._pytree")

    @dataclasses.dataclass
    class Point:
        x: int
        y: int | None = None

    class Box:
        def __init__(self, *items):
            self.items = items

    class Fixed:
        def __eq__(self, other):
            return isinstance(other, Fixed)

        def __hash__(self):
            return 1

        def __repr__(self):
            return "fixed"

    p.register_dataclass(Point)
    p.register_pytree_node(Box, lambda b: (list(b.items), "note"), lambda items, _: Box(*items))
    p.register_constant(Fixed)
    yield p.tree_flatten(Point(1)), p.tree_flatten(Point(1, 2)), p.keystr(p.tree_leaves_with_path(Point(1))[0][0])
    yield p.tree_map(lambda x: x + 1, Point(1, 2)).y, p.tree_flatten(Box(1, [2])), p.tree_map(str, Box(1, 2)).items
    yield p.tree_flatten([Fixed(), 1]), p.is_constant_class(Fixed)
    yield p.tree_structure(Fixed()) == p.tree_structure(Fixed())
    for call in (
        lambda: p.tree_leaves_with_path(Box(1)),
        lambda: p.treespec_dumps(p.tree_structure(Box(1))),
        lambda: p.register_pytree_node(Box, len, len),
        lambda: p.tree_map(lambda a, b: a, Box(1), [1]),
        lambda: p.register_constant(type("Plain", (), {})),
    ):
        try:
            yield call()
        except Exception as error:  # noqa: BLE001 - as above
            yield type(error).__name__, str(error)


def test_classes_of_ones_own():
    def text(torch):
        return str(list(registered(torch))).replace("jtorch.", "torch.")

    assert text(jtorch) == text(oracle)
