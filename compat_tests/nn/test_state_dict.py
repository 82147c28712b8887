"""state_dict and load_state_dict: keys, metadata, hooks, every message, as in torch."""

from collections import OrderedDict

from compat_tests.harness.same import assert_same, attempt, each_program


def _network(nn):
    return nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.BatchNorm1d(3)))


def _load_changed(torch, change, **options):
    net = _network(torch.nn)
    state = net.state_dict()
    change(state)
    return net.load_state_dict(state, **options)


def _without(*names):
    def change(state):
        for name in names:
            del state[name]

    return change


def contents(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("temporary", torch.zeros(2), persistent=False)
            self.register_buffer("kept", torch.ones(2))
            self.register_buffer("none", None)
            self.register_parameter("absent", None)
            self.inner = _network(torch.nn)
            self.gone = None

    state = Net().state_dict()
    return state, state._metadata, [v.requires_grad for v in state.values()]


def shares_memory(torch):
    layer = torch.nn.Linear(1, 1)
    layer.state_dict()["weight"].zero_()
    return layer.weight


def arguments(torch):
    net = _network(torch.nn)
    given = {}
    same = net.state_dict(destination=given, prefix="q.") is given
    return same, list(given), list(net.state_dict({}, "p.", True).values())[0].requires_grad


def keep_vars(torch):
    layer = torch.nn.Linear(1, 1)
    return layer.state_dict(keep_vars=True)["weight"] is layer.weight


def problems(torch):
    zeros = torch.zeros
    changes = [
        (lambda d: None, {}),
        (_without("a.weight"), {}),
        (_without("a.weight", "b.weight"), {}),
        (lambda d: (d.pop("a.weight"), d.update(zz=1)), {"strict": False}),
        (lambda d: d.update({"zz": zeros(1), "a.foo": zeros(2), "c.d": zeros(1), "a": zeros(1)}), {}),
        (lambda d: (d.update({"zz": zeros(1)}), d.pop("a.bias")), {}),
        (lambda d: d.update({"a.weight": zeros(1)}), {}),
        (lambda d: d.update({"a.weight": zeros(4, 4), "a.bias": zeros(7)}), {"strict": False}),
        (lambda d: d.update({"a.weight": zeros(4, 4)}), {"assign": True}),
        (lambda d: d.update({"a.weight": zeros(4, 4), "z": zeros(1)}), {}),
        (lambda d: d.update({"a.weight": 3}), {}),
        (lambda d: d.update({"b.num_batches_tracked": zeros(1)}), {}),
        (lambda d: d.update({"b.num_batches_tracked": zeros(3)}), {}),
        (lambda d: d.update({"a.weight": zeros(3, 2, dtype=torch.int64)}), {}),
        (lambda d: d.update({"a.weight": zeros(3, 2, dtype=torch.int64)}), {"assign": True}),
        (lambda d: d.update({"b._extra_state": 3}), {}),
    ]
    return [attempt(lambda c=c, o=o: _load_changed(torch, c, **o)) for c, o in changes]


def no_mapping(torch):
    return [attempt(_network(torch.nn).load_state_dict, given) for given in ([1], 3)]


def partly_loaded(torch):
    net = _network(torch.nn)
    result = net.load_state_dict({"a.bias": torch.ones(3)}, strict=False)
    return result, tuple(result), result.missing_keys, net.a.bias


def values_are_copied(torch):
    a, b = _network(torch.nn), _network(torch.nn)
    before = a.a.weight
    a.load_state_dict(b.state_dict())
    with torch.no_grad():
        b.a.weight.zero_()
    return a.a.weight is before, a.state_dict(), b.state_dict()


def assignment(torch):
    layer = torch.nn.Linear(2, 1).requires_grad_(False)
    weight, bias = torch.ones(1, 2, dtype=torch.float64), torch.nn.Parameter(torch.ones(1))
    layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return layer.weight, layer.bias, layer.bias is bias, layer.weight.data_ptr() == weight.data_ptr()


def state_is_left_alone(torch):
    net = _network(torch.nn)
    state = net.state_dict()
    net.register_load_state_dict_pre_hook(lambda module, found, *rest: found.pop("a.weight"))
    found = attempt(net.load_state_dict, state)
    return found, list(state)


def extra_state(torch):
    class Extra(torch.nn.Module):
        def get_extra_state(self):
            return 5

        def set_extra_state(self, state):
            self.seen = state

    net = torch.nn.Sequential(Extra())
    state = net.state_dict()
    loaded = net.load_state_dict(state)
    missing = attempt(net.load_state_dict, {})
    unexpected = attempt(net.load_state_dict, {"0._extra_state": 1, "q": 2})
    return state, loaded, missing, unexpected, net[0].seen


def hooks(torch):
    log = []
    layer = torch.nn.Linear(1, 1)
    net = torch.nn.Sequential(layer)
    kinds = [type(v).__name__ for v in ({}, [], "", True)]
    layer.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", m is layer, prefix, keep)))
    layer.register_state_dict_post_hook(lambda m, d, prefix, meta: log.append(("post", list(d), prefix, meta)))
    layer._register_state_dict_hook(lambda m, d, prefix, meta: log.append(("own post", list(d), prefix)))
    layer.register_load_state_dict_pre_hook(
        lambda m, d, *rest: log.append(("load pre", m is layer, list(d), [type(r).__name__ for r in rest]))
    )
    layer._register_load_state_dict_pre_hook(lambda d, prefix, *rest: log.append(("own load pre", list(d), prefix)))
    layer._register_load_state_dict_pre_hook(lambda m, d, *rest: log.append(("with", m is layer)), with_module=True)
    layer.register_load_state_dict_post_hook(lambda m, keys: log.append(("load post", m is layer, keys)))
    state = net.state_dict(prefix="p.")
    net.load_state_dict(net.state_dict())
    return log, state, kinds


def removed_hooks(torch):
    log = []
    layer = torch.nn.Linear(1, 1)
    handles = [
        layer.register_state_dict_pre_hook(lambda *args: log.append(1)),
        layer.register_state_dict_post_hook(lambda *args: log.append(2)),
        layer.register_load_state_dict_pre_hook(lambda *args: log.append(3)),
        layer.register_load_state_dict_post_hook(lambda *args: log.append(4)),
    ]
    for handle in handles:
        handle.remove()
    layer.load_state_dict(layer.state_dict())
    return log


def results_of_hooks(torch):
    def run(register, result):
        layer = torch.nn.Linear(1, 1)
        getattr(layer, register)(lambda *args: result)
        return attempt(layer.state_dict), attempt(lambda: layer.load_state_dict(torch.nn.Linear(1, 1).state_dict()))

    def twice():
        layer = torch.nn.Linear(1, 1)

        def hook(*args):
            return None

        layer.register_state_dict_post_hook(hook)
        layer._register_state_dict_hook(hook)

    def post_hook_clears():
        layer = torch.nn.Linear(1, 1)
        layer.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        return layer.load_state_dict({})

    registers = ("register_state_dict_post_hook", "_register_state_dict_hook", "register_load_state_dict_post_hook")
    return [run(register, {}) for register in registers], attempt(twice), attempt(post_hook_clears)


def customised_loading(torch):
    class Renamed(torch.nn.Module):
        _version = 3

        def __init__(self):
            super().__init__()
            self.new = torch.nn.Parameter(torch.zeros(1))

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if prefix + "old" in state_dict:
                state_dict[prefix + "new"] = state_dict.pop(prefix + "old")
            self.version_seen = local_metadata.get("version")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    module = Renamed()
    loaded = module.load_state_dict({"old": torch.ones(1)})
    version = module.version_seen
    module.load_state_dict(module.state_dict())
    return loaded, module.new, version, module.version_seen


def batch_norm_of_version_1(torch):
    layer = torch.nn.BatchNorm1d(2)
    layer.num_batches_tracked.add_(4)
    old = layer.state_dict()
    del old["num_batches_tracked"]
    failed = attempt(layer.load_state_dict, old)
    old._metadata.clear()
    return failed, layer.load_state_dict(old), layer.num_batches_tracked


def instance_norm_of_version_1(torch):
    old = dict(torch.nn.InstanceNorm1d(2, track_running_stats=True).state_dict())
    new = torch.nn.InstanceNorm1d(2, track_running_stats=True).state_dict()
    return [attempt(torch.nn.InstanceNorm1d(2).load_state_dict, state) for state in (old, new)]


@each_program(globals())
def test_same_as_torch(program):
    assert_same(program)
